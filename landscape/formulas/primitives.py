"""Functions that every formula is written on, transcendental ones and the larger of two, one implementation a device.

The functions here are what plain Python runs (`NUMBA_DISABLE_JIT=1`). A device replaces them when it compiles:
`landscape.kernels.cpu.primitives` has forms without branches or calls, which vectorize.
"""

from __future__ import annotations

import math


def exp(x: float) -> float:
    """Return e to the x; infinity where that overflows.

    Examples
    --------
    >>> exp(0.0)
    1.0
    """
    try:
        return type(x)(math.exp(x))
    except OverflowError:
        return type(x)(math.inf)


def tanh(x: float) -> float:
    """Return the hyperbolic tangent.

    Examples
    --------
    >>> tanh(0.0)
    0.0
    """
    return type(x)(math.tanh(x))


def log1p(x: float) -> float:
    """Return log(1 + x) for x ≥ 0, accurate where x is tiny.

    Examples
    --------
    >>> log1p(0.0)
    0.0
    """
    return type(x)(math.log1p(x))


def erf(x: float) -> float:
    """Return the error function 2/√π ∫₀ˣ exp(−t²) dt.

    Examples
    --------
    >>> erf(0.0)
    0.0
    """
    return type(x)(math.erf(x))


def larger(x: float, y: float) -> float:
    """Return the larger of x and y, NaN where either is.

    Examples
    --------
    >>> larger(-1.0, 0.0)
    0.0
    """
    return x if x >= y or x != x else y
