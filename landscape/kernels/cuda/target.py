"""Numba's CUDA target, which is imported only here, and the primitives of that device.

`numba-cuda` (the extra `numba-landscape[cuda]`) replaces the target that Numba ships, under the same import.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numba import config, cuda
from numba.extending import overload

from landscape.formulas import primitives

try:
    # numba-cuda warns in a class of its own, which is none of Numba's.
    from numba.cuda.core import errors
except ImportError:
    from numba.core import errors

PerformanceWarning = errors.NumbaPerformanceWarning
SIMULATED = bool(config.ENABLE_CUDASIM)
if not SIMULATED:
    from numba.cuda import libdevice
# How an array in shared memory asks for 128-bit loads; neither the simulator nor the target that Numba ships knows the word.
ALIGNED = ", alignment=16" if "numba_cuda" in (cuda.__file__ or "") and not SIMULATED else ""


def device_function(function: Callable[..., Any]) -> Any:
    """Make a function that kernels call."""
    return cuda.jit(device=True)(function)


def entry_point(function: Callable[..., Any]) -> Any:
    """Make a kernel that the host launches."""
    return cuda.jit(function)


def replace_primitives() -> None:
    """Have the transcendental functions of the formulas be the GPU's own."""
    for name in ("exp", "tanh", "log1p", "erf", "log", "sqrt", "sin", "cos", "tan", "atan"):
        ours, theirs = getattr(primitives, name), getattr(math, name)
        overload(ours, target="cuda")(implementation(theirs))
    overload(primitives.larger, target="cuda")(larger_on_gpu)
    overload(primitives.power, target="cuda")(power_on_gpu)
    overload(primitives.floor, target="cuda")(floor_on_gpu)


def power_on_gpu(x: Any, y: Any) -> Any:
    """Call the device's library."""

    def power(x: Any, y: Any) -> Any:
        return math.pow(x, y)

    return power


def floor_on_gpu(x: Any) -> Any:
    """Call the device's library, for `math.floor` gives an integer."""
    theirs = libdevice.floorf if x.bitwidth == 32 else libdevice.floor

    def floor(x: Any) -> Any:
        return theirs(x)

    return floor


def larger_on_gpu(x: Any, y: Any) -> Any:
    """Choose by a comparison, as plain Python does."""

    def plain(x: Any, y: Any) -> Any:
        return x if x >= y or x != x else y

    return plain


def implementation(theirs: Callable[[float], float]) -> Callable[[Any], Any]:
    """Give the overload that calls a function of `math`, which the target maps to the device's library."""

    def choose(x: Any) -> Any:
        def call(x: Any) -> Any:
            return theirs(x)

        return call

    return choose


if not SIMULATED:
    replace_primitives()
