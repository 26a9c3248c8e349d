"""Functions that are written as text: a branch a formula, or a body for each register tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def function_of(name: str, text: str, **names: Any) -> Any:
    """Make the function of a name that a text defines; `names` are what it refers to."""
    found = dict(names)
    exec(compile(text, f"<{name}, written by {__package__}>", "exec"), found)
    return found[name]


def choice(name: str, functions: Sequence[Callable[..., Any]], arguments: str) -> Any:
    """Make a function of (code, arguments) that calls the one of that code: functions cannot be passed to a kernel."""
    lines = [f"def {name}(code, {arguments}):"]
    for code in range(len(functions) - 1):
        lines += [f"    if code == {code}:", f"        return {name}_{code}({arguments})"]
    lines += [f"    return {name}_{len(functions) - 1}({arguments})"]
    return function_of(name, "\n".join(lines), **{f"{name}_{code}": f for code, f in enumerate(functions)})
