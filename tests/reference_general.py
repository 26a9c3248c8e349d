"""The general ops of the model format in plain NumPy: other orders of numbers, arithmetic, reductions, products of matrices, attention of values.

Written from the format's text, independently of the engine, which makes index maps of them. Every value has a batch axis here, also one that is the
same for all examples: its copies' cotangents add up where its numbers are owned. As in `reference_ops`, complex numbers carry tangents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray
Attributes = Mapping[str, Any]
Parameters = Mapping[str, Array]
Pulled = tuple[list[Array], dict[str, Array]]
# How NumPy calls the ways to pad.
PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def aligned(x: Array, axes: int) -> Array:
    """Put axes of 1 after the batch, so that there are so many beside it."""
    return x.reshape(len(x), *(1,) * (axes + 1 - x.ndim), *x.shape[1:])


def together(inputs: list[Array]) -> list[Array]:
    """Give all values as many axes as the one with most, aligned at the last."""
    axes = max(x.ndim for x in inputs) - 1
    return [aligned(x, axes) for x in inputs]


def summed_to(g: Array, x: Array) -> Array:
    """Add a cotangent up where a value was spread."""
    g = g.sum(axis=tuple(range(1, 1 + g.ndim - x.ndim)))
    spread = tuple(axis for axis in range(x.ndim) if x.shape[axis] == 1 and g.shape[axis] > 1)
    return g.sum(axis=spread, keepdims=True)


def padded(x: Array, a: Attributes) -> Array:
    """Cut where a width is negative, then pad the other ends."""
    ends = list(zip(a["before"], a["after"], strict=True))
    for axis, (before, after) in enumerate(ends, 1):
        x = np.take(x, np.arange(max(0, -before), x.shape[axis] - max(0, -after)), axis)
    widths = [(0, 0), *((max(0, before), max(0, after)) for before, after in ends)]
    if a["mode"] == "constant":
        return np.pad(x, widths, constant_values=a["value"])
    return np.pad(x, widths, mode=PAD_MODES[a["mode"]])


LAYOUTS: dict[str, Callable[[Array, Attributes], Array]] = {
    "reshape": lambda x, a: x.reshape(len(x), *a["shape"]),
    "transpose": lambda x, a: x.transpose(0, *a["axes"]),
    "slice": lambda x, a: np.take(x, range(a["start"], a["stop"], a["step"]), a["axis"]),
    "take": lambda x, a: np.take(x, a["indices"], a["axis"]),
    "pad": padded,
    "expand": lambda x, a: np.broadcast_to(aligned(x, len(a["shape"])), (len(x), *a["shape"])),
}


def layout_back(name: str, g: Array, x: Array, a: Attributes) -> Array:
    """Add each cotangent up at the place that its number came from, which the op itself tells of numbered places."""
    numbered = np.arange(x[0].size).reshape(1, *x.shape[1:])
    places = LAYOUTS[name](numbered, {**a, "value": -1}).ravel()
    pulled = np.zeros((x[0].size, len(x)), g.dtype)
    np.add.at(pulled, places[places >= 0], g.reshape(len(g), -1).T[places >= 0])
    return pulled.T.reshape(x.shape)


def joined(function: Callable[[Array, Array], Array], inputs: list[Array]) -> Array:
    """Take values together, one after the other."""
    first, *rest = together(inputs)
    for other in rest:
        first = function(first, other)
    return first


def multiply_back(g: Array, inputs: list[Array]) -> list[Array]:
    """Each factor's cotangent is the product of the others with `g`."""
    spread = together(inputs)
    result = []
    for number, x in enumerate(inputs):
        part = g
        for other in spread[:number] + spread[number + 1 :]:
            part = part * other
        result.append(summed_to(part, x))
    return result


def divide_back(g: Array, inputs: list[Array]) -> list[Array]:
    """Pull a cotangent back through a quotient."""
    one, two = together(inputs)
    return [summed_to(g / two, inputs[0]), summed_to(-g * one / (two * two), inputs[1])]


def reduced_axes(x: Array, a: Attributes) -> tuple[Array, tuple[int, ...]]:
    """Lay the axes that are reduced last, as one; with the shape that is kept."""
    axes = tuple(a["axes"])
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    laid = x.transpose(*kept, *axes)
    return laid.reshape(*(x.shape[axis] for axis in kept), -1), tuple(x.shape[axis] for axis in kept)


def with_kept(y: Array, x: Array, a: Attributes) -> Array:
    """Keep reduced axes as 1 where that is asked for."""
    if not a["keepdims"]:
        return y
    return y.reshape([1 if axis in a["axes"] else size for axis, size in enumerate(x.shape)])


def extreme(x: Array, a: Attributes, sign: float) -> tuple[Array, Array]:
    """Numbers over the reduced axes, and which of them is the largest times the sign: the first of equal ones."""
    parts, _ = reduced_axes(x, a)
    return parts, (sign * parts.real).argmax(axis=-1)[..., None]


def extreme_value(x: Array, a: Attributes, sign: float) -> Array:
    """The largest or the least number over some axes."""
    parts, which = extreme(x, a, sign)
    return with_kept(np.take_along_axis(parts, which, -1)[..., 0], x, a)


def spread_back(parts: Array, x: Array, a: Attributes) -> Array:
    """Put numbers over the reduced axes back where they were."""
    kept = [axis for axis in range(x.ndim) if axis not in a["axes"]]
    order = [*kept, *a["axes"]]
    return parts.reshape([x.shape[axis] for axis in order]).transpose(np.argsort(order))


def extreme_back(g: Array, x: Array, a: Attributes, sign: float) -> Array:
    """Give the cotangent to the number that was chosen."""
    parts, which = extreme(x, a, sign)
    pulled = np.zeros(parts.shape, g.dtype)
    np.put_along_axis(pulled, which, g.reshape(which.shape), -1)
    return spread_back(pulled, x, a)


def sum_back(g: Array, x: Array, a: Attributes, mean: bool) -> Array:
    """Give each number that was added its share of the cotangent."""
    parts, kept = reduced_axes(x, a)
    share = 1.0 / parts.shape[-1] if mean else 1.0
    return spread_back(np.broadcast_to(share * g.reshape(*kept, 1), parts.shape), x, a)


def gap_of(x: Array, a: Attributes, sign: float) -> float:
    """The distance from the number that is chosen to the next, at which the choice has a kink."""
    parts = np.sort(sign * reduced_axes(x, a)[0].real, axis=-1)
    return float((parts[..., -1] - parts[..., -2]).min()) if parts.shape[-1] > 1 else np.inf


# What the largest is multiplied by.
EXTREMES = {"reduce_max": 1.0, "reduce_min": -1.0}


def transposed(x: Array) -> Array:
    """Swap the last two axes."""
    return x.swapaxes(-1, -2)


def matmul_back(g: Array, inputs: list[Array]) -> list[Array]:
    """Pull a cotangent back through products of matrices."""
    one, two = together(inputs)
    return [summed_to(g @ transposed(two), inputs[0]), summed_to(transposed(one) @ g, inputs[1])]


def pulled_through(shares: Array, g: Array) -> Array:
    """A softmax's pᵢ Σⱼ pⱼ (gᵢ − gⱼ), pair by pair, so that nothing cancels where one share is almost all."""
    return shares * ((g[..., :, None] - g[..., None, :]) * shares[..., None, :]).sum(axis=-1)


def shares_of(inputs: list[Array], a: Attributes) -> tuple[list[Array], Array, float]:
    """Queries, keys and values with as many axes, the softmax of the scores, and the scale."""
    q, k, v, *mask = together(inputs)
    scale = a["scale"] or 1.0 / math.sqrt(q.shape[-1])
    scores = scale * (q @ transposed(k))
    if mask:
        scores = scores + mask[0]
    if a["causal"]:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    e = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    return [q, k, v], e / e.sum(axis=-1, keepdims=True), scale


def attention(inputs: list[Array], a: Attributes) -> Array:
    """Mix values by the softmax of queries with keys."""
    (_, _, v), shares, _ = shares_of(inputs, a)
    return shares @ v


def attention_back(g: Array, inputs: list[Array], a: Attributes) -> list[Array]:
    """Pull a cotangent back through a mixture of values."""
    (q, k, v), shares, scale = shares_of(inputs, a)
    scores = pulled_through(shares, g @ transposed(v))
    pulled = [scale * (scores @ k), scale * (transposed(scores) @ q), transposed(shares) @ g, scores]
    return [summed_to(part, x) for part, x in zip(pulled, inputs, strict=False)]


def numbers_back(g: Array) -> Pulled:
    """Add the cotangents of all examples up."""
    return [], {"value": g.sum(axis=0)}


Forward = Callable[[list[Array], Parameters, Attributes], Array]
Backward = Callable[[Array, list[Array], Parameters, Attributes], Pulled]


def owned(x: list[Array], p: Parameters, a: Attributes) -> Array:
    """Numbers of the node's own, for each example."""
    return np.broadcast_to(p["value"], (len(x[0]), *p["value"].shape))


FORWARD: dict[str, Forward] = {
    **{name: (lambda x, p, a, f=f: f(x[0], a)) for name, f in LAYOUTS.items()},  # type: ignore[misc]
    "add": lambda x, p, a: joined(lambda one, two: one + two, x),
    "subtract": lambda x, p, a: joined(lambda one, two: one - two, x),
    "multiply": lambda x, p, a: joined(lambda one, two: one * two, x),
    "divide": lambda x, p, a: joined(lambda one, two: one / two, x),
    "parameter": owned,
    "constant": owned,
    "reduce_sum": lambda x, p, a: with_kept(reduced_axes(x[0], a)[0].sum(axis=-1), x[0], a),
    "reduce_mean": lambda x, p, a: with_kept(reduced_axes(x[0], a)[0].mean(axis=-1), x[0], a),
    **{
        name: (lambda x, p, a, sign=sign: extreme_value(x[0], a, sign))  # type: ignore[misc]
        for name, sign in EXTREMES.items()
    },
    "matmul": lambda x, p, a: joined(lambda one, two: one @ two, x),
    "scaled_dot_product_attention": lambda x, p, a: attention(x, a),
}
BACKWARD: dict[str, Backward] = {
    **{
        name: (lambda g, x, p, a, name=name: ([layout_back(name, g, x[0], a)], {}))  # type: ignore[misc]
        for name in LAYOUTS
    },
    "add": lambda g, x, p, a: ([summed_to(g, one) for one in x], {}),
    "subtract": lambda g, x, p, a: ([summed_to(g, x[0]), summed_to(-g, x[1])], {}),
    "multiply": lambda g, x, p, a: (multiply_back(g, x), {}),
    "divide": lambda g, x, p, a: (divide_back(g, x), {}),
    "parameter": lambda g, x, p, a: numbers_back(g),
    "constant": lambda g, x, p, a: numbers_back(g),
    "reduce_sum": lambda g, x, p, a: ([sum_back(g, x[0], a, False)], {}),
    "reduce_mean": lambda g, x, p, a: ([sum_back(g, x[0], a, True)], {}),
    **{
        name: (lambda g, x, p, a, sign=sign: ([extreme_back(g, x[0], a, sign)], {}))  # type: ignore[misc]
        for name, sign in EXTREMES.items()
    },
    "matmul": lambda g, x, p, a: (matmul_back(g, x), {}),
    "scaled_dot_product_attention": lambda g, x, p, a: (attention_back(g, x, a), {}),
}


def of_layer(inputs: list[Array], p: Parameters) -> Parameters:
    """Give a layer's weight and bias, those of other nodes where it reads them there: any example's copy."""
    return {**p, **{name: x[0] for name, x in zip(("weight", "bias"), inputs[1:], strict=False)}}


def of_nodes(inputs: list[Array], pulled: list[Array], slopes: dict[str, Array]) -> Pulled:
    """Hand the slopes of weights that other nodes have to those, to the first example's copy."""
    rest = dict(slopes)
    for name, x in zip(("weight", "bias"), inputs[1:], strict=False):
        whole = np.zeros(x.shape, rest[name].dtype)
        whole[0] = rest.pop(name)
        pulled = [*pulled, whole]
    return pulled, rest
