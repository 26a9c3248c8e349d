"""Functions of one number in plain NumPy, each with its slope, and where they have kinks; complex numbers carry tangents, as in `reference_ops`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray
Attributes = Mapping[str, Any]


erf_real = np.vectorize(math.erf, otypes=[np.float64])


def erf(z: Array) -> Array:
    """Evaluate the error function, and its tangent where `z` carries one."""
    value = erf_real(z.real)
    if np.iscomplexobj(z):
        return value + 1j * z.imag * (2.0 / math.sqrt(math.pi)) * np.exp(-z.real * z.real)
    return value


def sigmoid(z: Array) -> Array:
    """Evaluate 1 / (1 + exp(-z)) without overflow."""
    small = np.exp(np.where(z.real > 0, -z, z))
    return np.where(z.real > 0, 1.0 / (1.0 + small), small / (1.0 + small))


def softplus(z: Array) -> Array:
    """Evaluate log(1 + exp(z)) without overflow."""
    return np.where(z.real > 0, z, 0.0) + np.log1p(np.exp(np.where(z.real > 0, -z, z)))


def gelu_parts(z: Array, how: str) -> tuple[Array, Array]:
    """Value and slope of z Φ(z), exact or with the usual tanh in the place of erf."""
    if how == "none":
        cumulative = 0.5 * (1.0 + erf(z / math.sqrt(2.0)))
        density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        return z * cumulative, cumulative + z * density
    scale = math.sqrt(2.0 / math.pi)
    t = np.tanh(scale * (z + 0.044715 * z**3))
    inner = scale * (1.0 + 3 * 0.044715 * z * z)
    return 0.5 * z * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * inner


def elu_parts(z: Array, alpha: float) -> tuple[Array, Array]:
    """Value and slope of the exponential linear unit."""
    below = np.where(z.real > 0, 0.0, z)
    return (
        np.where(z.real > 0, z, alpha * np.expm1(below)),
        np.where(z.real > 0, 1.0, alpha * np.exp(below)),
    )


def silu_parts(z: Array) -> tuple[Array, Array]:
    """Value and slope of z σ(z)."""
    s = sigmoid(z)
    return z * s, s + z * s * (1.0 - s)


def mish_parts(z: Array) -> tuple[Array, Array]:
    """Value and slope of z tanh(softplus z)."""
    t = np.tanh(softplus(z))
    return z * t, t + z * (1.0 - t * t) * sigmoid(z)


def hardswish_parts(z: Array) -> tuple[Array, Array]:
    """Value and slope of z times a gate that rises from 0 at −3 to 1 at 3."""
    gate = np.where(z.real <= -3, 0.0, np.where(z.real >= 3, 1.0, (z + 3) / 6))
    return z * gate, gate + np.where(np.abs(z.real) < 3, z / 6, 0.0)


def selu_parts(z: Array) -> tuple[Array, Array]:
    """Value and slope of the scaled exponential linear unit."""
    value, slope = elu_parts(z, 1.6732632423543772848170429916717)
    return 1.0507009873554804934193349852946 * value, 1.0507009873554804934193349852946 * slope


def celu_parts(z: Array, alpha: float) -> tuple[Array, Array]:
    """Value and slope of the exponential linear unit whose slope does not jump."""
    below = np.where(z.real > 0, 0.0, z) / alpha
    return np.where(z.real > 0, z, alpha * np.expm1(below)), np.exp(below)


def tanhshrink_parts(z: Array) -> tuple[Array, Array]:
    """Value and slope of z − tanh z, in more digits, and from its series where that cancels."""
    wide = z.astype(np.clongdouble if np.iscomplexobj(z) else np.longdouble)
    near = np.where(np.abs(z) < 0.05, z, 0.0)
    terms = (1 / 3, -2 / 15, 17 / 315, -62 / 2835, 1382 / 155925, -21844 / 6081075, 929569 / 638512875)
    series = sum(term * near ** (2 * k + 3) for k, term in enumerate(terms))
    far = (wide - np.tanh(wide)).astype(z.dtype)
    return np.where(np.abs(z) < 0.05, series, far), np.tanh(z) ** 2


def between(z: Array, low: float, high: float) -> tuple[Array, Array]:
    """Value and slope of a clamp that is flat at its ends."""
    inside = (z.real > low) & (z.real < high)
    return np.where(z.real <= low, low, np.where(z.real >= high, high, z)), np.where(inside, 1.0, 0.0)


def size(z: Array) -> Array:
    """|z|, and its tangent."""
    return np.sign(z.real) * z


def power_parts(z: Array, n: float) -> tuple[Array, Array]:
    """Value and slope of zⁿ; real powers of complex numbers would leave the real axis, so the tangent is written out."""
    power, slope = np.power(z.real, n), (0.0 if n == 0 else n * np.power(z.real, n - 1))
    if not np.iscomplexobj(z):
        return power, slope
    bend = 0.0 if n in (0, 1) else n * (n - 1) * np.power(z.real, n - 2)
    return power + 1j * z.imag * slope, slope + 1j * z.imag * bend


# name → (z, attributes) → (value, slope)
ACTIVATIONS: dict[str, Callable[[Array, Attributes], tuple[Array, Array]]] = {
    "relu": lambda z, a: (np.where(z.real <= 0, 0.0, z), np.where(z.real > 0, 1.0, 0.0)),
    "leaky_relu": lambda z, a: (
        np.where(z.real > 0, z, a["slope"] * z),
        np.where(z.real > 0, 1.0, a["slope"]),
    ),
    "elu": lambda z, a: elu_parts(z, a["alpha"]),
    "tanh": lambda z, a: (np.tanh(z), 1.0 - np.tanh(z) ** 2),
    "sigmoid": lambda z, a: (sigmoid(z), sigmoid(z) * sigmoid(-z)),
    "softplus": lambda z, a: (softplus(z), sigmoid(z)),
    "silu": lambda z, a: silu_parts(z),
    "gelu": lambda z, a: gelu_parts(z, a["approximate"]),
    "identity": lambda z, a: (z, np.ones_like(z)),
    "dropout": lambda z, a: (z, np.ones_like(z)),
    "relu6": lambda z, a: between(z, 0.0, 6.0),
    "hardtanh": lambda z, a: between(z, -a["limit"], a["limit"]),
    "hardsigmoid": lambda z, a: tuple(part / 6 for part in between(z + 3, 0.0, 6.0)),
    "hardswish": lambda z, a: hardswish_parts(z),
    "selu": lambda z, a: selu_parts(z),
    "celu": lambda z, a: celu_parts(z, a["alpha"]),
    "mish": lambda z, a: mish_parts(z),
    "softsign": lambda z, a: (z / (1 + size(z)), 1 / (1 + size(z)) ** 2),
    "logsigmoid": lambda z, a: (-softplus(-z), sigmoid(-z)),
    "tanhshrink": lambda z, a: tanhshrink_parts(z),
    "softshrink": lambda z, a: (
        np.where(np.abs(z.real) > a["threshold"], z - a["threshold"] * np.sign(z.real), 0.0),
        np.where(np.abs(z.real) > a["threshold"], 1.0, 0.0),
    ),
    "hardshrink": lambda z, a: (
        np.where(np.abs(z.real) > a["threshold"], z, 0.0),
        np.where(np.abs(z.real) > a["threshold"], 1.0, 0.0),
    ),
    "clip_below": lambda z, a: (
        np.where(z.real >= a["least"], z, a["least"]),
        np.where(z.real >= a["least"], 1.0, 0.0),
    ),
    "clip_above": lambda z, a: (
        np.where(z.real <= a["most"], z, a["most"]),
        np.where(z.real <= a["most"], 1.0, 0.0),
    ),
    "abs": lambda z, a: (size(z), np.sign(z.real)),
    "sign": lambda z, a: (np.sign(z.real), np.zeros_like(z)),
    "floor": lambda z, a: (np.floor(z.real), np.zeros_like(z)),
    "scale": lambda z, a: (a["by"] * z, np.full_like(z, a["by"])),
    "shift": lambda z, a: (z + a["by"], np.ones_like(z)),
    "square": lambda z, a: (z * z, 2 * z),
    "reciprocal": lambda z, a: (1 / z, -1 / (z * z)),
    "sqrt": lambda z, a: power_parts(z, 0.5),
    "rsqrt": lambda z, a: power_parts(z, -0.5),
    "power": lambda z, a: power_parts(z, a["exponent"]),
    "exp": lambda z, a: (np.exp(z), np.exp(z)),
    "expm1": lambda z, a: (np.expm1(z), np.exp(z)),
    "log": lambda z, a: (np.log(z), 1 / z),
    "log1p": lambda z, a: (np.log1p(z), 1 / (1 + z)),
    "sin": lambda z, a: (np.sin(z), np.cos(z)),
    "cos": lambda z, a: (np.cos(z), -np.sin(z)),
    "tan": lambda z, a: (np.tan(z), 1 + np.tan(z) ** 2),
    "atan": lambda z, a: (np.arctan(z), 1 / (1 + z * z)),
    "sinh": lambda z, a: (np.sinh(z), np.cosh(z)),
    "cosh": lambda z, a: (np.cosh(z), np.sinh(z)),
    "erf": lambda z, a: (erf(z), 2 / math.sqrt(math.pi) * np.exp(-z * z)),
}
# Where first or second derivatives jump, of networks in the tests of the engine.
KINKS: dict[str, Callable[[Attributes], tuple[float, ...]]] = {
    "relu": lambda a: (0.0,),
    "leaky_relu": lambda a: (0.0,),
    "elu": lambda a: (0.0,),
    "relu6": lambda a: (0.0, 6.0),
    "hardtanh": lambda a: (-a["limit"], a["limit"]),
    "hardsigmoid": lambda a: (-3.0, 3.0),
    "hardswish": lambda a: (-3.0, 3.0),
    "selu": lambda a: (0.0,),
    "celu": lambda a: (0.0,),
    "softsign": lambda a: (0.0,),
    "softshrink": lambda a: (-a["threshold"], a["threshold"]),
    "hardshrink": lambda a: (-a["threshold"], a["threshold"]),
    "clip_below": lambda a: (a["least"],),
    "clip_above": lambda a: (a["most"],),
    "abs": lambda a: (0.0,),
    "sign": lambda a: (0.0,),
}
