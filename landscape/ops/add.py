"""`add`: the sum of the inputs."""

from __future__ import annotations

from landscape.ops.operation import Operation, equal_sizes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def lower(state: Lowering, node: GraphNode) -> int:
    """Sum the inputs."""
    return state.add(state.row(Op.ADD, node, last=state.any_last(node)))


ADD = Operation(
    name="add",
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
