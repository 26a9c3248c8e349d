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

from tests import reference_general as general
from tests.reference_activations import ACTIVATIONS
from tests.reference_general import pulled_through
from tests.reference_images import (
    avgpool_back,
    convolution,
    convolution_back,
    maxpool,
    maxpool_back,
    pad_channels,
    pad_channels_back,
    windows,
)

Array = np.ndarray
Attributes = Mapping[str, Any]


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


def group_normalized(x: Array, a: Attributes) -> tuple[Array, Array]:
    """(x − mean)/√(var + eps) over each group of channels and what they hold, and the divisor's inverse, [N, groups, …]."""
    parts = x.reshape(len(x), a["groups"], -1)
    centred = parts - parts.mean(axis=2, keepdims=True)
    inverse = 1.0 / np.sqrt((centred * centred).mean(axis=2, keepdims=True) + a["eps"])
    return centred * inverse, inverse


def groupnorm(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Normalize groups of channels with the biased variance, then scale and shift each channel."""
    y = group_normalized(inputs[0], a)[0].reshape(inputs[0].shape)
    y = y * channel(p["weight"], y) if "weight" in p else y
    return y + channel(p["bias"], y) if "bias" in p else y


def groupnorm_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through a normalization of groups."""
    unit, inverse = group_normalized(inputs[0], a)
    others = (0, *range(2, g.ndim))
    slopes = {}
    if "weight" in p:
        slopes["weight"] = (g * unit.reshape(g.shape)).sum(axis=others)
    if "bias" in p:
        slopes["bias"] = g.sum(axis=others)
    h = (g * channel(p["weight"], g) if "weight" in p else g).reshape(unit.shape)
    mean, along = h.mean(axis=2, keepdims=True), (h * unit).mean(axis=2, keepdims=True)
    return [(inverse * (h - mean - unit * along)).reshape(g.shape)], slopes


def softmax(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Normalized exponentials over the last axis."""
    e = np.exp(inputs[0] - inputs[0].real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through a softmax."""
    return [pulled_through(softmax(inputs, p, a), g)], {}


def concat_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Cut the cotangent where the inputs met."""
    ends = np.cumsum([x.shape[a["axis"]] for x in inputs])[:-1]
    return list(np.split(g, ends, axis=a["axis"])), {}


def channel(vector: Array, x: Array) -> Array:
    """Lay a vector of channels along axis 1."""
    return vector.reshape(-1, *(1,) * (x.ndim - 2))


def batches(x: Array, a: Attributes) -> list[slice]:
    """Cut examples into consecutive batches."""
    return [slice(start, start + a["batch_size"]) for start in range(0, len(x), a["batch_size"])]


def batch_standardized(x: Array, a: Attributes) -> tuple[Array, Array]:
    """(x − mean)/√(var + eps) of each channel over a batch, and the divisor's inverse."""
    others = (0, *range(2, x.ndim))
    centred = x - x.mean(axis=others, keepdims=True)
    inverse = 1.0 / np.sqrt((centred * centred).mean(axis=others, keepdims=True) + a["eps"])
    return centred * inverse, inverse + 0.0 * x


def standardized(x: Array, p: Mapping[str, Array], a: Attributes) -> tuple[Array, Array]:
    """(x − running mean)/√(running variance + eps), and the divisor's inverse; or by the statistics of each batch."""
    if a["mode"] == "batch":
        parts = [batch_standardized(x[rows], a) for rows in batches(x, a)]
        return np.concatenate([unit for unit, _ in parts]), np.concatenate([rate for _, rate in parts])
    inverse = 1.0 / np.sqrt(channel(p["running_var"], x) + a["eps"])
    return (x - channel(p["running_mean"], x)) * inverse, inverse


def batchnorm(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Standardize each channel, then scale and shift."""
    y = standardized(inputs[0], p, a)[0]
    y = y * channel(p["weight"], y) if "weight" in p else y
    return y + channel(p["bias"], y) if "bias" in p else y


def batchnorm_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through a batch normalization."""
    unit, inverse = standardized(inputs[0], p, a)
    others = (0, *range(2, g.ndim))
    slopes = {}
    if "weight" in p:
        slopes["weight"] = (g * unit).sum(axis=others)
    if "bias" in p:
        slopes["bias"] = g.sum(axis=others)
    h = g * (channel(p["weight"], g) if "weight" in p else 1.0)
    if a["mode"] == "batch":
        parts = []
        for rows in batches(g, a):
            mean = h[rows].mean(axis=others, keepdims=True)
            along = (h[rows] * unit[rows]).mean(axis=others, keepdims=True)
            parts.append(h[rows] - mean - unit[rows] * along)
        h = np.concatenate(parts)
    return [h * inverse], slopes


def mean_back(g: Array, x: Array, axis: int) -> Array:
    """Give each place of an axis its share of the cotangent."""
    return np.repeat(np.expand_dims(g, axis), x.shape[axis], axis) / x.shape[axis]


def global_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Give each pixel its share of the channel's cotangent."""
    x = inputs[0]
    spread = np.broadcast_to(g.reshape(*g.shape, *(1,) * (x.ndim - 2)), x.shape)
    return [spread * (x.shape[1] / x[0].size)], {}


def embedding_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Add the cotangents up at the rows that were read."""
    slope = np.zeros(p["weight"].shape, g.dtype)
    np.add.at(slope, inputs[0].astype(int), g)
    return [np.zeros(inputs[0].shape)], {"weight": slope}


def heads(x: Array, count: int) -> Array:
    """Cut vectors [N, T, D] into [N, heads, T, D/heads]."""
    return x.reshape(*x.shape[:2], count, -1).swapaxes(1, 2)


def attention_parts(x: Array, p: Mapping[str, Array], a: Attributes) -> tuple[Array, ...]:
    """Queries, keys, values, probabilities and the mixtures before the last projection."""
    q, k, v = np.split(x @ p["in_proj_weight"].T + p["in_proj_bias"], 3, axis=-1)
    q, k, v = (heads(part, a["heads"]) for part in (q, k, v))
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1])
    if a["causal"]:
        scores = np.where(np.tri(scores.shape[-1], dtype=bool), scores, -np.inf)
    weights = softmax([scores], {}, {})
    return q, k, v, weights, (weights @ v).swapaxes(1, 2).reshape(x.shape)


def attention(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Mix the values of tokens by the softmax of queries with keys."""
    return attention_parts(inputs[0], p, a)[-1] @ p["out_proj.weight"].T + p["out_proj.bias"]


def attention_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through self-attention."""
    x = inputs[0]
    q, k, v, weights, mixed = attention_parts(x, p, a)
    slopes = {"out_proj.weight": np.einsum("nto,nti->oi", g, mixed), "out_proj.bias": g.sum(axis=(0, 1))}
    upstream = heads(g @ p["out_proj.weight"], a["heads"])
    along = upstream @ v.swapaxes(-1, -2)
    scores = pulled_through(weights, along) / math.sqrt(q.shape[-1])
    parts = (scores @ k, scores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ upstream)
    joined = np.concatenate([part.swapaxes(1, 2).reshape(x.shape) for part in parts], axis=-1)
    slopes["in_proj_weight"] = np.einsum("nto,nti->oi", joined, x)
    slopes["in_proj_bias"] = joined.sum(axis=(0, 1))
    return [joined @ p["in_proj_weight"]], slopes


FORWARD: dict[str, Callable[[list[Array], Mapping[str, Array], Attributes], Array]] = {
    "dense": dense,
    "layernorm": layernorm,
    "softmax": softmax,
    "concat": lambda x, p, a: np.concatenate(x, axis=a["axis"]),
    "flatten": lambda x, p, a: x[0].reshape(x[0].shape[0], -1),
    "conv2d": convolution,
    "conv1d": convolution,
    "batchnorm": batchnorm,
    "groupnorm": groupnorm,
    "maxpool2d": maxpool,
    "avgpool2d": lambda x, p, a: windows(x[0], a, 0.0).mean(axis=0),
    "globalavgpool": lambda x, p, a: x[0].reshape(*x[0].shape[:2], -1).mean(axis=-1),
    "mean": lambda x, p, a: x[0].mean(axis=a["axis"]),
    "pad_channels": pad_channels,
    "embedding": lambda x, p, a: p["weight"][x[0].astype(int)],
    "position": lambda x, p, a: x[0] + p["weight"],
    "attention": attention,
    **general.FORWARD,
}
Backward = Callable[
    [Array, list[Array], Mapping[str, Array], Attributes], tuple[list[Array], dict[str, Array]]
]
BACKWARD: dict[str, Backward] = {
    "dense": dense_back,
    "layernorm": layernorm_back,
    "softmax": softmax_back,
    "concat": concat_back,
    "flatten": lambda g, x, p, a: ([g.reshape(x[0].shape)], {}),
    "conv2d": convolution_back,
    "conv1d": convolution_back,
    "batchnorm": batchnorm_back,
    "groupnorm": groupnorm_back,
    "maxpool2d": maxpool_back,
    "avgpool2d": avgpool_back,
    "globalavgpool": global_back,
    "mean": lambda g, x, p, a: ([mean_back(g, x[0], a["axis"])], {}),
    "pad_channels": pad_channels_back,
    "embedding": embedding_back,
    "position": lambda g, x, p, a: ([g], {"weight": g.sum(axis=0)}),
    "attention": attention_back,
    **general.BACKWARD,
}
# Layers that may read their weights from other nodes.
LAYERS = ("dense", "conv1d", "conv2d")


def forward_op(op: str, inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Evaluate one op on a batch; one that reads nothing is given the data, for their number."""
    if op in LAYERS:
        p = general.of_layer(inputs, p)
    return ACTIVATIONS[op](inputs[0], a)[0] if op in ACTIVATIONS else FORWARD[op](inputs, p, a)


def backward_op(
    op: str, g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent of one op's output back to its inputs and its parameters."""
    if op in ACTIVATIONS:
        return [g * ACTIVATIONS[op](inputs[0], a)[1]], {}
    if op in LAYERS:
        pulled, slopes = BACKWARD[op](g, inputs, general.of_layer(inputs, p), a)
        return general.of_nodes(inputs, pulled, slopes)
    return BACKWARD[op](g, inputs, p, a)
