"""Convolutions and normalizations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.call import Call
from landscape.importers.rules.convolutions import Sliding, convolved, transposed
from landscape.importers.rules.layouts import padded
from landscape.importers.rules.normalizations import (
    batch_normalized,
    group_normalized,
    layer_normalized,
    log_softmax,
    rms_normalized,
    softmax,
)
from landscape.importers.values import MIXES, Value
from landscape.ops.operation import Shape

Translate = Callable[[Call], Any]


def setting(call: Call, key: str, axes: int, default: int = 1) -> list[int]:
    """Read a number for each axis."""
    found = call.get(key, [default] * axes)
    if not isinstance(found, list) or len(found) != axes or not all(isinstance(n, int) for n in found):
        raise InputError(f"{key}={shown(found)}: expected {axes} whole numbers")
    if default and any(n < 1 for n in found):
        raise InputError(f"{key}={shown(found)}: expected numbers above 0")
    return list(found)


def pads(
    call: Call, image: Shape, reach: Sequence[int], strides: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Read how many cells come before and after each axis."""
    axes, auto = len(reach), call.get("auto_pad", "NOTSET")
    if not isinstance(auto, str):
        raise InputError(f"auto_pad: expected a text, found {shown(auto)}")
    if auto in ("NOTSET", ""):
        found = setting(call, "pads", 2 * axes, 0)
        if min(found, default=0) < 0:
            raise InputError(f"pads={shown(found)}: expected numbers from 0")
        return found[:axes], found[axes:]
    if auto == "VALID":
        return [0] * axes, [0] * axes
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        raise InputError(f"auto_pad={auto}: unknown")
    whole = [
        max(0, (-(-size // s) - 1) * s + r - size) for size, r, s in zip(image, reach, strides, strict=True)
    ]
    less, more = [size // 2 for size in whole], [size - size // 2 for size in whole]
    return (less, more) if auto == "SAME_UPPER" else (more, less)


def reaches(kernel: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Say how far a kernel reaches along each axis."""
    return [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]


def convolution(call: Call) -> Value:
    """Translate a convolution of one, two or three axes."""
    value, weight = call.value(), call.trained(1)
    bias, axes = call.trained(2) if call.source(2) else None, len(weight.shape) - 2
    if axes not in (1, 2, 3):
        raise InputError(f"a kernel {list(weight.shape)}: expected one to three axes")
    stride, dilation = setting(call, "strides", axes), setting(call, "dilations", axes)
    before, after = pads(call, value.shape[2:], reaches(weight.shape[2:], dilation), stride)
    if before != after:
        sides = [side for pair in zip(reversed(before), reversed(after), strict=True) for side in pair]
        value, before = padded(call.builder, value, sides), [0] * axes
    settings = Sliding(stride, before, dilation, int(call.get("group", 1)))
    return convolved(call.builder, value, weight, bias, settings)


def transposed_convolution(call: Call) -> Value:
    """Translate a transposed convolution."""
    value, weight = call.value(), call.trained(1)
    bias, axes = call.trained(2) if call.source(2) else None, len(weight.shape) - 2
    if axes not in (1, 2, 3):
        raise InputError(f"a kernel {list(weight.shape)}: expected one to three axes")
    stride, dilation = setting(call, "strides", axes), setting(call, "dilations", axes)
    more = setting(call, "output_padding", axes, 0)
    reach, image = reaches(weight.shape[2:], dilation), value.shape[2:]
    whole = [(size - 1) * s + r + m for size, s, r, m in zip(image, stride, reach, more, strict=True)]
    before, after = sides_of_transposed(call, whole, image, stride)
    out = [size - p - q for size, p, q in zip(whole, before, after, strict=True)]
    call.graph.require_value((weight.shape[1], *[max(1, size) for size in (*whole, *out)][:axes]))
    ends = [p - q + m for p, q, m in zip(before, after, more, strict=True)]
    settings = Sliding(stride, before, dilation, int(call.get("group", 1)))
    return transposed(call.builder, value, weight, bias, settings, ends)


def sides_of_transposed(
    call: Call, whole: list[int], image: Shape, stride: list[int]
) -> tuple[list[int], list[int]]:
    """Read how many cells a transposed convolution drops on both sides of each axis."""
    axes, auto, wanted = len(whole), call.get("auto_pad", "NOTSET"), call.get("output_shape")
    if wanted is None and auto in ("NOTSET", "VALID", ""):
        return pads(call, image, [1] * axes, stride)
    sizes = [size * s for size, s in zip(image, stride, strict=True)]
    if wanted is not None:
        sizes = [int(size) for size in wanted][-axes:]
    total = [size - kept for size, kept in zip(whole, sizes, strict=True)]
    if min(total) < 0:
        raise InputError(f"output_shape {shown(sizes)}: expected {whole} at most")
    less, more = [size // 2 for size in total], [size - size // 2 for size in total]
    return (less, more) if auto == "SAME_UPPER" else (more, less)


def batch_normalization(call: Call) -> Value:
    """Translate a batch normalization; ONNX's momentum is one minus the format's."""
    weight, bias, mean, variance = (call.trained(position) for position in range(1, 5))
    if call.get("spatial", 1) != 1:
        raise InputError("spatial=0: expected statistics of channels")
    momentum = round(1 - float(call.get("momentum", 0.9)), 6)
    eps = float(call.get("epsilon", 1e-5))
    return batch_normalized(
        call.builder, call.value(), (weight, bias), (mean, variance), eps, momentum=momentum
    )


def layer_normalization(call: Call) -> Value:
    """Normalize trailing axes."""
    value, weight = call.value(), call.trained(1)
    bias = call.trained(2) if call.source(2) else None
    shape = value.shape[value.axis(int(call.get("axis", -1))) :]
    eps = float(call.get("epsilon", 1e-5))
    if weight.shape == shape and (bias is None or bias.shape == shape):
        return layer_normalized(call.builder, value, shape, weight, bias, eps)
    plain = layer_normalized(call.builder, value, shape, None, None, eps)
    result = call.builder.binary("multiply", plain, weight)
    return result if bias is None else call.builder.binary("add", result, bias)


def rms_normalization(call: Call) -> Value:
    """Divide by the root of the mean square of trailing axes."""
    value, weight = call.value(), call.trained(1)
    shape = value.shape[value.axis(int(call.get("axis", -1))) :]
    plain = rms_normalized(call.builder, value, shape, None, float(call.get("epsilon", 1e-5)))
    return call.builder.binary("multiply", plain, weight)


def group_normalization(call: Call) -> Value:
    """Normalize groups of channels; before version 21 the scale is one of each group."""
    value, weight, bias = call.value(), call.trained(1), call.trained(2)
    groups, channels = int(call.get("num_groups", 1)), value.shape[1]
    if weight.shape == (groups,) and call.version < 21 and groups != channels:
        places = [group for group in range(groups) for _ in range(channels // groups)]
        weight, bias = (call.builder.taken(part, 0, places) for part in (weight, bias))
    if weight.shape != (channels,):
        raise InputError(f"a scale {list(weight.shape)}: expected one number for each of {channels} channels")
    eps = float(call.get("epsilon", 1e-5))
    return group_normalized(call.builder, value, groups, weight, bias, eps)


def instance_normalization(call: Call) -> Value:
    """Normalize each channel of each example."""
    value, eps = call.value(), float(call.get("epsilon", 1e-5))
    return group_normalized(call.builder, value, value.shape[1], call.trained(1), call.trained(2), eps)


def local_response(call: Call) -> Value:
    """Divide by a power of the mean square of channels beside each channel."""
    b, value, size = call.builder, call.value(), int(call.get("size", 1))
    channels = value.shape[1]
    if not 1 <= size <= 4 * channels:
        raise InputError(f"size={size}: expected 1 to {4 * channels}")
    before = (size - 1) // 2
    sides = [0, 0] * (len(value.shape) - 2) + [before, size - 1 - before]
    squares = padded(b, b.function("square", value), sides)
    total = b.taken(squares, 1, slice(0, channels))
    for shift in range(1, size):
        total = b.binary("add", total, b.taken(squares, 1, slice(shift, shift + channels)))
    alpha, beta, bias = (
        float(call.get(key, default)) for key, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0))
    )
    rate = b.function("power", b.shifted(b.scaled(total, alpha / size), bias), exponent=-beta)
    return b.binary("multiply", value, rate)


def unit_length(call: Call) -> Value:
    """Divide by the norm along an axis."""
    b, value, axis = call.builder, call.value(), int(call.get("axis", -1))
    if int(call.get("p", 2)) == 1:
        return b.binary("divide", value, b.reduced("reduce_sum", b.function("abs", value), [axis], True))
    square = b.reduced("reduce_sum", b.function("square", value), [axis], True)
    return b.binary("multiply", value, b.function("rsqrt", square))


def mean_variance(call: Call) -> Value:
    """Subtract the mean and divide by the root of the variance, over axes other than the batch's."""
    b, value = call.builder, call.value()
    axes = [int(axis) for axis in call.get("axes", [0, 2, 3])]
    apart = b.binary("subtract", value, b.reduced("reduce_mean", value, axes, True))
    variance = b.reduced("reduce_mean", b.function("square", apart), axes, True)
    return b.binary("multiply", apart, b.function("rsqrt", b.shifted(variance, 1e-9)))


def normalized(rule: Callable[..., Value]) -> Translate:
    """Make the row of a softmax or of its logarithm; before version 13 it is over all axes from one on."""

    def translate(call: Call) -> Value:
        value, b = call.value(), call.builder
        axis = value.axis(int(call.get("axis", -1 if call.version >= 13 else 1)))
        if call.version >= 13 or axis == len(value.shape) - 1:
            return rule(b, value, axis)
        if value.batch is not None and value.batch >= axis:
            raise InputError(MIXES)
        shape = (*value.shape[:axis], math.prod(value.shape[axis:]))
        flat = b.regrouped(value, Value(shape, batch=value.batch, outer=value.outer))
        return b.regrouped(rule(b, flat, axis), Value(value.shape, batch=value.batch, outer=value.outer))

    return translate


LAYERS: dict[str, Translate] = {
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "RMSNormalization": rms_normalization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "MeanVarianceNormalization": mean_variance,
    "LRN": local_response,
    "LpNormalization": unit_length,
    "Softmax": normalized(softmax),
    "LogSoftmax": normalized(log_softmax),
}
