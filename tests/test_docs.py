"""The documents beside README name what is there: files, tables, commands, ops and losses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from landscape.commands import COMMANDS
from landscape.model.losses import LOSSES
from landscape.model.operations import OPERATIONS
from landscape.records import RECORDS
from tests.documents import ROOT

ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "docs" / "model-format.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "landscape"


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def paths(text: str) -> set[str]:
    """Give what is quoted and looks like a file or a folder of the project."""
    return {name for name in quoted(text) if re.fullmatch(r"[\w./-]+\.(py|md)|[\w./-]+/", name)} - {"src/"}


def exists(name: str) -> bool:
    """Look a name up from the root, from the package, and, without a folder, anywhere in the package."""
    places = [ROOT / name, PACKAGE / name]
    return any(place.exists() for place in places) or ("/" not in name and any(PACKAGE.rglob(name)))


@pytest.mark.parametrize("name", sorted(paths(ARCHITECTURE)))
def test_files_named_in_the_architecture_exist(name):
    assert exists(name)


@pytest.mark.parametrize(
    "table", sorted({name for name in quoted(ARCHITECTURE) if re.fullmatch("[A-Z]{3,}", name)})
)
def test_tables_named_in_the_architecture_exist(table):
    definition = re.compile(rf"^{table}\b.*=", re.MULTILINE)
    assert any(definition.search(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))


def test_every_layer_stands_in_the_architecture():
    layers = {
        path.name.removesuffix(".py") for path in PACKAGE.iterdir() if not path.name.startswith("_")
    } - {"data"}
    picture = ARCHITECTURE[ARCHITECTURE.index("## Layers") : ARCHITECTURE.index("## Where")]
    assert {layer for layer in layers if not re.search(rf"\b{layer}\b", picture)} == set()


def test_every_kind_of_record_is_laid_out():
    records = ARCHITECTURE[ARCHITECTURE.index("## Records") :]
    assert {kind for kind in RECORDS if f"| `{kind}` |" not in records} == set()


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
        timeout=300,
    )
    assert picture.stat().st_size > 0
