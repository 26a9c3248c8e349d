"""`groupnorm`: groups of channels of each example, normalized by their own mean and variance; one channel a group is an instance norm."""

from __future__ import annotations

from landscape.errors import InputError
from landscape.ops import values
from landscape.ops.operation import Attribute, Attributes, Operation, Parameter, Shape, Sizes, require_axes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the channels, axis 1; the groups must divide them."""
    require_axes(inputs[0], 1, "[N, C, …]")
    channels, groups = inputs[0][0], attributes["groups"]
    if channels % groups:
        raise InputError(f"groups: expected a divisor of the {channels} channels, found {groups}")
    return {"C": channels}


def lower(state: Lowering, node: GraphNode) -> int:
    """Normalize over the pixels of a group's channels, which lie last."""
    channels, groups = node.shape[0], node.attributes["groups"]
    row = state.row(
        Op.GROUPNORM,
        node,
        last=True,
        groups=groups,
        wide=channels // groups,
        out=channels,
        attribute=float(node.attributes["eps"]),
    )
    row.inputs = [state.with_tangent(row.inputs[0])]
    return state.add(row)


GROUPNORM = Operation(
    name="groupnorm",
    sizes=sizes,
    parameters=(Parameter("weight", ("C",), optional=True), Parameter("bias", ("C",), optional=True)),
    attributes={"groups": Attribute(values.integer(1)), "eps": Attribute(values.number(0.0), 1e-5)},
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
        cuda=False,
    ),
    lower=lower,
)
