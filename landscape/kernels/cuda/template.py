"""Kernels for a shape and a dtype, made of plain functions: all share one namespace, in which a shape's constants stand.

Numba takes global names for constants, so the modules here are written with the names of `shape.py`, and are compiled once for each
pair of a shape and a dtype. One namespace also is what the simulator needs, which replaces `cuda` in it while a kernel runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from landscape.kernels.cuda.shape import Shape
from landscape.kernels.cuda.target import cuda, device_function, entry_point
from landscape.kernels.cuda.text import function_of

PACKAGE = "landscape.kernels.cuda"
# Each lists the functions that kernels call as `DEVICE`, in the order of their calls, and those that the host launches as `ENTRIES`.
MODULES = (
    "product", "rows", "losses", "values", "sweep", "backward", "tangent", "derivatives", "updates", "training", "descent",
)  # fmt: skip


@cache
def kernels(shape: Shape, dtype: np.dtype) -> SimpleNamespace:
    """Make the kernels of a shape and a dtype; they are compiled when they are first launched."""
    names: dict[str, Any] = {"__name__": f"{PACKAGE}.template", "cuda": cuda}
    for name in MODULES:
        add_module(names, import_module(f"{PACKAGE}.{name}"), shape, dtype)
    return SimpleNamespace(**{name: names[name] for name in names if not name.startswith("__")})


def add_module(names: dict[str, Any], module: ModuleType, shape: Shape, dtype: np.dtype) -> None:
    """Put a module's functions, made for the shape, into the namespace, and what they refer to."""
    texts: dict[str, str] = getattr(module, "texts", lambda shape: {})(shape)
    made = {f.__name__ for f in (*module.DEVICE, *module.ENTRIES)} | set(texts)
    take(names, {name: value for name, value in vars(module).items() if name not in made})
    names |= shape.constants(dtype)
    add(names, module.DEVICE, device_function)
    add(names, (function_of(name, text) for name, text in texts.items()), device_function)
    add(names, module.ENTRIES, entry_point)


def take(names: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put what is not there yet into the namespace."""
    for name, value in more.items():
        if not name.startswith("__"):
            names.setdefault(name, value)


def add(names: dict[str, Any], functions: Iterable[FunctionType], decorate: Callable[[Any], Any]) -> None:
    """Make functions whose global names are those of the namespace."""
    for function in functions:
        if function.__name__ in names:
            raise NameError(f"two of the kernels' names are '{function.__name__}'")
        # A formula's own names, and those of a text.
        if not str(function.__globals__.get("__name__")).startswith(PACKAGE):
            take(names, function.__globals__)
        ours = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
        ours.__doc__ = function.__doc__
        names[function.__name__] = decorate(ours)
