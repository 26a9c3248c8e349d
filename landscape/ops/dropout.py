"""`dropout`: in training a random mask, otherwise the input as it is."""

from __future__ import annotations

import math

from landscape.ops import values
from landscape.ops.operation import Attribute, Operation
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op
from landscape.program.table import Row


def lower(state: Lowering, node: GraphNode) -> int:
    """Multiply by a random mask in training, and pass the row on otherwise."""
    if not state.training or node.attributes["p"] == 0:
        return state.pass_on(node)
    mask = state.add(Row(Op.MASK, math.prod(node.shape), [], attribute=float(node.attributes["p"])))
    product = state.row(Op.MULTIPLY, node, last=state.any_last(node))
    product.inputs.append(mask)
    return state.add(product)


DROPOUT = Operation(
    name="dropout",
    attributes={"p": Attribute(values.fraction, 0.5)},
    traits=Traits(
        product="none",
        start="none",
        normalizes=False,
        batch_statistics=False,
        drops=True,
        passes=True,
        elementwise=True,
        homogeneous=True,
        width="kept",
        output_range=None,
        applied_by=None,
        along_units=True,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
