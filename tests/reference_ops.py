"""The ops and losses of the model format in plain NumPy: forward and backward, slow and obvious.

Written from the format's text, independently of the engine. Every function also accepts complex numbers with
a tiny imaginary part, which carries an exact tangent ("complex step"): comparisons look at the real part, and
nothing is conjugated. A point on a kink takes the slope of its left side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tests import reference_general as general
from tests.reference_general import pulled_through

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


def image_axes(x: Array, w: Array, a: Attributes) -> tuple[Array, Array, Attributes]:
    """Make a sequence an image of height 1, with a weight of height 1."""
    if x.ndim == 4:
        return x, w, a
    axes = {key: (int(key != "padding"), *a[key]) for key in ("stride", "padding", "dilation")}
    return x[:, :, None], w[:, :, None], {**a, **axes}


def padded(x: Array, padding: tuple[int, int], value: float = 0.0) -> Array:
    """Put a frame around images."""
    (py, px) = padding
    return np.pad(x, ((0, 0), (0, 0), (py, py), (px, px)), constant_values=value)


def taps(
    shape: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
    """Name each tap of a window, and the pixels of padded images that all windows see through it."""
    (dy, dx), (sy, sx) = dilation, stride
    rows = (shape[0] - dy * (kernel[0] - 1) - 1) // sy + 1
    columns = (shape[1] - dx * (kernel[1] - 1) - 1) // sx + 1
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield (
                i,
                j,
                (slice(i * dy, i * dy + sy * rows, sy), slice(j * dx, j * dx + sx * columns, sx)),
            )


def convolution(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Slide a product over images, tap by tap."""
    x, w, b = image_axes(inputs[0], p["weight"], a)
    frame, groups, y = padded(x, b["padding"]), b["groups"], 0.0
    grouped = w.reshape(groups, -1, *w.shape[1:])
    for i, j, seen in taps(frame.shape[2:], w.shape[2:], b["stride"], b["dilation"]):
        part = frame[:, :, *seen]
        part = part.reshape(len(x), groups, -1, *part.shape[2:])
        y = y + np.einsum("ngchw,goc->ngohw", part, grouped[..., i, j])
    y = y.reshape(len(x), len(w), *y.shape[3:])
    y = y + p["bias"][:, None, None] if "bias" in p else y
    return y if inputs[0].ndim == 4 else y[:, :, 0]


def convolution_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Pull a cotangent back through a convolution, tap by tap."""
    x, w, b = image_axes(inputs[0], p["weight"], a)
    frame, groups = padded(x, b["padding"]), b["groups"]
    g = g if g.ndim == 4 else g[:, :, None]
    grouped = w.reshape(groups, -1, *w.shape[1:])
    upstream = g.reshape(len(x), groups, -1, *g.shape[2:])
    pulled = np.zeros(frame.shape, np.result_type(g, w))
    slope = np.zeros(grouped.shape, np.result_type(g, x))
    for i, j, seen in taps(frame.shape[2:], w.shape[2:], b["stride"], b["dilation"]):
        part = frame[:, :, *seen]
        part = part.reshape(len(x), groups, -1, *part.shape[2:])
        slope[..., i, j] = np.einsum("ngohw,ngchw->goc", upstream, part)
        back = np.einsum("ngohw,goc->ngchw", upstream, grouped[..., i, j])
        pulled[:, :, *seen] += back.reshape(len(x), -1, *back.shape[3:])
    (py, px), (height, width) = b["padding"], x.shape[2:]
    slopes = {"weight": slope.reshape(p["weight"].shape)}
    if "bias" in p:
        slopes["bias"] = g.sum(axis=(0, 2, 3))
    return [pulled[:, :, py : py + height, px : px + width].reshape(inputs[0].shape)], slopes


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


def windows(x: Array, a: Attributes, value: float) -> Array:
    """Stack what each window sees, a tap after the other, the padding as `value`."""
    frame = padded(x, a["padding"], value)
    return np.stack(
        [frame[:, :, *seen] for _, _, seen in taps(frame.shape[2:], a["kernel"], a["stride"], (1, 1))]
    )


def spread_windows(g: Array, x: Array, a: Attributes) -> Array:
    """Add a cotangent of each window's taps up at the pixels."""
    (py, px), (height, width) = a["padding"], x.shape[2:]
    pulled = np.zeros(padded(x, a["padding"]).shape, g.dtype)
    for part, (_, _, seen) in zip(g, taps(pulled.shape[2:], a["kernel"], a["stride"], (1, 1)), strict=True):
        pulled[:, :, *seen] += part
    return pulled[:, :, py : py + height, px : px + width]


def largest(x: Array, a: Attributes) -> tuple[Array, Array]:
    """All windows, and the number of the first tap that sees the largest."""
    seen = windows(x, a, -np.inf)
    return seen, seen.real.argmax(axis=0)[None]


def largest_gap(x: Array, a: Attributes) -> Array:
    """The distance from each window's largest pixel to the next."""
    seen = np.sort(windows(x, a, -np.inf), axis=0)
    return seen[-1] - seen[-2] if len(seen) > 1 else np.full(1, np.inf)


def maxpool(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """The largest pixel of each window."""
    seen, which = largest(inputs[0], a)
    return np.take_along_axis(seen, which, axis=0)[0]


def maxpool_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Give the cotangent to the largest pixel."""
    seen, which = largest(inputs[0], a)
    pulled = np.zeros(seen.shape, g.dtype)
    np.put_along_axis(pulled, which, g[None], axis=0)
    return [spread_windows(pulled, inputs[0], a)], {}


def avgpool_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Give each pixel its share of the cotangent."""
    count = a["kernel"][0] * a["kernel"][1]
    return [spread_windows(np.stack([g / count] * count), inputs[0], a)], {}


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


def pad_channels(inputs: list[Array], p: Mapping[str, Array], a: Attributes) -> Array:
    """Take every stride-th pixel, put channels of zeros around."""
    sy, sx = a["stride"]
    frame = ((0, 0), (a["before"], a["after"]), (0, 0), (0, 0))
    return np.pad(inputs[0][:, :, ::sy, ::sx], frame)


def pad_channels_back(
    g: Array, inputs: list[Array], p: Mapping[str, Array], a: Attributes
) -> tuple[list[Array], dict[str, Array]]:
    """Put the cotangent of the middle channels back."""
    (sy, sx), pulled = a["stride"], np.zeros(inputs[0].shape, g.dtype)
    pulled[:, :, ::sy, ::sx] = g[:, a["before"] : a["before"] + pulled.shape[1]]
    return [pulled], {}


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
