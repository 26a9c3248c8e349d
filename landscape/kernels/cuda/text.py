"""Functions that are written as text: a branch a formula, or a body for each register tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def function_of(name: str, text: str, **names: Any) -> Any:
    """Make the function of a name that a text defines; `names` are what it refers to."""
    found = dict(names)
    exec(compile(text, f"<{name}, written by {__package__}>", "exec"), found)
    return found[name]


def choice(
    name: str, functions: Sequence[Callable[..., Any]], arguments: str, codes: Sequence[int] = ()
) -> Any:
    """Make a function of (code, arguments) that calls the one of that code: functions cannot be passed to a kernel.

    Codes are the places of the functions unless they are given.
    """
    named = dict(zip(codes or range(len(functions)), functions, strict=True))
    *others, last = named
    lines = [f"def {name}(code, {arguments}):"]
    for code in others:
        lines += [f"    if code == {code}:", f"        return {name}_{code}({arguments})"]
    lines += [f"    return {name}_{last}({arguments})"]
    return function_of(name, "\n".join(lines), **{f"{name}_{code}": f for code, f in named.items()})
