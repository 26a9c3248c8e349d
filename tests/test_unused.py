"""No module of the package defines a name that nothing uses.

A name is used where the package reads it by that name, lists it in an `__all__` or in the table of public names, or where a
decorator registers it.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import landscape
from landscape.faults import CASES

PACKAGE = Path(__file__).parents[1] / "landscape"
# Names that are read in another way, with the reason.
EXCEPTIONS = {
    ("kernels/cuda/shape.py", "ACROSS"): "stands in for the constant of each shape, put in its place by name",
}
CALLED_BY_NAME = {"faults/recipes.py": {name.replace("-", "_") for name in CASES}}


@pytest.fixture(scope="module")
def trees():
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.fixture(scope="module")
def used(trees):
    return read_names(trees) | listed_names(trees)


def read_names(trees: dict[Path, ast.Module]) -> set[str]:
    """Give every name and attribute that the package reads."""
    found: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.add(node.attr)
    return found


def listed_names(trees: dict[Path, ast.Module]) -> set[str]:
    """Give what is public: the lists of packages, and the table of the package's own names."""
    found = set(landscape.NAMES)
    for tree in trees.values():
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                found |= {constant.value for constant in ast.walk(node) if isinstance(constant, ast.Constant)}
    return found


def defined(tree: ast.Module) -> set[str]:
    """Give the module-level names that nothing registers by a decorator."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found |= set() if node.decorator_list and isinstance(node, ast.FunctionDef) else {node.name}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
            found |= {part.id for part in names if isinstance(part.ctx, ast.Store)}
    return {name for name in found if not name.startswith("__")}


def test_every_name_of_a_module_is_used(trees, used):
    unused = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path, tree in trees.items()
        for name in defined(tree) - used - CALLED_BY_NAME.get(path.relative_to(PACKAGE).as_posix(), set())
    }
    assert unused - EXCEPTIONS.keys() == set()


def test_every_exception_is_still_one(trees, used):
    for file, name in EXCEPTIONS:
        assert name in defined(trees[PACKAGE / file]), (file, name)
        assert name not in used


@pytest.mark.parametrize("code", ["X = 1", "def x(): pass", "class X: pass", "X: int = 1", "X, Y = 1, 2"])
def test_a_name_that_nothing_uses_would_be_found(code):
    assert {name.upper() for name in defined(ast.parse(code))} >= {"X"}
