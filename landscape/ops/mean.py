"""`mean` over an axis, and `globalavgpool` over all axes after the channels."""

from __future__ import annotations

import math

from landscape.ops import values
from landscape.ops.operation import (
    Attribute,
    Attributes,
    Operation,
    Shape,
    Sizes,
    require_axes,
    settle_axis,
)
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def global_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Require an axis after the channels."""
    require_axes(inputs[0], 2, "[N, C, …] with an axis after the channels")
    return {}


def global_output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Leave the channels."""
    return inputs[0][:1]


def lower_global(state: Lowering, node: GraphNode) -> int:
    """Average each channel over the pixels, whose axes come before it."""
    pixels = math.prod(state.shape_of[node.inputs[0]][1:])
    return state.add(state.row(Op.MEAN, node, last=True, groups=1, wide=pixels, out=node.shape[0]))


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Drop the axis."""
    position = attributes["axis"] - 1
    return (*inputs[0][:position], *inputs[0][position + 1 :])


def lower(state: Lowering, node: GraphNode) -> int:
    """Average over an axis: groups before it, `out` rows after it."""
    before, axis = state.shape_of[node.inputs[0]], node.attributes["axis"] - 1
    row = state.row(
        Op.MEAN, node, groups=math.prod(before[:axis]), wide=before[axis], out=math.prod(before[axis + 1 :])
    )
    return state.add(row)


GLOBALAVGPOOL = Operation(
    name="globalavgpool",
    sizes=global_sizes,
    output=global_output,
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
    lower=lower_global,
)
MEAN = Operation(
    name="mean",
    output=output,
    attributes={"axis": Attribute(values.signed)},
    settle=settle_axis,
    traits=Traits(
        product="none",
        start="none",
        normalizes=False,
        batch_statistics=False,
        drops=False,
        passes=False,
        elementwise=False,
        homogeneous=True,
        width="fixed",
        output_range=None,
        applied_by=None,
        along_units=False,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
