"""`conv1d` and `conv2d`: a product over windows of an image.

The output along an image axis is `⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1`.
"""

from __future__ import annotations

import math
from typing import Any

from landscape.errors import InputError
from landscape.ops import values
from landscape.ops.operation import (
    Attribute,
    Attributes,
    Operation,
    Parameter,
    Shape,
    Sizes,
    require_axes,
    size_of,
)
from landscape.ops.traits import Traits
from landscape.ops.windows import Columns, image_geometry, slide, window_geometry
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op
from landscape.program.table import CHANNELS_TOGETHER, WIDEST_VECTOR, Geometry, Row

# With tiles of two vectors of examples they stay in a core's own cache.
TURNED_ROWS = 1536
# A convolution by squares of 4 × 4 outputs has 36 components of products. With fewer channels than these its transforms cost more than they save, with
# more weights, channels times outputs, their components take too much memory.
SQUARE, COMPONENTS, FEWEST, MOST = 4, 36, 8, 2**18


def batched_letters(first: str, axes: int) -> str:
    """Spell the shape that an image op reads.

    >>> batched_letters("C", 2)
    '[N, C, H, W]'
    """
    return f"[N, {first}, {', '.join('HW'[-axes:])}]"


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the channels; the groups must divide them."""
    axes = len(attributes["stride"])
    require_axes(inputs[0], axes + 1, f"{batched_letters('C', axes)}, channels first", axes + 1)
    channels, groups = inputs[0][0], attributes["groups"]
    if channels % groups:
        raise InputError(f"groups: expected a divisor of the {channels} channels, found {groups}")
    return {"in/groups": channels // groups}


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Slide the kernel along the image axes."""
    channels, groups = size_of(sizes, "out"), attributes["groups"]
    if channels % groups:
        raise InputError(f"groups: expected a divisor of the {channels} output channels, found {groups}")
    kernel = tuple(size_of(sizes, letter) for letter in ("kh", "kw")[-len(attributes["stride"]) :])
    reach = tuple(d * (k - 1) + 1 for d, k in zip(attributes["dilation"], kernel, strict=True))
    return (channels, *slide(inputs[0][1:], reach, attributes["stride"], attributes["padding"]))


def wide_channels(geometry: Columns, groups: int) -> int:
    """Round a group's output channels up to whole vectors."""
    return math.ceil(geometry[Geometry.OUT_CHANNELS] // groups / WIDEST_VECTOR) * WIDEST_VECTOR


def turned_lines(geometry: Columns, groups: int) -> tuple[int, int]:
    """Give how many lines of the output the weights' gradient transposes at a time, and the rows of scratch that they take."""
    line = geometry[Geometry.OUT_WIDTH] * wide_channels(geometry, groups)
    lines = min(geometry[Geometry.OUT_HEIGHT], max(1, TURNED_ROWS // line))
    return lines, lines * line


def goes_by_squares(geometry: Columns, groups: int) -> bool:
    """Say whether a convolution is computed by Winograd's squares: 3 × 3 taps at stride 1, enough channels, and squares mostly within the image."""
    window = (geometry[Geometry.KERNEL_Y], geometry[Geometry.KERNEL_X])
    steps = (Geometry.STRIDE_Y, Geometry.STRIDE_X, Geometry.DILATION_Y, Geometry.DILATION_X)
    channels = (geometry[Geometry.CHANNELS], geometry[Geometry.OUT_CHANNELS])
    sides = (geometry[Geometry.OUT_HEIGHT], geometry[Geometry.OUT_WIDTH])
    covered = math.prod(math.ceil(side / SQUARE) * SQUARE for side in sides)
    plain = window == (3, 3) and groups == 1 and all(geometry[step] == 1 for step in steps)
    fits = min(channels) >= FEWEST and math.prod(channels) <= MOST
    return plain and fits and covered <= 2 * math.prod(sides)


def squares_rows(geometry: Columns) -> int:
    """Count the rows of scratch of a convolution by Winograd's squares: taps, components of taps, pixels and outputs, and a row for each channel."""
    before, after = geometry[Geometry.CHANNELS], geometry[Geometry.OUT_CHANNELS]
    taps = (9 + COMPONENTS) * (math.ceil(before * after / WIDEST_VECTOR) + 1)
    return taps + before + after + COMPONENTS * (before + after + 2)


def lower(state: Lowering, node: GraphNode) -> int:
    """Slide a product over the image."""
    before, groups = state.shape_of[node.inputs[0]], int(node.attributes["groups"])
    computed = len(node.inputs) > 1
    weight = state.shape_of[node.inputs[1]] if computed else state.parameters.shapes[f"{node.owner}.weight"]
    kernel = weight[2:]
    geometry = image_geometry(before, node.shape) | window_geometry(node, kernel, node.attributes["dilation"])
    weights = before[0] // groups * math.prod(kernel)
    lines, rows = turned_lines(geometry, groups)
    by_squares, starts = goes_by_squares(geometry, groups), math.ceil(2 * node.shape[0] / WIDEST_VECTOR)
    more: dict[str, Any] = {
        "wide": weights,
        "out": node.shape[0],
        "geometry": geometry
        | {Geometry.GROUPS: groups, Geometry.LINES: lines, Geometry.BY_SQUARES: 1 if by_squares else -1},
        "scratch": max(
            rows + weights * (wide_channels(geometry, groups) // WIDEST_VECTOR),
            starts + math.ceil(node.shape[0] * weights / WIDEST_VECTOR),
            starts + (squares_rows(geometry) if by_squares else 0),
            starts + CHANNELS_TOGETHER * math.prod(kernel),
        ),
    }
    if not computed:
        return state.add(state.row(Op.CONVOLUTION, node, last=True, **more))
    inputs = [state.image(node.inputs[0]), state.single(node.inputs[1])]
    state.channels_last.add(node.name)
    row = state.add(Row(Op.CONVOLUTION_OF, math.prod(node.shape), inputs, **more))
    return state.with_bias(node, row, node.shape[0])


def convolution(name: str, axes: int) -> Operation:
    """Make the op for images of one or two axes."""
    kernel = ("kh", "kw")[-axes:]
    return Operation(
        name=name,
        sizes=sizes,
        output=output,
        weights_of_nodes=True,
        parameters=(
            Parameter("weight", ("out", "in/groups", *kernel)),
            Parameter("bias", ("out",), optional=True),
        ),
        attributes={
            "stride": Attribute(values.per_axis(axes, 1), (1,) * axes),
            "padding": Attribute(values.per_axis(axes, 0), (0,) * axes),
            "dilation": Attribute(values.per_axis(axes, 1), (1,) * axes),
            "groups": Attribute(values.integer(1), 1),
        },
        traits=Traits(
            product="filters",
            start="fans",
            normalizes=False,
            batch_statistics=False,
            drops=False,
            passes=False,
            elementwise=False,
            homogeneous=False,
            width="scaled",
            output_range=None,
            applied_by=None,
            along_units=False,
            bend=None,
            cuda=True,
        ),
        lower=lower,
    )


CONV1D, CONV2D = convolution("conv1d", 1), convolution("conv2d", 2)
