"""The name that pip knows the package by, and every hint to install something."""

from __future__ import annotations

import re
import shlex
import tomllib

import pytest

from landscape.version import DISTRIBUTION
from tests.documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SOURCES = [
    *(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"),  # which tells of the past
    *(ROOT / "docs").rglob("*.md"),
    *(path for folder in ("landscape", "tests", "benchmarks", "figures") for path in (ROOT / folder).rglob("*.py")),
    ROOT / ".ci" / "run",
    ROOT / "pyproject.toml",
]  # fmt: skip
# What the project depends on, in any of its extras, and the packages that benchmarks compare with.
OTHERS = {
    re.split(r"[<>=\[]", dependency)[0]
    for dependency in [*PROJECT["dependencies"], *(one for extra in EXTRAS.values() for one in extra)]
} | {
    "nvidia-cuda-nvcc", "loss-landscapes", "landscaper", "pyhessian", "hessian-eigenthings", "curvlinops-for-pytorch", "dask-jobqueue", "jax",
    "orqviz", "mpi4py", "openmpi",
}  # fmt: skip


# A requirement as it is typed: a name, perhaps extras, perhaps a version, perhaps in quotes.
REQUIREMENT = re.compile(r"""(['"]?)([A-Za-z][\w.-]*(?:\[[\w,]+\])?)(?:[=<>~][^\s'"]*)?\1(?=[\s'"`,;:)]|$)""")


def hints() -> list[tuple[str, str]]:
    """Give each distribution that a text tells to install, with the place where it does."""
    found = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for rest in re.findall(r"pip install ([^\n`&|]+)", text):
            while rest:
                word = REQUIREMENT.match(rest)
                if word:
                    found.append((word[2], str(path.relative_to(ROOT))))
                elif not re.match(r"-|\.|'\.|\"?\$", rest):
                    break
                rest = rest[word.end() :].lstrip() if word else rest.partition(" ")[2]
    return found


def test_the_version_is_that_of_the_project():
    assert PROJECT["name"] == DISTRIBUTION


def test_the_command_and_the_package_keep_their_name():
    assert PROJECT["scripts"] == {"landscape": "landscape.commands:main"}


def test_extras_refer_to_the_project_by_its_name():
    own = [one for extra in EXTRAS.values() for one in extra if "landscape" in one]
    assert own
    assert all(one.startswith(f"{DISTRIBUTION}[") for one in own)


@pytest.mark.parametrize(("extra"), sorted(EXTRAS))
def test_no_text_asks_for_an_extra_of_another_project(extra):
    pattern = re.compile(rf"(?<![\w-])landscape\[{extra}\]")
    assert [path for path in SOURCES if pattern.search(path.read_text(encoding="utf-8"))] == []


def test_every_hint_to_install_names_the_project_or_a_package_that_it_knows():
    asked = hints()
    assert any(name.startswith(f"{DISTRIBUTION}[") for name, _ in asked)
    known = OTHERS | {DISTRIBUTION}
    assert [(name, path) for name, path in asked if name.partition("[")[0] not in known] == []


def test_what_an_importer_asks_for_is_an_extra_of_the_project():
    from landscape.importers.optional import INSTALL
    from landscape.objective.devices import EXTRA

    named = [*INSTALL.values(), shlex.split(EXTRA)[-1]]
    assert {name.partition("[")[0] for name in named} == {DISTRIBUTION}
    assert {name.partition("[")[2].rstrip("]") for name in named} <= set(EXTRAS)


def test_the_package_is_typed_and_holds_no_pictures():
    """What the wheel has is the folder of the package."""
    package = ROOT / "landscape"
    assert (package / "py.typed").is_file()
    assert [
        path for path in package.rglob("*") if path.suffix in {".png", ".svg", ".pdf", ".gif", ".jpg"}
    ] == []


def test_the_citation_is_of_this_version_and_licence():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    said = dict(re.findall(r"^(version|license): (.*)$", citation, re.MULTILINE))
    assert said == {"version": PROJECT["version"], "license": PROJECT["license"]}


def test_the_workflow_runs_what_a_contributor_runs():
    workflow = (ROOT / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
    assert re.findall(r"^ +- run: (.*)$", workflow, re.MULTILINE) == [".ci/run"]
