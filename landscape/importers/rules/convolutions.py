"""Convolutions of one, two or three axes, and transposed ones."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from landscape.errors import InputError
from landscape.importers.builder import Builder
from landscape.importers.rules.layouts import padded, with_shape
from landscape.importers.rules.weights import layer, own
from landscape.importers.values import MIXES, Value

# So many images of one example are convolved one by one.
MOST_IMAGES = 64


class Sliding(NamedTuple):
    """How a window slides over each axis, and how many groups of channels there are."""

    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int


def convolved(b: Builder, value: Value, weight: Value, bias: Value | None, settings: Sliding) -> Value:
    """Add a convolution with weights of its own or those of nodes; several images of one example go one by one."""
    stride, padding, dilation, groups = settings
    axes = len(weight.shape) - 2
    if len(value.shape) != axes + 2 or value.batch not in (0, None):
        raise InputError(MIXES)
    if axes == 3:
        return volume(b, value, weight, bias, settings)
    if not value.drops and value.batch is not None:
        if value.shape[0] > MOST_IMAGES:
            raise InputError(f"{value.shape[0]} images of one example: expected {MOST_IMAGES} at most")
        images = [b.taken_image(value, place) for place in range(value.shape[0])]
        parts = [convolved(b, image, weight, bias, settings) for image in images]
        return b.images_joined(value, parts)
    image = [
        (size + 2 * p - d * (k - 1) - 1) // s + 1
        for size, k, s, p, d in zip(value.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    ]
    shape = (value.shape[0], weight.shape[0], *image)
    more = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    weights, op = own(b, weight=weight, bias=bias), f"conv{axes}d"
    if weights is not None:
        return layer(b, value, op, weights, shape, **more)
    nodes = [b.node(value), b.node(weight), *([] if bias is None else [b.node(bias)])]
    return b.made(value, op, nodes, shape, **more)


def volume(b: Builder, value: Value, weight: Value, bias: Value | None, settings: Sliding) -> Value:
    """Convolve volumes plane by plane: the planes that a window sees are channels of one image."""
    (sz, *stride), (pz, *padding), (dz, *dilation), groups = settings
    out, inputs, depth = weight.shape[:3]
    value = padded(b, value, [0, 0, 0, 0, pz, pz])
    first, channels, planes, height, width = value.shape
    flat = b.regrouped(weight, Value((out, inputs * depth, *weight.shape[3:])))
    parts = []
    for plane in range(0, planes - dz * (depth - 1), sz):
        seen = b.taken(value, 2, [plane + dz * k for k in range(depth)])
        image = with_shape(b, seen, (first, channels * depth, height, width))
        result = convolved(b, image, flat, bias, Sliding(stride, padding, dilation, groups))
        parts.append(with_shape(b, result, (*result.shape[:2], 1, *result.shape[2:])))
    return b.joined(parts, 2)


def transposed(
    b: Builder, value: Value, weight: Value, bias: Value | None, settings: Sliding, more: list[int]
) -> Value:
    """Translate a transposed convolution: zeros between the pixels, and a convolution with the turned taps.

    `more` cells come at the end of each axis; they may be negative.
    """
    stride, padding, dilation, groups = settings
    taps = weight.shape[2:]
    axes = len(taps)
    for axis in range(axes):
        value = stretched(b, value, axis + 2, stride[axis])
    widths: list[int] = []
    for axis in reversed(range(axes)):
        side = dilation[axis] * (taps[axis] - 1) - padding[axis]
        widths += [side, side + more[axis]]
    value = padded(b, value, widths)
    for axis in range(axes):
        weight = b.taken(weight, axis + 2, list(range(taps[axis]))[::-1])
    before, after = weight.shape[0], weight.shape[1]
    weight = b.regrouped(weight, Value((groups, before // groups, after, *taps)))
    weight = b.permuted(weight, [0, 2, 1, *range(3, axes + 3)])
    weight = b.regrouped(weight, Value((groups * after, before // groups, *taps)))
    return convolved(b, value, weight, bias, Sliding([1] * axes, [0] * axes, dilation, groups))


def stretched(b: Builder, value: Value, axis: int, stride: int) -> Value:
    """Put zeros between the places of an axis."""
    if stride == 1:
        return value
    size, rank = value.shape[axis], len(value.shape)
    apart = with_shape(b, value, (*value.shape[: axis + 1], 1, *value.shape[axis + 1 :]))
    apart = padded(b, apart, [0, 0] * (rank - axis - 1) + [0, stride - 1])
    shape = (*value.shape[:axis], size * stride, *value.shape[axis + 1 :])
    whole = b.regrouped(apart, replace(apart, shape=shape, node=None))
    return b.taken(whole, axis, slice(0, (size - 1) * stride + 1))
