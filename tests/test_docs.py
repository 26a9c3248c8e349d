"""The documents beside README name what is there: files, tables, commands, ops and losses."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import landscape
from landscape.commands import COMMANDS
from landscape.diagnosis import Thresholds
from landscape.model.losses import LOSSES
from landscape.ops.table import OPERATIONS
from landscape.records import RECORDS
from landscape.records.kinds import ARRAYS
from tests.documents import ROOT
from tests.records.examples import EXAMPLES
from tests.test_readme import options_of

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "docs" / "model-format.md").read_text(encoding="utf-8")
LAYOUTS = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
DECISIONS = ROOT / "docs" / "decisions"
# Every document for whoever changes the package.
WITHIN = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        ROOT / "ARCHITECTURE.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "docs" / "records.md",
        ROOT / "docs" / "diagnosis.md",
        *sorted(DECISIONS.glob("*.md")),
    )
}
MOST_WORDS, WIDEST = 1500, 100
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "landscape"
SOURCES = [path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def paths(text: str) -> set[str]:
    """Give what is quoted and looks like a file or a folder of the project."""
    return {name for name in quoted(text) if re.fullmatch(r"[\w./-]+\.(py|md)|[\w./-]+/", name)} - {"src/"}


def exists(name: str) -> bool:
    """Look a name up from the root, from the package, and, without a folder, anywhere in the package."""
    places = [ROOT / name, PACKAGE / name]
    return any(place.exists() for place in places) or ("/" not in name and any(PACKAGE.rglob(name)))


@pytest.mark.parametrize("document", WITHIN)
def test_files_named_in_a_document_exist(document):
    assert {name for name in paths(WITHIN[document]) if not exists(name)} == set()


@pytest.mark.parametrize("document", WITHIN)
def test_tables_named_in_a_document_exist(document):
    tables = {name for name in quoted(WITHIN[document]) if re.fullmatch("[A-Z]{3,}", name)}
    defined = {name for source in SOURCES for name in re.findall(r"^([A-Z]{3,})\b.*=", source, re.MULTILINE)}
    assert tables - defined == set()


@pytest.mark.parametrize("document", [*WITHIN, "README.md", "docs/commands.md", "figures/README.md"])
def test_links_of_a_document_lead_to_files(document):
    place = ROOT / document
    links = re.findall(r"\]\(([^)#]+)", place.read_text(encoding="utf-8"))
    ours = [link for link in links if "://" not in link]
    assert [link for link in ours if not (place.parent / link).exists()] == []


def test_the_architecture_is_short():
    assert len(ARCHITECTURE.split()) <= MOST_WORDS


def test_contributing_has_every_check():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    checks = re.findall(
        r'^((?:\w+=1 )*)"\$python" (-m (?:pytest|ruff|mypy).*|benchmarks.*)$', script, re.MULTILINE
    )
    guide = WITHIN["CONTRIBUTING.md"]
    assert len(checks) > 7
    assert [check for check in checks if f"`{check[0]}python {check[1]}`" not in guide] == []


def test_every_decision_is_listed_and_says_what_why_and_where():
    listed = (DECISIONS / "README.md").read_text(encoding="utf-8")
    for path in sorted(DECISIONS.glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        assert f"]({path.name})" in listed
        assert "\n## Decided\n" in text
        assert "\n## Where\n" in text
        assert max(map(len, text.splitlines())) <= WIDEST


def test_every_layer_stands_in_the_architecture():
    layers = {
        path.name.removesuffix(".py") for path in PACKAGE.iterdir() if not path.name.startswith("_")
    } - {"data", "py.typed"}
    picture = ARCHITECTURE[ARCHITECTURE.index("## Layers") : ARCHITECTURE.index("## Where")]
    assert {layer for layer in layers if not re.search(rf"\b{layer}\b", picture)} == set()


def laid_out(kind: str) -> list[str]:
    """Return the keys in the first column of the table of a kind of record."""
    section = LAYOUTS.partition(f"\n## `{kind}`\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    return [key for row in rows for key in quoted(row)]


@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_every_array_that_is_declared_is_laid_out(kind):
    assert {name for name in ARRAYS[kind] if not any(fits(name, key) for key in laid_out(kind))} == set()


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_array_of_an_example_is_laid_out(example):
    record = EXAMPLES[example]()
    known = laid_out(record.kind)
    assert {name for name in record.arrays() if not any(fits(name, key) for key in known)} == set()


def fits(name: str, key: str) -> bool:
    """Say whether a key of the tables, whose `<placeholders>` are words and whose stars are anything, is the name of an array."""
    if key == "scan.<key>":
        return name.startswith("scan.")
    pattern = re.sub(r"<\w+>", r"[\\w ×/-]+", re.escape(key)).replace(r"\*", ".+")
    return name == key or re.fullmatch(pattern, name) is not None


@pytest.mark.parametrize("threshold", fields(Thresholds), ids=lambda threshold: threshold.name)
def test_every_threshold_of_the_diagnosis_stands_there_with_its_default(threshold):
    guide = WITHIN["docs/diagnosis.md"]
    said = [float(number) / 100 for number in re.findall(rf"`{threshold.name}`\s=\s+([\d.]+)\s%", guide)]
    said += [float(number) for number in re.findall(rf"`{threshold.name}`\s=\s+([\d.]+)(?!\s%)\b", guide)]
    said += [
        float(number.replace(",", ""))
        for number in re.findall(rf"^\| `{threshold.name}` \| (\S+) \|", guide, re.MULTILINE)
    ]
    assert said
    assert set(said) == {threshold.default}


def test_every_option_named_in_the_guide_of_the_diagnosis_is_one():
    named = set(re.findall(r"`(?:landscape diagnose )?(--[a-z-]+)", WITHIN["docs/diagnosis.md"]))
    assert named
    assert named <= options_of("diagnose")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_changelog_names_every_command(command):
    assert f"`landscape {command}" in CHANGELOG


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_format_has_every_op(name):
    rows = [line for line in FORMAT.splitlines() if line.startswith("| `")]
    assert any(f"`{name}`" in row.split("|")[1] for row in rows)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_the_format_has_every_loss(name):
    assert any(f"`{name}`" in line for line in FORMAT.splitlines() if line.startswith("| `"))


def test_the_figure_of_readme_has_its_picture_and_its_script_runs(tmp_path: Path):
    script = ROOT / "figures" / "digits_landscape.py"
    assert script.with_suffix(".png").is_file()
    picture = tmp_path / "picture.png"
    subprocess.run(
        [sys.executable, "-W", "error", script, "--quick", "--output", picture],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert picture.stat().st_size > 0


def public_docstrings() -> dict[str, str]:
    """Give the first line of every public name and of the methods that its class has itself."""
    found = {}
    for name in landscape.NAMES:
        one = getattr(landscape, name)
        found[name] = inspect.getdoc(one) or ""
        for part, value in (vars(one) if inspect.isclass(one) else {}).items():
            code = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if not part.startswith("_") and (inspect.isfunction(code)):
                found[f"{name}.{part}"] = inspect.getdoc(code) or ""
    return {name: text.partition("\n")[0] for name, text in found.items()}


def test_public_docstrings_begin_with_one_plain_sentence():
    """It ends with a full stop and has no semicolon: what else there is to say stands below it."""
    assert {
        name: line for name, line in public_docstrings().items() if not line.endswith(".") or ";" in line
    } == {}
