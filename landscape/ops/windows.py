"""Windows that slide over images, channels last in a program; a sequence is an image of height 1."""

from __future__ import annotations

from landscape.errors import InputError
from landscape.ops import values
from landscape.ops.operation import Attribute, Attributes, Operation, Shape, Sizes, require_axes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op
from landscape.program.table import SCRATCH_ROWS, Geometry

Columns = dict[Geometry, int]


def image_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Require an image, channels first."""
    require_axes(inputs[0], 3, "[N, C, H, W], channels first", 3)
    return {}


def slide(image: Shape, reach: Shape, stride: Shape, padding: Shape) -> Shape:
    """Count the positions of a window of length `reach` along each axis.

    >>> slide((8, 8), (3, 3), (2, 2), (1, 1))
    (4, 4)

    Raises
    ------
    InputError
        The window is longer than the padded image.
    """
    positions = tuple(
        (size + 2 * pad - length) // step + 1
        for size, length, step, pad in zip(image, reach, stride, padding, strict=True)
    )
    if min(positions) < 1:
        raise InputError(
            f"the kernel reaches over {list(reach)}, more than the padded image {list(image)} has"
        )
    return positions


def two_axes(pair: tuple[int, ...], fill: int) -> tuple[int, int]:
    """Return the values for y and x; a single axis is x.

    >>> two_axes((3,), 1)
    (1, 3)
    """
    return (fill, pair[0]) if len(pair) == 1 else (pair[0], pair[1])


def image_geometry(before: Shape, after: Shape) -> Columns:
    """Give the geometry's sizes of the input and output image."""
    height, width = two_axes(before[1:], 1)
    out_height, out_width = two_axes(after[1:], 1)
    return {
        Geometry.CHANNELS: before[0],
        Geometry.HEIGHT: height,
        Geometry.WIDTH: width,
        Geometry.OUT_CHANNELS: after[0],
        Geometry.OUT_HEIGHT: out_height,
        Geometry.OUT_WIDTH: out_width,
    }


def window_geometry(node: GraphNode, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> Columns:
    """Give the geometry's sizes of the window, its strides and padding."""
    result: Columns = {}
    for first, pair, fill in (
        (Geometry.KERNEL_Y, kernel, 1),
        (Geometry.STRIDE_Y, node.attributes["stride"], 1),
        (Geometry.PADDING_Y, node.attributes["padding"], 0),
        (Geometry.DILATION_Y, dilation, 1),
    ):
        result[first], result[Geometry(first + 1)] = two_axes(pair, fill)
    return result


def pool_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Require an image, and padding that leaves no window without a pixel."""
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


def pool(name: str, op: Op) -> Operation:
    """Make an op that takes one number of each window of a channel."""

    def lower(state: Lowering, node: GraphNode) -> int:
        geometry = image_geometry(state.shape_of[node.inputs[0]], node.shape)
        geometry |= window_geometry(node, node.attributes["kernel"], (1, 1))
        scratch = max(SCRATCH_ROWS, geometry[Geometry.CHANNELS])
        return state.add(state.row(op, node, last=True, geometry=geometry, scratch=scratch))

    return Operation(
        name=name,
        sizes=pool_sizes,
        output=pool_output,
        attributes={
            "kernel": Attribute(values.per_axis(2, 1)),
            "stride": Attribute(values.per_axis(2, 1), like="kernel"),
            "padding": Attribute(values.per_axis(2, 0), (0, 0)),
        },
        traits=Traits(
            product="none",
            start="none",
            normalizes=False,
            batch_statistics=False,
            drops=False,
            passes=False,
            elementwise=False,
            homogeneous=True,
            width="kept",
            output_range=None,
            applied_by=None,
            along_units=False,
            bend=None,
            cuda=True,
        ),
        lower=lower,
    )
