"""What a user's function reads from its closure and its module: numbers, tensors and functions."""

from __future__ import annotations

import dis
import types
from collections.abc import Callable, Iterator
from typing import Any

from landscape.objective.blame import is_foreign

PLAIN = (bool, int, float, complex, str, bytes, type(None))


def surroundings(function: Any) -> Iterator[tuple[str, Any]]:
    """Give names and values that a function of the user's reads and does not set: of its closure, then of its module.

    >>> scale = 2.0
    >>> def outer():
    ...     inner = 3.0
    ...     return lambda x: inner * x
    >>> list(surroundings(outer()))
    [('inner', 3.0)]
    """
    code = getattr(function, "__code__", None)
    if code is None or is_package(code.co_filename):
        return
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue
    read, written = globals_of(code)
    for name in sorted(read - written):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def is_package(path: str) -> bool:
    """Say whether code belongs to a package or to Python; that of an interactive session is the user's."""
    return is_foreign(path) and not path.startswith("<")


def globals_of(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Give the names of its module that code reads and writes, with those of functions inside of it."""
    read, written = set(), set()
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            read.add(str(step.argval))
        elif step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            written.add(str(step.argval))
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            more, changed = globals_of(inner)
            read, written = read | more, written | changed
    return read, written


def told(
    value: Any, tensors: Callable[[Any], bytes], texts: Callable[[Any], bytes], seen: set[int], depth: int = 0
) -> bytes:
    """Give what a value is known by: numbers, words and tensors by what they are, functions by their text and what these read.

    Of any other object only the class is seen: it may change with every call, and nothing tells whether that counts.
    """
    if isinstance(value, PLAIN):
        return repr(value).encode()
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return tensors(value)
    if isinstance(value, tuple | list) and depth < 3:
        return b"[" + b",".join(told(item, tensors, texts, seen, depth + 1) for item in value) + b"]"
    if isinstance(value, dict) and depth < 3:
        items = sorted(value.items(), key=lambda item: str(item[0]))
        return (
            b"{"
            + b",".join(str(k).encode() + told(v, tensors, texts, seen, depth + 1) for k, v in items)
            + b"}"
        )
    if isinstance(value, types.FunctionType):
        return of_function(value, tensors, texts, seen)
    if isinstance(value, types.ModuleType):
        return value.__name__.encode()
    kind = value if isinstance(value, type) else type(value)
    return f"{kind.__module__}.{kind.__qualname__}".encode()


def of_function(
    function: Any, tensors: Callable[[Any], bytes], texts: Callable[[Any], bytes], seen: set[int]
) -> bytes:
    """Give a function's text, and what it reads around it; each function once, since they may call each other."""
    if id(function) in seen:
        return b"again"
    seen.add(id(function))
    around = [
        name.encode() + b"=" + told(value, tensors, texts, seen) for name, value in surroundings(function)
    ]
    return texts(function) + b";".join(around)
