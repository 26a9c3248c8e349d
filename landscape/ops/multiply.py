"""`multiply`: the product of the inputs, number by number."""

from __future__ import annotations

from landscape.ops.operation import Operation, equal_sizes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def lower(state: Lowering, node: GraphNode) -> int:
    """Multiply the inputs, two at a time."""
    last = state.any_last(node)
    inputs = state.row(Op.MULTIPLY, node, last=last).inputs
    product = inputs[0]
    for other in inputs[1:]:
        row = state.row(Op.MULTIPLY, node, last=last)
        row.inputs = [product, other]
        product = state.add(row)
    return product


MULTIPLY = Operation(
    name="multiply",
    sizes=equal_sizes,
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
        width="kept",
        output_range=None,
        applied_by=None,
        along_units=True,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
