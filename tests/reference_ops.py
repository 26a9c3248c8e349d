"""The ops and losses of the model format in plain NumPy: forward and backward, slow and obvious.

Written from the format's text, independently of the engine. Every function also accepts complex numbers with
a tiny imaginary part, which carries an exact tangent ("complex step"): comparisons look at the real part, and
nothing is conjugated. A point on a kink takes the slope of its left side.
"""

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
}
KINKED = ("relu", "leaky_relu", "elu")


def dense(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Multiply the last axis by Wᵀ and add b."""
    product = inputs[0] @ p["weight"].T
    return product + p["bias"] if "bias" in p else product


def dense_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through a dense layer."""
    rows, upstream = inputs[0].reshape(-1, inputs[0].shape[-1]), g.reshape(-1, g.shape[-1])
    slopes = {"weight": upstream.T @ rows}
    if "bias" in p:
        slopes["bias"] = upstream.sum(axis=0)
    return [g @ p["weight"]], slopes


def normalized(x: Array, a: Attributes) -> tuple[Array, Array, tuple[int, ...]]:
    """(x − mean)/√(var + eps) over the trailing axes, the divisor's inverse, and those axes."""
    axes = tuple(range(x.ndim - a["axes"], x.ndim))
    centred = x - x.mean(axis=axes, keepdims=True)
    inverse = 1.0 / np.sqrt((centred * centred).mean(axis=axes, keepdims=True) + a["eps"])
    return centred * inverse, inverse, axes


def layernorm(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Normalize over the trailing axes with the biased variance, then scale and shift."""
    y = normalized(inputs[0], a)[0]
    y = y * p["weight"] if "weight" in p else y
    return y + p["bias"] if "bias" in p else y


def layernorm_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through a layer normalization."""
    unit, inverse, axes = normalized(inputs[0], a)
    others = tuple(range(g.ndim - a["axes"]))
    slopes = {}
    if "weight" in p:
        slopes["weight"] = (g * unit).sum(axis=others)
    if "bias" in p:
        slopes["bias"] = g.sum(axis=others)
    h = g * p["weight"] if "weight" in p else g
    mean = h.mean(axis=axes, keepdims=True)
    along = (h * unit).mean(axis=axes, keepdims=True)
    return [inverse * (h - mean - unit * along)], slopes


def softmax(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Normalized exponentials over the last axis."""
    e = np.exp(inputs[0] - inputs[0].real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through a softmax."""
    s = softmax(inputs, p, a)
    return [s * (g - (g * s).sum(axis=-1, keepdims=True))], {}


def product_of(arrays: list[Array], start: Array) -> Array:
    """Multiply arrays, one after the other."""
    for array in arrays:
        start = start * array
    return start


def multiply_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Each input's cotangent is the product of the other inputs with `g`."""
    return [product_of(inputs[:i] + inputs[i + 1 :], g) for i in range(len(inputs))], {}


def concat_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Cut the cotangent where the inputs met."""
    ends = np.cumsum([x.shape[a["axis"]] for x in inputs])[:-1]
    return list(np.split(g, ends, axis=a["axis"])), {}


FORWARD: dict[str, Callable[[list[Array], Mapping[str, Array], Attributes], Array]] = {
    "dense": dense,
    "layernorm": layernorm,
    "softmax": softmax,
    "add": lambda x, p, a: sum(x[1:], start=x[0]),
    "multiply": lambda x, p, a: product_of(x[1:], x[0]),
    "concat": lambda x, p, a: np.concatenate(x, axis=a["axis"]),
    "flatten": lambda x, p, a: x[0].reshape(x[0].shape[0], -1),
}
Backward = Callable[
    [Array, list[Array], Mapping[str, Array], Attributes], tuple[list[Array], dict[str, Array]]
]
BACKWARD: dict[str, Backward] = {
    "dense": dense_back,
    "layernorm": layernorm_back,
    "softmax": softmax_back,
    "add": lambda g, x, p, a: ([g for _ in x], {}),
    "multiply": multiply_back,
    "concat": concat_back,
    "flatten": lambda g, x, p, a: ([g.reshape(x[0].shape)], {}),
}


def forward_op(op: str, inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Evaluate one op on a batch."""
    return ACTIVATIONS[op](inputs[0], a)[0] if op in ACTIVATIONS else FORWARD[op](inputs, p, a)


def backward_op(
    op: str, g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent of one op's output back to its inputs and its parameters."""
    if op in ACTIVATIONS:
        return [g * ACTIVATIONS[op](inputs[0], a)[1]], {}
    return BACKWARD[op](g, inputs, p, a)
