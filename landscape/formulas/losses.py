"""Element-wise losses: value, slope and curvature in the output z for a target y, for every device.

`delta` is the loss's one number: Huber's threshold, the margin of `hinge_embedding`, the γ of `focal`, what `poisson_rate` adds to a rate. Losses that
couple the classes of an example have their own loops in the kernels. Adding an element-wise loss: three functions and one row of `LOSSES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from landscape.formulas.activations import logistic
from landscape.formulas.primitives import exp, log, log1p
from landscape.jit import kernel


@kernel
def binary_cross_entropy(z, y, delta):
    # −y log σ(z) − (1−y) log(1−σ(z)) = max(z, 0) − yz + log(1 + e^{−|z|}), which never overflows. The first two terms are
    # (1−y)z or −yz, taken so that nothing is lost where they cancel; what no part of the target asks for is no 0·∞.
    share = type(z)(1) - y if z > type(z)(0) else -y
    return (type(z)(0) if share == type(z)(0) else share * z) + log1p(exp(-abs(z)))


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


@kernel
def poisson(z, y, delta):
    # −log of Poisson's probability of y at the rate e^z, without log y!.
    return exp(z) - y * z


@kernel
def poisson_slope(z, y, delta):
    return exp(z) - y


@kernel
def poisson_curvature(z, y, delta):
    return exp(z)


@kernel
def poisson_rate(z, y, delta):
    return z - (y * log(z + delta) if y != type(z)(0) else y)


@kernel
def poisson_rate_slope(z, y, delta):
    return type(z)(1) - y / (z + delta)


@kernel
def poisson_rate_curvature(z, y, delta):
    return y / ((z + delta) * (z + delta))


@kernel
def hinge_embedding(z, y, delta):
    # A distance z of a pair that is alike (y = 1), or of one that should be `delta` apart (y = −1).
    rest = delta - z
    return z if y > type(z)(0) else (type(z)(0) if rest < type(z)(0) else rest)


@kernel
def hinge_embedding_slope(z, y, delta):
    # NaN stays NaN.
    apart = type(z)(0) if z >= delta else (type(z)(-1) if z < delta else z)
    return (type(z)(1) if z == z else z) if y > type(z)(0) else apart


@kernel
def hinge_embedding_curvature(z, y, delta):
    return type(z)(0)


@kernel
def focal(z, y, delta):
    # (1 − p)^γ (−log p) with p = σ(±z) the probability of the target's side; (1 − p)^γ = e^{−γ log(1 + e^s)} for s = ±z.
    s = z * (type(z)(2) * y - type(z)(1))
    tail = log1p(exp(-abs(s)))
    missed = (type(z)(0) if s > type(z)(0) else -s) + tail
    kept = (type(z)(0) if s < type(z)(0) else s) + tail
    return exp(-delta * kept) * missed


@kernel
def focal_slope(z, y, delta):
    # With L = −log p and q = 1 − p: d/ds q^γ L = −q^γ (γ p L + q).
    sign = type(z)(2) * y - type(z)(1)
    s = z * sign
    tail = log1p(exp(-abs(s)))
    missed = (type(z)(0) if s > type(z)(0) else -s) + tail
    kept = (type(z)(0) if s < type(z)(0) else s) + tail
    return -sign * exp(-delta * kept) * (delta * logistic(s) * missed + logistic(-s))


@kernel
def focal_curvature(z, y, delta):
    # d²/ds² q^γ L = q^γ (γ² p² L + 2γpq − γpqL + pq).
    s = z * (type(z)(2) * y - type(z)(1))
    tail = log1p(exp(-abs(s)))
    missed = (type(z)(0) if s > type(z)(0) else -s) + tail
    kept = (type(z)(0) if s < type(z)(0) else s) + tail
    p, q = logistic(s), logistic(-s)
    inner = delta * p * missed * (delta * p - q) + p * q * (type(z)(2) * delta + type(z)(1))
    return exp(-delta * kept) * inner


@kernel
def output(z, y, delta):
    return z


@kernel
def output_slope(z, y, delta):
    # A NaN stays one.
    return type(z)(1) if z == z else z


@kernel
def output_curvature(z, y, delta):
    return type(z)(0)


class Loss(NamedTuple):
    """The three formulas of an element-wise loss."""

    value: Callable[..., Any]
    slope: Callable[..., Any]
    curvature: Callable[..., Any]


# A name's position is its code in the kernels.
LOSSES: dict[str, Loss] = {
    "binary_cross_entropy": Loss(
        binary_cross_entropy, binary_cross_entropy_slope, binary_cross_entropy_curvature
    ),
    "mse": Loss(squared, squared_slope, squared_curvature),
    "mae": Loss(absolute, absolute_slope, absolute_curvature),
    "huber": Loss(huber, huber_slope, huber_curvature),
    "poisson": Loss(poisson, poisson_slope, poisson_curvature),
    "poisson_rate": Loss(poisson_rate, poisson_rate_slope, poisson_rate_curvature),
    "hinge_embedding": Loss(hinge_embedding, hinge_embedding_slope, hinge_embedding_curvature),
    "focal": Loss(focal, focal_slope, focal_curvature),
    "output": Loss(output, output_slope, output_curvature),
}
# Losses over the classes of an example: of class ids, of a mass for each class, of margins with exponent 1 and 2. After them the losses of `LOSSES`
# again, with a weight for each element.
CROSS_ENTROPY, MASSES, MARGIN, SQUARED_MARGIN, WEIGHTED = range(len(LOSSES), len(LOSSES) + 5)
