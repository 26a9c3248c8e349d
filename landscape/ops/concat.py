"""`concat`: the inputs joined along an axis."""

from __future__ import annotations

import math

from landscape.errors import InputError
from landscape.ops import values
from landscape.ops.operation import Attribute, Attributes, Operation, Shape, Sizes, batched, settle_axis
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Require inputs whose shapes differ along the axis only."""
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


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Add up the sizes along the axis."""
    position = attributes["axis"] - 1
    total = sum(shape[position] for shape in inputs)
    return (*inputs[0][:position], total, *inputs[0][position + 1 :])


def lower(state: Lowering, node: GraphNode) -> int:
    """Join along an axis; the axes before it are the groups."""
    axis = node.attributes["axis"]
    axis = axis - 1 if axis > 0 else axis % len(node.shape)
    if axis == 0 and state.any_last(node):
        return state.add(state.row(Op.CONCAT, node, last=True, groups=math.prod(node.shape[1:])))
    return state.add(state.row(Op.CONCAT, node, groups=math.prod(node.shape[:axis])))


CONCAT = Operation(
    name="concat",
    sizes=sizes,
    output=output,
    attributes={"axis": Attribute(values.signed)},
    settle=settle_axis,
    several=True,
    traits=Traits(
        product="none",
        start="none",
        normalizes=False,
        batch_statistics=False,
        drops=False,
        passes=False,
        elementwise=False,
        homogeneous=False,
        width="fixed",
        output_range=None,
        applied_by=None,
        along_units=True,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
