"""`softmax`: eˣ over their sum, along the last axis."""

from __future__ import annotations

import math

from landscape.ops.operation import Attributes, Operation, Shape, Sizes, require_axes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Require an axis to normalize over."""
    require_axes(inputs[0], 1, "[N, …, C]")
    return {}


def lower(state: Lowering, node: GraphNode) -> int:
    """Normalize over the last axis."""
    groups = math.prod(node.shape[:-1])
    return state.add(state.row(Op.SOFTMAX, node, groups=groups, wide=node.shape[-1]))


SOFTMAX = Operation(
    name="softmax",
    sizes=sizes,
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
        output_range=(0.0, 1.0),
        applied_by="cross_entropy",
        along_units=True,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
