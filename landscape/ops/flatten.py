"""`flatten`: all axes of an example joined to one."""

from __future__ import annotations

import math

from landscape.ops.operation import Attributes, Operation, Shape, Sizes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Join all axes but the batch."""
    return (math.prod(inputs[0]),)


def lower(state: Lowering, node: GraphNode) -> int:
    """Pass the input's row on, in the format's order."""
    return state.plain(node.inputs[0])


FLATTEN = Operation(
    name="flatten",
    output=output,
    traits=Traits(
        product="none",
        start="none",
        normalizes=False,
        batch_statistics=False,
        drops=False,
        passes=True,
        elementwise=False,
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
