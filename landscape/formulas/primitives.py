"""Functions that formulas are built on (transcendental ones, roots, floor, the larger of two), with one implementation for each device.

The functions here are what plain Python runs (`NUMBA_DISABLE_JIT=1`). A device replaces them when it compiles:
`landscape.kernels.cpu.primitives` has forms without branches or calls, which vectorize.
"""

from __future__ import annotations

import math

import numpy as np


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


def log(x: float) -> float:
    """Return the natural logarithm; −infinity at 0, NaN below it.

    Examples
    --------
    >>> log(1.0)
    0.0
    """
    if x == 0:
        return type(x)(-math.inf)
    return type(x)(math.log(x) if x > 0 else math.nan)


def sqrt(x: float) -> float:
    """Return the square root; NaN below 0.

    Examples
    --------
    >>> sqrt(4.0)
    2.0
    """
    return type(x)(math.nan if x < 0 else math.sqrt(x))


def sin(x: float) -> float:
    """Return the sine; NaN at infinity.

    Examples
    --------
    >>> sin(0.0)
    0.0
    """
    return type(x)(math.nan if math.isinf(x) else math.sin(x))


def cos(x: float) -> float:
    """Return the cosine; NaN at infinity.

    Examples
    --------
    >>> cos(0.0)
    1.0
    """
    return type(x)(math.nan if math.isinf(x) else math.cos(x))


def tan(x: float) -> float:
    """Return the tangent; NaN at infinity.

    Examples
    --------
    >>> tan(0.0)
    0.0
    """
    return type(x)(math.nan if math.isinf(x) else math.tan(x))


def atan(x: float) -> float:
    """Return the inverse tangent.

    Examples
    --------
    >>> atan(0.0)
    0.0
    """
    return type(x)(math.atan(x))


def power(x: float, y: float) -> float:
    """Return x to the y, as C does: real for whole y where x is negative, else NaN there.

    Examples
    --------
    >>> power(-2.0, 3.0)
    -8.0
    """
    with np.errstate(all="ignore"):
        return type(x)(np.power(np.float64(x), np.float64(y)))


def floor(x: float) -> float:
    """Return the largest whole number that is not above x.

    Examples
    --------
    >>> floor(-0.5)
    -1.0
    """
    return type(x)(np.floor(x))


def larger(x: float, y: float) -> float:
    """Return the larger of x and y, NaN where either is.

    Examples
    --------
    >>> larger(-1.0, 0.0)
    0.0
    """
    return x if x >= y or x != x else y
