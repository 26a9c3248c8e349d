"""The activations: a function of each number by itself, a row each. Their formulas are those of `landscape.formulas.activations`."""

from __future__ import annotations

from collections.abc import Mapping

from landscape.ops import values
from landscape.ops.operation import Attribute, Operation
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import ACTIVATION_CODES, Op

# The attribute that is the parameter of a formula, by the activation's name.
PARAMETERS = {"leaky_relu": "slope", "elu": "alpha"}


def lower(state: Lowering, node: GraphNode) -> int:
    """Apply a function to every element."""
    name = "gelu_tanh" if node.attributes.get("approximate") == "tanh" else node.op
    parameter = float(node.attributes[PARAMETERS[name]]) if name in PARAMETERS else 0.0
    last = state.any_last(node)
    row = state.row(Op.ACTIVATION, node, last=last, code=ACTIVATION_CODES[name], attribute=parameter)
    return state.add(row)


def activation(name: str, attributes: Mapping[str, Attribute] | None = None) -> Operation:
    """Make the op of an activation."""
    return Operation(name=name, attributes=attributes or {}, lower=lower)


ACTIVATIONS = (
    activation("relu"),
    activation("leaky_relu", {"slope": Attribute(values.number(), 0.01)}),
    activation("elu", {"alpha": Attribute(values.number(), 1.0)}),
    activation("tanh"),
    activation("sigmoid"),
    activation("softplus"),
    activation("silu"),
    activation("gelu", {"approximate": Attribute(values.choice("none", "tanh"), "none")}),
)
