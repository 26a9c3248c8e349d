"""The activations: a function of each number by itself, a row each. Their formulas are those of `landscape.formulas.activations`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from landscape.ops import values
from landscape.ops.operation import Attribute, Operation
from landscape.ops.traits import Bend, Range, Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import ACTIVATION_CODES, Op

INF = math.inf
# The attribute that is the parameter of a formula, by the activation's name.
PARAMETERS = {"leaky_relu": "slope", "elu": "alpha"}


def lower(state: Lowering, node: GraphNode) -> int:
    """Apply a function to every element."""
    name = "gelu_tanh" if node.attributes.get("approximate") == "tanh" else node.op
    parameter = float(node.attributes[PARAMETERS[name]]) if name in PARAMETERS else 0.0
    last = state.any_last(node)
    row = state.row(Op.ACTIVATION, node, last=last, code=ACTIVATION_CODES[name], attribute=parameter)
    return state.add(row)


def activation(
    name: str,
    bend: Bend,
    attributes: Mapping[str, Attribute] | None = None,
    *,
    homogeneous: bool = False,
    output_range: Range | None = None,
    applied_by: str | None = None,
) -> Operation:
    """Make the op of an activation."""
    return Operation(
        name=name,
        attributes=attributes or {},
        traits=Traits(
            product="none",
            start="none",
            normalizes=False,
            batch_statistics=False,
            drops=False,
            passes=False,
            elementwise=True,
            homogeneous=homogeneous,
            width="kept",
            output_range=output_range,
            applied_by=applied_by,
            along_units=True,
            bend=bend,
            cuda=True,
        ),
        lower=lower,
    )


# Where a slope is below 1e-12 or below a hundredth of its largest is a property of the formula, found by evaluating it.
ACTIVATIONS = (
    activation(
        "relu",
        Bend(kinked=True, silent=True, flat=(0.0, INF), weak=(0.0, INF), start="he"),
        homogeneous=True,
        output_range=(0.0, INF),
    ),
    activation(
        "leaky_relu",
        Bend(kinked=True, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="he"),
        {"slope": Attribute(values.number(), 0.01)},
        homogeneous=True,
    ),
    activation(
        "elu",
        Bend(kinked=True, silent=False, flat=(-28.0, INF), weak=(-INF, INF), start="he"),
        {"alpha": Attribute(values.number(), 1.0)},
    ),
    activation(
        "tanh",
        Bend(kinked=False, silent=False, flat=(-14.5, 14.5), weak=(-3.0, 3.0), start="xavier"),
        output_range=(-1.0, 1.0),
    ),
    activation(
        "sigmoid",
        Bend(kinked=False, silent=False, flat=(-28.0, 28.0), weak=(-6.0, 6.0), start="xavier"),
        output_range=(0.0, 1.0),
        applied_by="binary_cross_entropy",
    ),
    activation(
        "softplus",
        Bend(kinked=False, silent=True, flat=(-28.0, INF), weak=(-INF, INF), start="xavier"),
        output_range=(0.0, INF),
    ),
    activation("silu", Bend(kinked=False, silent=True, flat=(-32.0, INF), weak=(-INF, INF), start="he")),
    activation(
        "gelu",
        Bend(kinked=False, silent=True, flat=(-9.0, INF), weak=(-INF, INF), start="he"),
        {"approximate": Attribute(values.choice("none", "tanh"), "none")},
    ),
)
