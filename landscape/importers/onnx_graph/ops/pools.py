"""Reductions and pools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.call import Call
from landscape.importers.onnx_graph.ops.layers import pads, reaches, setting
from landscape.importers.rules.normalizations import log_sum
from landscape.importers.rules.windows import Window, averaged, max_pooled, summed_before
from landscape.importers.values import Value

Translate = Callable[[Call], Any]


def dims_of(call: Call) -> list[int] | None:
    """Give the axes that are reduced, None if none is: without any named, all are."""
    dims = call.integers(1, "axes")
    if dims:
        return dims
    return None if call.get("noop_with_empty_axes") else list(range(len(call.value().shape)))


def reduction(op: str, before: str = "", after: str = "") -> Translate:
    """Make the row of a reduction, perhaps of a function of the numbers, and a function of what comes out."""

    def translate(call: Call) -> Value:
        b, dims = call.builder, dims_of(call)
        if op == "reduce_mean":
            return mean(call, dims)
        value = b.function(before, call.value()) if before else call.value()
        if dims is not None:
            value = b.reduced(op, value, dims, bool(call.get("keepdims", 1)))
        return b.function(after, value) if after else value

    return translate


def mean(call: Call, dims: list[int] | None) -> Value:
    """Translate a mean: over all pixels, over one axis, or over any."""
    value, keep = call.value(), bool(call.get("keepdims", 1))
    if dims is None:
        return value
    axes, rank = sorted({value.axis(dim) for dim in dims}), len(value.shape)
    plain = value.batch == 0 and value.drops
    if plain and rank > 2 and axes == list(range(2, rank)):
        return mean_of_pixels(call, value, keep)
    if plain and not keep and len(axes) == 1 and axes[0] > 0:
        shape = (*value.shape[: axes[0]], *value.shape[axes[0] + 1 :])
        return call.builder.made(value, "mean", [call.builder.node(value)], shape, axis=axes[0])
    return call.builder.reduced("reduce_mean", value, axes, keep)


def mean_of_pixels(call: Call, value: Value, keep: bool) -> Value:
    """Average all axes after the channels; an image of one pixel stays one where what follows reads it as such."""
    following = [node.op_type for node in call.graph.readers.get(call.output, [])]
    b, rank = call.builder, len(value.shape)
    if keep and rank == 4 and any(kind not in ("Flatten", "Reshape", "Squeeze") for kind in following):
        return b.made(
            value, "avgpool2d", [b.node(value)], (*value.shape[:2], 1, 1), kernel=list(value.shape[2:])
        )
    shape = (*value.shape[:2], *[1] * (rank - 2)) if keep else value.shape[:2]
    return b.made(value, "globalavgpool", [b.node(value)], shape)


def log_sum_of(call: Call) -> Value:
    """Translate log Σ exp x."""
    dims = dims_of(call)
    return (
        call.value()
        if dims is None
        else log_sum(call.builder, call.value(), dims, bool(call.get("keepdims", 1)))
    )


def window_of(call: Call) -> Window:
    """Read a pool's window."""
    kernel = call.get("kernel_shape")
    axes = len(call.value().shape) - 2
    if axes not in (1, 2, 3) or not isinstance(kernel, list) or len(kernel) != axes:
        raise InputError(f"kernel_shape={shown(kernel)}: expected one to three axes, those of the image")
    kernel = setting(call, "kernel_shape", axes)
    stride, dilation = setting(call, "strides", axes), setting(call, "dilations", axes)
    before, after = pads(call, call.value().shape[2:], reaches(kernel, dilation), stride)
    window = Window(kernel, stride, before, after, dilation, bool(call.get("ceil_mode", 0)))
    image = call.value().shape[2:]
    counts = window.counts(image)
    if min(counts) < 1 or max(*kernel, *stride, *dilation) > 2**31:
        raise InputError(f"a window {kernel} on an image {list(image)}: expected one that fits")
    seen = [max(count, 1) * k for count, k in zip(counts, kernel, strict=True)]
    call.graph.require_value((*call.value().laid[:1], *seen))
    return window


def max_pool(call: Call) -> list[Value | None]:
    """Take the largest number of each window; its index is not available as a value."""
    return [max_pooled(call.builder, call.value(), window_of(call)), None]


def average_pool(call: Call) -> Value:
    """Average each window."""
    counted = bool(call.get("count_include_pad", 0))
    return averaged(call.builder, call.value(), window_of(call), counted=counted)


def largest_pixel(call: Call) -> Value:
    """Take the largest of all axes after the channels, which are kept as axes of one."""
    value = call.value()
    return call.builder.reduced("reduce_max", value, list(range(2, len(value.shape))), True)


def cumulative(call: Call) -> Value:
    """Sum what comes before along an axis."""
    axis = int(call.number(1, 0))
    if call.get("exclusive") or call.get("reverse"):
        raise InputError("exclusive and reverse: expected neither")
    call.graph.require_known(call.value().shape[call.value().axis(axis)] ** 2)
    return summed_before(call.builder, call.value(), axis)


POOLS: dict[str, Translate] = {
    "ReduceSum": reduction("reduce_sum"),
    "ReduceMean": reduction("reduce_mean"),
    "ReduceMax": reduction("reduce_max"),
    "ReduceMin": reduction("reduce_min"),
    "ReduceL1": reduction("reduce_sum", before="abs"),
    "ReduceL2": reduction("reduce_sum", before="square", after="sqrt"),
    "ReduceSumSquare": reduction("reduce_sum", before="square"),
    "ReduceLogSum": reduction("reduce_sum", after="log"),
    "ReduceLogSumExp": log_sum_of,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda call: mean(call, list(range(2, len(call.value().shape)))),
    "GlobalMaxPool": largest_pixel,
    "CumSum": cumulative,
}
