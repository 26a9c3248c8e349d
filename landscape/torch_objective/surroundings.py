"""What a user's function reads from its closure, its defaults and its module: numbers, tensors, functions and classes."""

from __future__ import annotations

import argparse
import dataclasses
import dis
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from landscape.objective.blame import is_foreign

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
# Python's own code of a dataclass has no file.
GENERATED = "<string>"


def surroundings(function: Any) -> Iterator[tuple[str, Any]]:
    """Give names and values that a function of the user's reads and does not set: its defaults, those of its closure, then of its module.

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
    yield from defaults_of(function)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # a name that has no value yet
            continue
    read, written = globals_of(code)
    for name in sorted(read - written):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def defaults_of(function: Any) -> Iterator[tuple[str, Any]]:
    """Give the defaults of a function's arguments, which were evaluated when it was made."""
    given = function.__defaults__ or ()
    yield from ((f"default {place}", value) for place, value in enumerate(given))
    yield from sorted((function.__kwdefaults__ or {}).items())


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
    """Give what a value is known by: numbers, words and tensors by what they are, functions and classes by their text and what it reads.

    Namespaces and dataclasses are known by their attributes. Of any other object only the class is seen: it may change with every call, and
    nothing tells whether that counts.
    """
    if isinstance(value, PLAIN):
        return repr(value).encode()
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return tensors(value)
    if isinstance(value, tuple | list) and depth < 3:
        return b"[" + b",".join(told(item, tensors, texts, seen, depth + 1) for item in value) + b"]"
    if isinstance(value, types.FunctionType):
        return of_function(value, tensors, texts, seen)
    if isinstance(value, types.ModuleType):
        return of_module(value)
    given = value if isinstance(value, dict) else attributes(value)
    if given is not None and depth < 3:
        items = sorted(given.items(), key=lambda item: str(item[0]))
        return (
            b"{"
            + b",".join(str(k).encode() + told(v, tensors, texts, seen, depth + 1) for k, v in items)
            + b"}"
        )
    return of_class(value if isinstance(value, type) else type(value), tensors, texts, seen)


def attributes(value: Any) -> dict[str, Any] | None:
    """Give the attributes of an object that is made to hold settings, None of any other.

    >>> attributes(argparse.Namespace(rate=0.1)), attributes(object())
    ({'rate': 0.1}, None)
    """
    if isinstance(value, argparse.Namespace | types.SimpleNamespace):
        return vars(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return None


def of_module(module: types.ModuleType) -> bytes:
    """Give a module's name, and its text where it is the user's: what of it is called is not looked up."""
    name = module.__name__.encode()
    if is_package(getattr(module, "__file__", None) or "<built in>"):
        return name
    try:
        return name + inspect.getsource(module).encode()
    except (OSError, TypeError):
        return name


def of_class(
    kind: type, tensors: Callable[[Any], bytes], texts: Callable[[Any], bytes], seen: set[int]
) -> bytes:
    """Give a class's name, and of the user's classes the numbers and words in them and their methods, inherited ones too."""
    found = f"{kind.__module__}.{kind.__qualname__}".encode()
    if id(kind) in seen:
        return found
    seen.add(id(kind))
    for base in kind.__mro__:
        methods = {name: own for name, value in vars(base).items() if (own := method_of(value)) is not None}
        if methods:
            plain = {key: value for key, value in vars(base).items() if is_setting(key, value)}
            found += repr(sorted(plain.items())).encode()
        for _, method in sorted(methods.items()):
            found += of_function(method, tensors, texts, seen)
    return found


def method_of(value: Any) -> types.FunctionType | None:
    """Give the function of a method of the user's, whatever it is wrapped in; None of anything else."""
    value = getattr(value, "__func__", getattr(value, "fget", value))
    if not isinstance(value, types.FunctionType):
        return None
    path = value.__code__.co_filename
    return None if path == GENERATED or is_package(path) else value


def is_setting(key: str, value: Any) -> bool:
    """Say whether an attribute of a class is a number or a word that its author wrote."""
    return isinstance(value, PLAIN) and not key.startswith("__")


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
