"""Activations: value, slope and curvature of each, for every device.

Each takes the pre-activation z and a parameter p (`leaky_relu`'s slope, say); slope and curvature are also given the
value a = f(z), since several are cheapest in terms of it. At a kink they take PyTorch's side. Adding an activation:
three functions and one row of `ACTIVATIONS`. The rest of the formulas are in `gates.py` and `elementary.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from landscape.formulas import elementary, gates
from landscape.formulas.parts import exp_less_one, logistic, no_curvature
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
def elu(z, p):
    below = type(z)(0) if z > type(z)(0) else z
    return larger(z, type(z)(0)) + p * exp_less_one(below)


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


# A name's position is its code in the kernels. No curvature as a slope is a slope of 0.
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
    "relu6": Activation(gates.relu6, gates.relu6_slope, no_curvature),
    "hardtanh": Activation(gates.hardtanh, gates.hardtanh_slope, no_curvature, "limit"),
    "hardsigmoid": Activation(gates.hardsigmoid, gates.hardsigmoid_slope, no_curvature),
    "hardswish": Activation(gates.hardswish, gates.hardswish_slope, gates.hardswish_curvature),
    "selu": Activation(gates.selu, gates.selu_slope, gates.selu_curvature),
    "celu": Activation(gates.celu, gates.celu_slope, gates.celu_curvature, "alpha"),
    "mish": Activation(gates.mish, gates.mish_slope, gates.mish_curvature),
    "softsign": Activation(gates.softsign, gates.softsign_slope, gates.softsign_curvature),
    "logsigmoid": Activation(gates.logsigmoid, gates.logsigmoid_slope, gates.logsigmoid_curvature),
    "tanhshrink": Activation(gates.tanhshrink, gates.tanhshrink_slope, gates.tanhshrink_curvature),
    "softshrink": Activation(gates.softshrink, gates.shrink_slope, no_curvature, "threshold"),
    "hardshrink": Activation(gates.hardshrink, gates.shrink_slope, no_curvature, "threshold"),
    "clip_below": Activation(elementary.clip_below, elementary.clip_below_slope, no_curvature, "least"),
    "clip_above": Activation(elementary.clip_above, elementary.clip_above_slope, no_curvature, "most"),
    "abs": Activation(elementary.absolute, elementary.absolute_slope, no_curvature),
    "sign": Activation(elementary.sign, no_curvature, no_curvature),
    "floor": Activation(elementary.floor, no_curvature, no_curvature),
    "scale": Activation(elementary.scale, elementary.scale_slope, no_curvature, "by"),
    "shift": Activation(elementary.shift, elementary.shift_slope, no_curvature, "by"),
    "square": Activation(elementary.square, elementary.square_slope, elementary.square_curvature),
    "reciprocal": Activation(
        elementary.reciprocal, elementary.reciprocal_slope, elementary.reciprocal_curvature
    ),
    "sqrt": Activation(elementary.sqrt, elementary.sqrt_slope, elementary.sqrt_curvature),
    "rsqrt": Activation(elementary.rsqrt, elementary.rsqrt_slope, elementary.rsqrt_curvature),
    "power": Activation(elementary.power, elementary.power_slope, elementary.power_curvature, "exponent"),
    "exp": Activation(elementary.exponential, elementary.exponential_slope, elementary.exponential_slope),
    "expm1": Activation(elementary.expm1, elementary.expm1_slope, elementary.expm1_slope),
    "log": Activation(elementary.log, elementary.log_slope, elementary.log_curvature),
    "log1p": Activation(elementary.log1p, elementary.log1p_slope, elementary.log1p_curvature),
    "sin": Activation(elementary.sin, elementary.sin_slope, elementary.minus_value),
    "cos": Activation(elementary.cos, elementary.cos_slope, elementary.minus_value),
    "tan": Activation(elementary.tan, elementary.tan_slope, elementary.tan_curvature),
    "atan": Activation(elementary.atan, elementary.atan_slope, elementary.atan_curvature),
    "sinh": Activation(elementary.sinh, elementary.sinh_slope, elementary.exponential_slope),
    "cosh": Activation(elementary.cosh, elementary.cosh_slope, elementary.exponential_slope),
    "erf": Activation(elementary.erf, elementary.erf_slope, elementary.erf_curvature),
}
