"""`layernorm`: the trailing axes of each example, normalized by their own mean and variance."""

from __future__ import annotations

import math

from landscape.ops import values
from landscape.ops.operation import Attribute, Attributes, Operation, Parameter, Shape, Sizes, require_axes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the trailing axes."""
    axes = attributes["axes"]
    require_axes(inputs[0], axes, f"[N, …] with at least {axes} trailing axes")
    return {"normalized": inputs[0][-axes:]}


def lower(state: Lowering, node: GraphNode) -> int:
    """Normalize over the trailing axes."""
    wide = math.prod(node.shape[len(node.shape) - node.attributes["axes"] :])
    groups = math.prod(node.shape) // wide
    row = state.row(Op.LAYERNORM, node, groups=groups, wide=wide, attribute=float(node.attributes["eps"]))
    row.inputs = [state.with_tangent(row.inputs[0])]
    return state.add(row)


LAYERNORM = Operation(
    name="layernorm",
    sizes=sizes,
    parameters=(Parameter("weight", ("normalized",)), Parameter("bias", ("normalized",))),
    attributes={"eps": Attribute(values.number(0.0), 1e-5), "axes": Attribute(values.integer(1), 1)},
    traits=Traits(
        product="none",
        start="ones",
        normalizes=True,
        batch_statistics=False,
        drops=False,
        passes=False,
        elementwise=False,
        homogeneous=False,
        width="kept",
        output_range=None,
        applied_by=None,
        along_units=False,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
