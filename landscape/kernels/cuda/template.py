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
    "narrow", "product", "rows", "losses", "values", "sweep", "backward", "tangent", "derivatives", "updates", "training", "descent",
)  # fmt: skip
# What networks with ops beyond the dense ones have in the place of `narrow`.
WIDER = (
    "columns", "softmax", "layernorm", "convolution", "images", "batchnorm", "tokens", "attention", "wider",
)  # fmt: skip


@cache
def kernels(shape: Shape, dtype: np.dtype, wide: bool = False) -> SimpleNamespace:
    """Make the kernels of a shape and a dtype, those for `wide` networks apart; they are compiled when they are first launched."""
    names: dict[str, Any] = {"__name__": f"{PACKAGE}.template", "cuda": cuda}
    chosen = (*WIDER, *MODULES[1:]) if wide else MODULES
    modules = [import_module(f"{PACKAGE}.{name}") for name in chosen]
    made = {name for module in modules for name in made_in(module, shape)}
    for module in modules:
        add_module(names, module, shape, dtype, made)
    return SimpleNamespace(**{name: names[name] for name in names if not name.startswith("__")})


def texts_of(module: ModuleType, shape: Shape) -> dict[str, str]:
    """Give the functions that a module writes as text for a shape."""
    return getattr(module, "texts", lambda shape: {})(shape)


def made_in(module: ModuleType, shape: Shape) -> set[str]:
    """Name the functions that a module makes."""
    return {f.__name__ for f in (*module.DEVICE, *module.ENTRIES)} | set(texts_of(module, shape))


def add_module(
    names: dict[str, Any], module: ModuleType, shape: Shape, dtype: np.dtype, made: set[str]
) -> None:
    """Put a module's functions, made for the shape, into the namespace, and what they refer to that no module makes."""
    texts, constants = texts_of(module, shape), shape.constants(dtype)
    take(
        names,
        {name: value for name, value in vars(module).items() if name not in made and name not in constants},
    )
    names |= constants
    add(names, module.DEVICE, device_function)
    add(names, (function_of(name, text) for name, text in texts.items()), device_function)
    add(names, module.ENTRIES, entry_point)


def take(names: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put what is not there yet into the namespace.

    Raises
    ------
    NameError
        A constant of a name has another value already.
    """
    for name, value in more.items():
        if name.startswith("__"):
            continue
        if isinstance(value, int) and names.get(name, value) != value:
            raise NameError(f"two of the kernels' constants are '{name}'")
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
