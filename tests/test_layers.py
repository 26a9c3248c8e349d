"""Imports point down: no module of `landscape` knows one that stands above it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import pytest

import landscape

PACKAGE = Path(__file__).parents[1] / "landscape"
BOTTOM = {
    "errors",
    "file_array",
    "files",
    "atomic",
    "interrupt",
    "locks",
    "machine",
    "marks",
    "memory",
    "messages",
    "npy",
    "optimizer_names",
    "overwrite",
    "progress",
    "streams",
    "version",
}
BELOW_OBJECTIVES = {"model", "ops", "formulas", "records"}
# layer → the layers that it may import, itself and the bottom aside
ALLOWED: dict[str, set[str]] = {
    **{name: set() for name in BOTTOM},
    "jit": set(),
    "formulas": {"jit"},
    "program": set(),
    "ops": {"program"},
    # The table of integers is lowered from the model's graph.
    "kernels": {"formulas", "jit", "model", "program"},
    "model": {"ops"},
    "records": {"model"},
    "objective": {"kernels", "jit", "ops", "program"} | BELOW_OBJECTIVES,
    "importers": {"model", "ops", "objective"},
    "torch_objective": {"importers", "model", "objective"},
    "logs": {"model"},
    "recording": {"importers", "model", "ops"},
    "workers": {"objective", "records"},
    "directions": {"objective"} | BELOW_OBJECTIVES,
    "curvature": {"objective"} | BELOW_OBJECTIVES,
    "critical": {"workers", "curvature", "objective"} | BELOW_OBJECTIVES,
    "alignment": {"directions", "objective", "ops"} | BELOW_OBJECTIVES,
    "connection": {"workers", "alignment", "critical", "curvature", "directions", "objective"}
    | BELOW_OBJECTIVES,
    "scanning": {"workers", "directions", "curvature", "objective"} | BELOW_OBJECTIVES,
    "sharpness": {"curvature", "directions", "objective"} | BELOW_OBJECTIVES,
    "topology": {"connection", "objective", "jit"} | BELOW_OBJECTIVES,
    "training": {"workers", "directions", "objective"} | BELOW_OBJECTIVES,
    "faults": {"training", "model"},
    "trajectories": {"workers", "scanning", "directions", "objective"} | BELOW_OBJECTIVES,
    "diagnosis": {"workers", "studies", "critical", "curvature", "training", "objective", "logs"}
    | BELOW_OBJECTIVES,
    "notebook": {"model", "plots", "records", "tables", "topology"},
    "plots": {"records"},
    "tables": {"records"},
    "exporting": {"records"},
    "interactive": {"plots", "records", "tables", "topology"},
    # A report gathers what the algorithms, the figures and the tables give.
    "reporting": {
        "diagnosis",
        "critical",
        "curvature",
        "scanning",
        "sharpness",
        "topology",
        "trajectories",
        "interactive",
        "plots",
        "tables",
        "model",
        "objective",
        "records",
    },
}
ABOVE = {"commands", "studies"}
# The gallery is written as a user would write it: with the table of public names, and nothing else of ours.
USERS = {"gallery"}
LIGHT = BOTTOM | {"program", "ops", "model", "records"}
HEAVY = {"numba", "scipy", "matplotlib"}


@cache
def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def layers() -> set[str]:
    return {layer(path) for path in modules()}


@cache
def imported(path: Path) -> set[str]:
    """Every absolute module name that a file imports, at its top or inside a body."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layers_imported(path: Path) -> set[str]:
    parts = [name.split(".") for name in imported(path) if name.split(".")[0] == "landscape"]
    assert all(len(names) > 1 and names[1] in layers() for names in parts), (
        f"{path.relative_to(PACKAGE)}: imports from the package's table of public names instead of a module"
    )
    return {names[1] for names in parts}


def test_no_arrow_points_up():
    wrong = {}
    for path in modules():
        here = layer(path)
        if here in ABOVE | USERS or path.name == "__main__.py":
            continue
        assert here in ALLOWED, (
            f"{here} has no layer: give it one in tests/test_layers.py and in ARCHITECTURE.md"
        )
        if above := layers_imported(path) - {here} - ALLOWED[here] - BOTTOM:
            wrong[str(path.relative_to(PACKAGE))] = above
    assert not wrong


FIGURES = [path for path in modules() if layer(path) in USERS and path.stem not in ("__init__", "files")]


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_the_gallery_uses_public_names_only(path):
    ours = {name for name in imported(path) if name.split(".")[0] == "landscape"}
    assert {
        name for name in ours if name != "landscape" and not name.startswith("landscape.gallery")
    } == set()
    used = set(re.findall(r"\blandscape\.(\w+)", path.read_text(encoding="utf-8"))) - USERS
    assert used <= set(landscape.NAMES)


def test_light_layers_import_nothing_heavy():
    heavy = {
        str(path.relative_to(PACKAGE)): found
        for path in modules()
        if layer(path) in LIGHT and (found := {name.split(".")[0] for name in imported(path)} & HEAVY)
    }
    assert not heavy


def module_name(path: Path) -> str:
    return ".".join(["landscape", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def file_of(name: str, files: Collection[str]) -> str | None:
    """The file of ours that an imported name leads to: a module, or the module that defines it."""
    while name and name not in files:
        name = name.rpartition(".")[0]
    return name or None


def neighbours(package: str) -> dict[str, set[str]]:
    """Each file of a package with the files of the same package that it imports, inside bodies and for types only too."""
    paths = {module_name(path): path for path in modules() if layer(path) == package}
    return {
        name: {found for each in imported(path) if (found := file_of(each, paths))} - {name}
        for name, path in paths.items()
    }


def circles(edges: Mapping[str, Collection[str]]) -> set[frozenset[str]]:
    """The largest sets of more than one file of which each leads to every other."""
    reached = {name: set(near) for name, near in edges.items()}
    for middle in edges:
        for name in edges:
            if middle in reached[name]:
                reached[name] |= reached[middle]
    return {
        frozenset(other for other in near if name in reached[other])
        for name, near in reached.items()
        if name in near
    }


def test_a_circle_is_found_whatever_leads_to_it():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"b"}, "e": {"d"}}) == {frozenset("bcd")}
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == set()


PACKAGES = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


@pytest.mark.parametrize("package", PACKAGES)
def test_no_files_of_a_package_import_each_other_in_a_circle(package):
    assert circles(neighbours(package)) == set()


def test_the_public_table_imports_nothing_of_ours_when_loaded():
    top = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body
    names = [n.module or "" for n in top if isinstance(n, ast.ImportFrom)]
    names += [alias.name for n in top if isinstance(n, ast.Import) for alias in n.names]
    assert not [name for name in names if name.split(".")[0] in HEAVY | {"landscape"}]
