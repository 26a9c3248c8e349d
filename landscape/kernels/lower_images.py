"""How the ops of image networks become rows, channels last; sequences are images of height 1."""

from __future__ import annotations

import math

from landscape.kernels.building import Lowering
from landscape.kernels.program import SCRATCH_ROWS, WIDEST_VECTOR, Geometry, Op
from landscape.model import Node
from landscape.model.operation import Shape

Sizes = dict[Geometry, int]
# With tiles of two vectors of examples they stay in a core's own cache.
TURNED_ROWS = 1536
# Lines of a number for each channel and example that a normalization takes.
LINES = 3


def two_axes(pair: tuple[int, ...], fill: int) -> tuple[int, int]:
    """Give what belongs to y and to x; one axis is x.

    >>> two_axes((3,), 1)
    (1, 3)
    """
    return (fill, pair[0]) if len(pair) == 1 else (pair[0], pair[1])


def image_geometry(before: Shape, after: Shape) -> Sizes:
    """Say how large images come and go."""
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


def window_geometry(node: Node, kernel: tuple[int, ...], dilation: tuple[int, ...]) -> Sizes:
    """Say which window slides over the image and how."""
    result: Sizes = {}
    for first, pair, fill in (
        (Geometry.KERNEL_Y, kernel, 1),
        (Geometry.STRIDE_Y, node.attributes["stride"], 1),
        (Geometry.PADDING_Y, node.attributes["padding"], 0),
        (Geometry.DILATION_Y, dilation, 1),
    ):
        result[first], result[Geometry(first + 1)] = two_axes(pair, fill)
    return result


def lower_convolution(state: Lowering, node: Node) -> int:
    """Slide a product over the image."""
    before, groups = state.shape_of[node.inputs[0]], int(node.attributes["groups"])
    kernel = state.shapes[f"{node.owner}.weight"][2:]
    geometry = image_geometry(before, node.shape) | window_geometry(node, kernel, node.attributes["dilation"])
    weights = before[0] // groups * math.prod(kernel)
    lines, rows = turned_lines(geometry, groups)
    row = state.row(
        Op.CONVOLUTION,
        node,
        last=True,
        wide=weights,
        out=node.shape[0],
        geometry=geometry | {Geometry.GROUPS: groups, Geometry.LINES: lines},
        scratch=max(
            rows + weights * (wide_channels(geometry, groups) // WIDEST_VECTOR),
            math.ceil(node.shape[0] * (weights + 2) / WIDEST_VECTOR),
        ),
    )
    return state.add(row)


def wide_channels(geometry: Sizes, groups: int) -> int:
    """Round a group's output channels up to whole vectors."""
    return math.ceil(geometry[Geometry.OUT_CHANNELS] // groups / WIDEST_VECTOR) * WIDEST_VECTOR


def turned_lines(geometry: Sizes, groups: int) -> tuple[int, int]:
    """Say how many lines of the output the weights' gradient turns at a time, and the rows of scratch that they take."""
    line = geometry[Geometry.OUT_WIDTH] * wide_channels(geometry, groups)
    lines = min(geometry[Geometry.OUT_HEIGHT], max(1, TURNED_ROWS // line))
    return lines, lines * line


def lower_pool(state: Lowering, node: Node) -> int:
    """Take the largest or the mean of each window."""
    geometry = image_geometry(state.shape_of[node.inputs[0]], node.shape)
    geometry |= window_geometry(node, node.attributes["kernel"], (1, 1))
    op = Op.MAXPOOL if node.op == "maxpool2d" else Op.AVGPOOL
    scratch = max(SCRATCH_ROWS, geometry[Geometry.CHANNELS])
    return state.add(state.row(op, node, last=True, geometry=geometry, scratch=scratch))


def lower_batchnorm(state: Lowering, node: Node) -> int:
    """Scale and shift each channel by running statistics or, always in training, by those of the batch, which a tile then is."""
    in_batches = state.training or node.attributes["mode"] == "batch"
    row = state.row(
        Op.BATCH_STATISTICS if in_batches else Op.BATCHNORM,
        node,
        last=True,
        out=node.shape[0],
        epsilon=float(node.attributes["eps"]),
        scratch=max(SCRATCH_ROWS, LINES * node.shape[0]),
    )
    row.geometry = {Geometry.SCALE: row.weight, Geometry.SHIFT: row.bias}
    statistics = [state.place(node, name)[0] for name in ("running_mean", "running_var")]
    if in_batches:
        row.inputs = [state.with_tangent(row.inputs[0])]
    else:
        row.geometry[Geometry.MEAN], row.geometry[Geometry.VARIANCE] = statistics
    if state.training:
        row.geometry[Geometry.FOLLOWED_MEAN], row.geometry[Geometry.FOLLOWED_VARIANCE] = statistics
        row.attribute = float(node.attributes["momentum"])
    # The kernels find them in the geometry, also where they ride on a convolution with a bias of its own.
    row.normalization = [(row.weight, row.weight_stop), (row.bias, row.bias_stop)]
    row.weight = row.bias = row.weight_stop = row.bias_stop = -1
    return state.add(row)


def lower_global_mean(state: Lowering, node: Node) -> int:
    """Average each channel over the pixels, which stand before it."""
    pixels = math.prod(state.shape_of[node.inputs[0]][1:])
    return state.add(state.row(Op.MEAN, node, last=True, groups=1, wide=pixels, out=node.shape[0]))


def lower_mean(state: Lowering, node: Node) -> int:
    """Average over an axis: groups before it, `out` rows after it."""
    before, axis = state.shape_of[node.inputs[0]], node.attributes["axis"] - 1
    row = state.row(
        Op.MEAN, node, groups=math.prod(before[:axis]), wide=before[axis], out=math.prod(before[axis + 1 :])
    )
    return state.add(row)


def lower_pad_channels(state: Lowering, node: Node) -> int:
    """Put channels of zeros before and after, and take every stride-th pixel."""
    geometry = image_geometry(state.shape_of[node.inputs[0]], node.shape)
    stride_y, stride_x = node.attributes["stride"]
    geometry |= {
        Geometry.STRIDE_Y: stride_y,
        Geometry.STRIDE_X: stride_x,
        Geometry.BEFORE: int(node.attributes["before"]),
    }
    return state.add(state.row(Op.PAD_CHANNELS, node, last=True, geometry=geometry))
