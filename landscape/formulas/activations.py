"""Activations: value, slope and curvature of each, once, for every device.

Each takes the pre-activation z and a parameter p (of `leaky_relu` and `elu`); slope and curvature are also given the
value a = f(z), since several are cheapest in terms of it. At a kink they take PyTorch's side. Adding an activation:
three functions and one row of `ACTIVATIONS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from landscape.formulas.primitives import erf, exp, larger, log1p, tanh
from landscape.jit import kernel

SQRT_HALF = math.sqrt(0.5)
INVERSE_SQRT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)
# Hendrycks and Gimpel 2016 (arXiv 1606.08415), the tanh approximation of GELU.
GELU_SCALE = math.sqrt(2.0 / math.pi)
GELU_CUBIC = 0.044715


@kernel
def identity(z, p):
    return z


@kernel
def identity_slope(z, a, p):
    return type(z)(1)


@kernel
def no_curvature(z, a, p):
    return type(z)(0)


@kernel
def relu(z, p):
    return larger(z, type(z)(0))


@kernel
def relu_slope(z, a, p):
    return type(z)(1) if z > type(z)(0) else type(z)(0)


@kernel
def leaky_relu(z, p):
    # A choice between z and p·z would be a store under a mask.
    return larger(z, type(z)(0)) - p * larger(-z, type(z)(0))


@kernel
def leaky_relu_slope(z, a, p):
    return type(z)(1) if z > type(z)(0) else p


@kernel
def expm1(z):
    # tanh(z/2)·(eᶻ + 1) has no cancellation near zero.
    return tanh(type(z)(0.5) * z) * (exp(z) + type(z)(1))


@kernel
def elu(z, p):
    below = type(z)(0) if z > type(z)(0) else z
    return larger(z, type(z)(0)) + p * expm1(below)


@kernel
def elu_slope(z, a, p):
    below = type(z)(0) if z > type(z)(0) else z
    return type(z)(1) if z > type(z)(0) else p * exp(below)


@kernel
def elu_curvature(z, a, p):
    below = type(z)(0) if z > type(z)(0) else z
    return type(z)(0) if z > type(z)(0) else p * exp(below)


@kernel
def tanh_value(z, p):
    return tanh(z)


@kernel
def tanh_slope(z, a, p):
    return type(z)(1) - a * a


@kernel
def tanh_curvature(z, a, p):
    return type(z)(-2) * a * (type(z)(1) - a * a)


@kernel
def logistic(z):
    # e^{−|z|} never overflows; both signs share one division.
    small = exp(-abs(z))
    upper = type(z)(1) / (type(z)(1) + small)
    return small * upper if z < type(z)(0) else upper


@kernel
def sigmoid(z, p):
    return logistic(z)


@kernel
def sigmoid_slope(z, a, p):
    return a * (type(z)(1) - a)


@kernel
def sigmoid_curvature(z, a, p):
    return a * (type(z)(1) - a) * (type(z)(1) - type(z)(2) * a)


@kernel
def softplus(z, p):
    above = type(z)(0) if z < type(z)(0) else z
    return above + log1p(exp(-abs(z)))


@kernel
def softplus_slope(z, a, p):
    return logistic(z)


@kernel
def softplus_curvature(z, a, p):
    s = logistic(z)
    return s * (type(z)(1) - s)


@kernel
def silu(z, p):
    return z * logistic(z)


@kernel
def silu_slope(z, a, p):
    s = logistic(z)
    return s + z * s * (type(z)(1) - s)


@kernel
def silu_curvature(z, a, p):
    s = logistic(z)
    return s * (type(z)(1) - s) * (type(z)(2) + z * (type(z)(1) - type(z)(2) * s))


@kernel
def gelu(z, p):
    return type(z)(0.5) * z * (type(z)(1) + erf(z * type(z)(SQRT_HALF)))


@kernel
def normal_density(z):
    return type(z)(INVERSE_SQRT_TWO_PI) * exp(type(z)(-0.5) * z * z)


@kernel(within=True)
def gelu_slope(z, a, p):
    return type(z)(0.5) * (type(z)(1) + erf(z * type(z)(SQRT_HALF))) + z * normal_density(z)


@kernel
def gelu_curvature(z, a, p):
    return (type(z)(2) - z * z) * normal_density(z)


@kernel
def gelu_tanh_argument(z):
    return type(z)(GELU_SCALE) * (z + type(z)(GELU_CUBIC) * z * z * z)


@kernel
def gelu_tanh(z, p):
    return type(z)(0.5) * z * (type(z)(1) + tanh(gelu_tanh_argument(z)))


@kernel
def gelu_tanh_slope(z, a, p):
    t = tanh(gelu_tanh_argument(z))
    u = type(z)(GELU_SCALE) * (type(z)(1) + type(z)(3 * GELU_CUBIC) * z * z)
    return type(z)(0.5) * (type(z)(1) + t) + type(z)(0.5) * z * (type(z)(1) - t * t) * u


@kernel
def gelu_tanh_curvature(z, a, p):
    t = tanh(gelu_tanh_argument(z))
    u = type(z)(GELU_SCALE) * (type(z)(1) + type(z)(3 * GELU_CUBIC) * z * z)
    bend = type(z)(GELU_SCALE * 6 * GELU_CUBIC) * z
    return (type(z)(1) - t * t) * (u + type(z)(0.5) * z * (bend - type(z)(2) * t * u * u))


class Activation(NamedTuple):
    """The three formulas of an activation and the attribute that is its parameter, if it has one."""

    value: Callable[..., Any]
    slope: Callable[..., Any]
    curvature: Callable[..., Any]
    attribute: str | None = None


# A name's position is its code in the kernels.
ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation(identity, identity_slope, no_curvature),
    "relu": Activation(relu, relu_slope, no_curvature),
    "leaky_relu": Activation(leaky_relu, leaky_relu_slope, no_curvature, "slope"),
    "elu": Activation(elu, elu_slope, elu_curvature, "alpha"),
    "tanh": Activation(tanh_value, tanh_slope, tanh_curvature),
    "sigmoid": Activation(sigmoid, sigmoid_slope, sigmoid_curvature),
    "softplus": Activation(softplus, softplus_slope, softplus_curvature),
    "silu": Activation(silu, silu_slope, silu_curvature),
    "gelu": Activation(gelu, gelu_slope, gelu_curvature),
    "gelu_tanh": Activation(gelu_tanh, gelu_tanh_slope, gelu_tanh_curvature),
}
