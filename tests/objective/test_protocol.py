"""Only two files check what an objective is and has; all others rely on the protocol."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import landscape

PACKAGE = Path(landscape.__file__).parent
# What a function of θ is asked for, and what makes one of it.
ASKING = {"objective/kinds.py", "objective/complete.py"}
PARTS = {
    "value", "values", "gradient", "gradients", "value_and_gradient", "hvp", "hvps", "hvps_at", "evaluate", "sweep", "outputs",
}  # fmt: skip
KINDS = ("Objective", "Completed")


def named(node: ast.AST) -> list[str]:
    """Give the names and attributes in an expression, strings that stand for types too."""
    found = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return found + [part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)]


def asks(node: ast.AST) -> bool:
    """Say whether a piece of code asks what an objective is or has."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name, arguments = node.func.id, node.args
        if name == "isinstance":
            return any(kind.endswith(KINDS) for kind in named(arguments[1]))
        if name in ("hasattr", "getattr"):
            of_objective = any("objective" in part for part in named(arguments[0]))
            part = arguments[1]
            return of_objective or (isinstance(part, ast.Constant) and part.value in PARTS)
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute):
        none = any(isinstance(side, ast.Constant) and side.value is None for side in node.comparators)
        return none and node.left.attr in PARTS and any("objective" in part for part in named(node.left))
    if isinstance(node, ast.arg) and node.arg == "objective" and node.annotation is not None:
        return bool({"Any", "object"} & set(named(node.annotation)))
    return False


@pytest.mark.parametrize(
    "code",
    [
        "isinstance(subject, NetworkObjective)",
        "isinstance(x, (int, landscape.SurfaceObjective))",
        "hasattr(x, 'hvps')",
        "getattr(objective, name, None)",
        "self.objective.gradient is None",
        "def f(objective: Any): pass",
    ],
)
def test_a_question_would_be_found(code):
    assert any(asks(node) for node in ast.walk(ast.parse(code)))


def test_no_other_file_asks_what_an_objective_is_or_has():
    found = {
        (path.relative_to(PACKAGE).as_posix(), node.lineno)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).as_posix() not in ASKING
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if asks(node)
    }
    assert found == set()
