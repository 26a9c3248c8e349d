"""The number of threads that a caller asks for reaches all that computes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import landscape

PACKAGE = Path(landscape.__file__).parent
# A user's script, and what takes no number of threads itself: a look at a file, and the check of an import.
FREE = {"gallery", "importers"}
WITHOUT = {("objective/network.py", "evaluate_model"), ("commands/demo.py", "write_fault")}
SOURCES = [path for path in sorted(PACKAGE.rglob("*.py")) if not FREE & set(path.parts)]


def place_of_threads(function: ast.FunctionDef) -> int | None:
    """The place of `threads` among the arguments of a call; −1 behind a star, None where it is no parameter."""
    names = [argument.arg for argument in function.args.args if argument.arg != "self"]
    if "threads" in names:
        return names.index("threads")
    return -1 if "threads" in [argument.arg for argument in function.args.kwonlyargs] else None


def defined(tree: ast.Module) -> dict[str, int]:
    """The functions and classes at the top of a module that take threads."""
    found = {}
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for function in inner:
            if isinstance(function, ast.FunctionDef) and function.name in ("__init__", node.name):
                found[node.name] = place_of_threads(function)
    return {name: place for name, place in found.items() if place is not None}


TREES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
TAKING = {module: defined(tree) for module, tree in TREES.items()}


def known(module: str) -> dict[str, int]:
    """The names of a module that take threads, its own and imported ones."""
    found = dict(TAKING[module])
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("landscape."):
            home = node.module.removeprefix("landscape.").replace(".", "/")
            for other, names in TAKING.items():
                if other.startswith(home):
                    found |= {a.asname or a.name: names[a.name] for a in node.names if a.name in names}
    return found


def hands_on(call: ast.Call, place: int) -> bool:
    names = [keyword.arg for keyword in call.keywords]
    return "threads" in names or None in names or 0 <= place < len(call.args)


@pytest.mark.parametrize("module", TREES, ids=str)
def test_every_call_of_what_takes_threads_hands_them_on(module):
    taking = known(module)
    for function in ast.walk(TREES[module]):
        if not isinstance(function, ast.FunctionDef) or (module, function.name) in WITHOUT:
            continue
        for call in ast.walk(function):
            name = getattr(call.func, "id", None) if isinstance(call, ast.Call) else None
            if name in taking:
                assert hands_on(call, taking[name]), f"line {call.lineno}: {name} without threads"
