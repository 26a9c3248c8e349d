"""The ops that keep a shape and own no parameters: activations, softmax, dropout."""

from __future__ import annotations

from landscape.model import values
from landscape.model.operation import Attribute, Attributes, Operation, Shape, Sizes, require_axes


def softmax_sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Ask for an axis to normalize over."""
    require_axes(inputs[0], 1, "[N, …, C]")
    return {}


ACTIVATIONS: dict[str, Operation] = {
    "relu": Operation(),
    "leaky_relu": Operation(attributes={"slope": Attribute(values.number(), 0.01)}),
    "elu": Operation(attributes={"alpha": Attribute(values.number(), 1.0)}),
    "tanh": Operation(),
    "sigmoid": Operation(),
    "softplus": Operation(),
    "silu": Operation(),
    "gelu": Operation(attributes={"approximate": Attribute(values.choice("none", "tanh"), "none")}),
    "identity": Operation(),
}

ELEMENTWISE: dict[str, Operation] = ACTIVATIONS | {
    "softmax": Operation(sizes=softmax_sizes),
    "dropout": Operation(attributes={"p": Attribute(values.fraction, 0.5)}),
}
