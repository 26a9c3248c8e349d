"""`add`: the sum of the inputs."""

from __future__ import annotations

from landscape.ops.operation import Operation, equal_sizes
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def lower(state: Lowering, node: GraphNode) -> int:
    """Sum the inputs."""
    return state.add(state.row(Op.ADD, node, last=state.any_last(node)))


ADD = Operation(name="add", sizes=equal_sizes, several=True, lower=lower)
