"""The ops that change shapes and own no parameters: pooling, flattening, joining, padding."""

from __future__ import annotations

import math

from landscape.errors import InputError
from landscape.model import values
from landscape.model.layers import slide
from landscape.model.operation import (
    Attribute,
    Attributes,
    Operation,
    Shape,
    Sizes,
    batched,
    require_axes,
    settle_axis,
)


def image_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Ask for an image, channels first."""
    require_axes(inputs[0], 3, "[N, C, H, W], channels first", 3)
    return {}


def pool_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Ask for an image, and for padding that leaves no window without a pixel."""
    for kernel, padding in zip(attributes["kernel"], attributes["padding"], strict=True):
        if 2 * padding > kernel:
            raise InputError(f"padding: expected at most half of the kernel {kernel}, found {padding}")
    return image_sizes(inputs, attributes)


def pool_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Slide the window along the image axes, floor mode."""
    channels, *image = inputs[0]
    return (
        channels,
        *slide(tuple(image), attributes["kernel"], attributes["stride"], attributes["padding"]),
    )


def global_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Ask for an axis after the channels."""
    require_axes(inputs[0], 2, "[N, C, …] with an axis after the channels")
    return {}


def global_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Leave the channels."""
    return inputs[0][:1]


def flatten_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Join all axes but the batch."""
    return (math.prod(inputs[0]),)


def mean_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Drop the axis."""
    position = attributes["axis"] - 1
    return (*inputs[0][:position], *inputs[0][position + 1 :])


def equal_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Ask for inputs of one shape."""
    for shape in inputs:
        if shape != inputs[0]:
            raise InputError(f"reads inputs of equal shapes, found {batched(inputs[0])} and {batched(shape)}")
    return {}


def concat_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Ask for inputs whose shapes differ along the axis only."""
    position = attributes["axis"] - 1
    for shape in inputs:
        if len(shape) != len(inputs[0]) or any(
            left != right
            for axis, (left, right) in enumerate(zip(inputs[0], shape, strict=True))
            if axis != position
        ):
            raise InputError(
                f"reads inputs of equal shapes but for axis {position + 1}, "
                f"found {batched(inputs[0])} and {batched(shape)}"
            )
    return {}


def concat_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Add up the sizes along the axis."""
    position = attributes["axis"] - 1
    total = sum(shape[position] for shape in inputs)
    return (*inputs[0][:position], total, *inputs[0][position + 1 :])


def pad_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Add channels of zeros before and after, take every stride-th row and column."""
    channels, *image = inputs[0]
    strided = ((size - 1) // step + 1 for size, step in zip(image, attributes["stride"], strict=True))
    return (channels + attributes["before"] + attributes["after"], *strided)


_POOL = Operation(
    sizes=pool_sizes,
    output=pool_output,
    attributes={
        "kernel": Attribute(values.per_axis(2, 1)),
        "stride": Attribute(values.per_axis(2, 1), like="kernel"),
        "padding": Attribute(values.per_axis(2, 0), (0, 0)),
    },
)
_AXIS = {"axis": Attribute(values.signed)}

RESHAPING: dict[str, Operation] = {
    "maxpool2d": _POOL,
    "avgpool2d": _POOL,
    "globalavgpool": Operation(sizes=global_sizes, output=global_output),
    "flatten": Operation(output=flatten_output),
    "mean": Operation(output=mean_output, attributes=_AXIS, settle=settle_axis),
    "add": Operation(sizes=equal_sizes, several=True),
    "multiply": Operation(sizes=equal_sizes, several=True),
    "concat": Operation(
        sizes=concat_sizes, output=concat_output, attributes=_AXIS, settle=settle_axis, several=True
    ),
    "pad_channels": Operation(
        sizes=image_sizes,
        output=pad_output,
        attributes={
            "before": Attribute(values.integer(0)),
            "after": Attribute(values.integer(0)),
            "stride": Attribute(values.per_axis(2, 1), (1, 1)),
        },
    ),
}
