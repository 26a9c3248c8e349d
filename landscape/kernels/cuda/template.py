"""Kernels for a shape and a dtype, made of plain functions that share one namespace with a shape's constants.

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

from landscape.kernels.cuda.dispatch import modules_of
from landscape.kernels.cuda.dispatch import texts as dispatch_texts
from landscape.kernels.cuda.product import texts as product_texts
from landscape.kernels.cuda.rows import chosen_activation
from landscape.kernels.cuda.shape import Shape
from landscape.kernels.cuda.target import cuda, device_function, entry_point
from landscape.kernels.cuda.text import function_of

PACKAGE = "landscape.kernels.cuda"
# Each lists the functions that kernels call as `DEVICE`, and those that the host launches as `ENTRIES`; the ops' files have `RULES`
# beside. Products and dispatch are written as text.
MODULES = (
    "product", "rows", "passes", "losses", "values", "sweep", "derivatives", "updates", "training", "descent",
)  # fmt: skip
# What the rules of networks with ops beyond the dense ones share.
WIDER = ("columns", "windows", "linear", "mapped")

# What the formulas of an activation are given.
FORMULAS = {"value": "z, p", "slope": "z, a, p", "curvature": "z, a, p"}


@cache
def kernels(
    shape: Shape,
    dtype: np.dtype,
    wide: bool = False,
    activations: tuple[int, ...] = (),
    ops: tuple[int, ...] = (),
) -> SimpleNamespace:
    """Make the kernels of a shape and a dtype, those for `wide` networks apart; they are compiled when they are first launched.

    `activations` are the codes of those that a network has beyond the usual ones, `ops` those of all its rows where some are general.
    """
    names: dict[str, Any] = {"__name__": f"{PACKAGE}.template", "cuda": cuda}
    shared = (*WIDER, *MODULES) if wide else MODULES
    modules = [import_module(f"{PACKAGE}.{name}") for name in shared] + list(modules_of(wide, ops).values())
    texts = product_texts(shape) | dispatch_texts(wide, ops)
    chosen = {
        f"activation_{kind}": chosen_activation(kind, given, activations) for kind, given in FORMULAS.items()
    }
    device = dict.fromkeys(chosen.get(f.__name__, f) for module in modules for f in device_of(module))
    entries = [entry for module in modules if hasattr(module, "ENTRIES") for entry in module.ENTRIES]
    made, constants = {f.__name__ for f in (*device, *entries)} | set(texts), shape.constants(dtype)
    for module in modules:
        given = vars(module).items()
        take(names, {name: value for name, value in given if name not in made and name not in constants})
    names |= constants
    add(names, device, device_function)
    add(names, (function_of(name, text) for name, text in texts.items()), device_function)
    add(names, entries, entry_point)
    return SimpleNamespace(**{name: names[name] for name in names if not name.startswith("__")})


def device_of(module: ModuleType) -> tuple[FunctionType, ...]:
    """Give the functions of a module that kernels call: helpers, and an op's rules."""
    helpers = module.DEVICE if hasattr(module, "DEVICE") else ()
    return (*helpers, *(module.RULES.values() if hasattr(module, "RULES") else ()))


def take(names: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add the functions that are missing to the namespace.

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
