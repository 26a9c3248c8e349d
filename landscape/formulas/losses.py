"""Element-wise losses: value, slope and curvature in the output z for a target y, once, for every device.

`delta` is Huber's threshold. `cross_entropy` couples the classes of an example and has its own loops in the kernels.
Adding an element-wise loss: three functions and one row of `LOSSES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from landscape.formulas.activations import logistic
from landscape.formulas.primitives import exp, log1p
from landscape.jit import kernel


@kernel
def binary_cross_entropy(z, y, delta):
    # −y log σ(z) − (1−y) log(1−σ(z)) = max(z, 0) − yz + log(1 + e^{−|z|}), which never overflows. For a target
    # of 0 or 1 the first two terms are max(∓z, 0), taken so that nothing is lost where they cancel.
    signed = z * (type(z)(1) - type(z)(2) * y)
    return (type(z)(0) if signed < type(z)(0) else signed) + log1p(exp(-abs(z)))


@kernel
def binary_cross_entropy_slope(z, y, delta):
    # σ(z) − y without a difference of numbers that are nearly equal.
    return (type(z)(1) - y) * logistic(z) - y * logistic(-z)


@kernel
def binary_cross_entropy_curvature(z, y, delta):
    return logistic(z) * logistic(-z)


@kernel
def squared(z, y, delta):
    return (z - y) * (z - y)


@kernel
def squared_slope(z, y, delta):
    return type(z)(2) * (z - y)


@kernel
def squared_curvature(z, y, delta):
    return type(z)(2)


@kernel
def absolute(z, y, delta):
    return abs(z - y)


@kernel
def absolute_slope(z, y, delta):
    r = z - y
    return type(z)(1) if r > type(z)(0) else (type(z)(-1) if r < type(z)(0) else r)


@kernel
def absolute_curvature(z, y, delta):
    return type(z)(0)


@kernel
def huber(z, y, delta):
    r = abs(z - y)
    return type(z)(0.5) * r * r if r <= delta else delta * (r - type(z)(0.5) * delta)


@kernel
def huber_slope(z, y, delta):
    r = z - y
    return delta if r > delta else (-delta if r < -delta else r)


@kernel
def huber_curvature(z, y, delta):
    return type(z)(1) if abs(z - y) <= delta else type(z)(0)


class Loss(NamedTuple):
    """The three formulas of an element-wise loss."""

    value: Callable[..., Any]
    slope: Callable[..., Any]
    curvature: Callable[..., Any]


# A name's position is its code in the kernels; the code after the last is cross_entropy's.
LOSSES: dict[str, Loss] = {
    "binary_cross_entropy": Loss(
        binary_cross_entropy, binary_cross_entropy_slope, binary_cross_entropy_curvature
    ),
    "mse": Loss(squared, squared_slope, squared_curvature),
    "mae": Loss(absolute, absolute_slope, absolute_curvature),
    "huber": Loss(huber, huber_slope, huber_curvature),
}
CROSS_ENTROPY = len(LOSSES)
