"""`dense`: y = W·x + b over the last axis."""

from __future__ import annotations

import math

from landscape.ops.operation import (
    Attributes,
    Operation,
    Parameter,
    Shape,
    Sizes,
    require_axes,
    size_of,
)
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op
from landscape.program.table import Row


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the size of the last axis."""
    require_axes(inputs[0], 1, "[N, …, in]")
    return {"in": inputs[0][-1]}


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Replace the last axis."""
    return (*inputs[0][:-1], size_of(sizes, "out"))


def lower(state: Lowering, node: GraphNode) -> int:
    """Multiply the last axis by W, with one product for each leading position."""
    wide, out = state.shape_of[node.inputs[0]][-1], node.shape[-1]
    groups = math.prod(node.shape[:-1])
    if len(node.inputs) > 1:
        inputs = [state.plain(node.inputs[0]), state.single(node.inputs[1])]
        row = state.add(Row(Op.DENSE_OF, groups * out, inputs, groups=groups, wide=wide, out=out))
        return state.with_bias(node, row, out)
    return state.add(state.row(Op.DENSE, node, groups=groups, wide=wide, out=node.shape[-1]))


DENSE = Operation(
    name="dense",
    sizes=sizes,
    output=output,
    weights_of_nodes=True,
    parameters=(Parameter("weight", ("out", "in")), Parameter("bias", ("out",), optional=True)),
    traits=Traits(
        product="matrix",
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
        along_units=True,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
