"""`position`: a vector of its own added to each position of a sequence."""

from __future__ import annotations

from landscape.ops.operation import Attributes, Operation, Parameter, Shape, Sizes, require_axes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read sequences of vectors."""
    require_axes(inputs[0], 2, "[N, T, D]", 2)
    return {"T": inputs[0][0], "D": inputs[0][1]}


def lower(state: Lowering, node: GraphNode) -> int:
    """Add a vector of its own to each position."""
    row = state.row(Op.POSITION, node, out=node.shape[0] * node.shape[1])
    # What is added is a bias of one period.
    row.bias, row.bias_stop, row.weight, row.weight_stop = row.weight, row.weight_stop, -1, -1
    return state.add(row)


POSITION = Operation(
    name="position",
    sizes=sizes,
    parameters=(Parameter("weight", ("T", "D")),),
    traits=Traits(
        product="none",
        start="table",
        normalizes=False,
        batch_statistics=False,
        drops=False,
        passes=False,
        elementwise=False,
        homogeneous=False,
        width="fixed",
        output_range=None,
        applied_by=None,
        along_units=False,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
