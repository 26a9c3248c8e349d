"""Variants of the user's network with the same data and loss: shallower, narrower, wider, deeper, with activations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landscape.model import Model, build_model
from landscape.ops.table import OPERATIONS
from landscape.ops.traits import Traits

# The activation of a network that has none, and the least width of a hidden layer that is widened.
ACTIVATION, LEAST_WIDTH = "relu", 32


@dataclass(frozen=True)
class Chain:
    """A plain chain of dense layers: hidden widths, the activation between ("" for none), what follows the last layer."""

    hidden: tuple[int, ...]
    activation: str
    ends: tuple[str, ...]


def chain_of(model: Model) -> Chain | None:
    """Read a network as such a chain; None if it is none.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers = [(np.zeros((2, 5)), np.zeros(5)), (np.zeros((5, 1)), np.zeros(1))]
    >>> chain_of(build_model(layers=layers, activation="tanh", x_train=np.eye(2), y_train=[0.0, 1.0], loss="mse"))
    Chain(hidden=(5,), activation='tanh', ends=())
    """
    if len(model.input_shape) != 1:
        return None
    previous = "input"
    widths: list[int] = []
    between: list[str] = []
    ends: list[str] = []
    for node in model.nodes:
        plain = node.inputs == (previous,) and node.parameters_of is None and node.trainable
        if not plain or not in_chain(node.traits):
            return None
        previous = node.name
        if node.traits.product == "matrix":
            widths.append(int(node.shape[-1]))
            between += [op for op in ends if OPERATIONS[op].traits.bend]
            ends = []
        elif not node.traits.passes:
            ends.append(node.op)
    if not widths or len(set(between)) > 1 or len(between) not in (0, len(widths) - 1):
        return None
    return Chain(tuple(widths[:-1]), between[0] if between else "", tuple(ends))


def in_chain(traits: Traits) -> bool:
    """Say whether an op may stand in such a chain and be rebuilt: layers, activations, what passes, what a loss could apply."""
    return bool(traits.product == "matrix" or traits.bend or traits.passes or traits.applied_by)


def rebuilt(model: Model, chain: Chain) -> Model:
    """Make the network of a chain on the same data, its parameters zero."""
    outputs = int(np.prod(model.nodes[-1].shape)) if model.nodes[-1].shape else 1
    sizes = [model.input_shape[0], *chain.hidden, outputs]
    nodes: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {}
    for i in range(len(sizes) - 1):
        nodes.append({"name": f"fc{i + 1}", "op": "dense"})
        parameters[f"fc{i + 1}.weight"] = np.zeros((sizes[i + 1], sizes[i]))
        parameters[f"fc{i + 1}.bias"] = np.zeros(sizes[i + 1])
        last = i == len(sizes) - 2
        ops = chain.ends if last else ((chain.activation,) if chain.activation else ())
        nodes += [{"name": f"act{i + 1}{'' if j == 0 else j}", "op": op} for j, op in enumerate(ops)]
    decay = model.weight_decay if isinstance(model.weight_decay, float) else 0.0
    made = build_model(
        nodes=nodes, parameters=parameters, loss=model.loss, weight_decay=decay, loss_scale=model.loss_scale,
        delta=model.delta, loss_options=model.loss_options.given(), input_shape=model.input_shape, name=model.name,
        x_train=model.data["x_train"], y_train=model.data["y_train"],
    )  # fmt: skip
    return replace(made, data=model.data)


def start_of(model: Model) -> str:
    """Name the initialization that fits the network's activations."""
    bends = [node.traits.bend for node in model.nodes]
    return "he" if any(bend and bend.start == "he" for bend in bends) else "xavier"
