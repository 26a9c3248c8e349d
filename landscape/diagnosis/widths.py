"""Change the widths of any graph: multiply every hidden channel and unit by a factor, if its nodes allow it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from landscape.model import Model, build_model
from landscape.model.nodes import Node


def scaled(model: Model, factor: float) -> Model | str:
    """Make the network with all hidden widths times `factor`, its parameters zero; or say why there is none.

    A layer of weights that no other one follows keeps its outputs. Inputs of an addition have to be scaled alike.

    Examples
    --------
    >>> layers = [(np.zeros((2, 4)), np.zeros(4)), (np.zeros((4, 3)), np.zeros(3))]
    >>> wide = scaled(build_model(layers=layers, x_train=np.eye(2), y_train=[0, 1]), 2)
    >>> [array.shape for array in wide.parameters.values()]
    [(8, 2), (8,), (3, 8), (3,)]
    """
    kept, grown = outputs_of(model), {"input": False}
    shapes: dict[str, tuple[int, ...]] = {}
    for node in model.nodes:
        scales = node.traits.width == "scaled"
        hidden = scales and node.name not in kept
        reason = refusal(node, grown, factor if hidden else 1.0, model)
        if reason:
            return f"node '{node.name}' ({node.op}): {reason}"
        before = grown[node.inputs[0]]
        grown[node.name] = hidden if scales else before
        shapes |= shapes_of(model, node, factor if before else 1.0, factor if grown[node.name] else 1.0)
    if not any(grown.values()):
        return "there is no hidden layer"
    return with_shapes(model, shapes)


def refusal(node: Node, grown: dict[str, bool], factor: float, model: Model) -> str:
    """Say why a node cannot be scaled; empty where it can."""
    if node.parameters_of is not None or not (node.trainable or not node.operation.parameters):
        return "its parameters are shared or frozen"
    if node.traits.width == "fixed":
        return "an op without another width"
    if node.attributes.get("groups", 1) != 1:
        return "its channels come in groups"
    if len({grown[name] for name in node.inputs}) > 1:
        return "it joins a hidden layer with one of fixed width"
    weight = model.parameters.get(f"{node.name}.weight")
    if node.traits.normalizes and weight is not None and len(weight.shape) != 1:
        return "it normalizes over several axes"
    width = weight.shape[0] if weight is not None and node.traits.width == "scaled" else 2
    return "" if float(width * factor).is_integer() else "its width is odd"


def outputs_of(model: Model) -> set[str]:
    """Name the layers of weights from which the output is reached without another one."""
    nodes = {node.name: node for node in model.nodes}
    found, waiting = set(), [model.nodes[-1].name]
    while waiting:
        name = waiting.pop()
        if name in nodes and nodes[name].traits.width == "scaled":
            found.add(name)
        elif name in nodes:
            waiting += nodes[name].inputs
    return found


def shapes_of(model: Model, node: Node, inputs: float, outputs: float) -> dict[str, tuple[int, ...]]:
    """Give the new shapes of a node's parameters and buffers."""
    known = model.parameters | model.buffers
    found = {}
    for parameter in node.operation.parameters:
        key = f"{node.name}.{parameter.name}"
        if key not in known:
            continue
        shape = known[key].shape
        first = (round(shape[0] * outputs), *shape[1:]) if shape else shape
        if node.traits.width == "scaled" and len(shape) > 1:
            first = (first[0], round(shape[1] * inputs), *shape[2:])
        found[key] = first
    return found


def with_shapes(model: Model, shapes: dict[str, tuple[int, ...]]) -> Model:
    """Build the same graph with other parameters: zeros, buffers of variances ones."""
    nodes = [
        {"name": n.name, "op": n.op, "inputs": list(n.inputs), **dict(n.attributes)} for n in model.nodes
    ]
    fill = {key: np.full(shape, 1.0 if key.endswith("running_var") else 0.0) for key, shape in shapes.items()}
    decay = model.weight_decay if isinstance(model.weight_decay, float) else 0.0
    made = build_model(
        nodes=nodes, parameters=fill, loss=model.loss, weight_decay=decay, loss_scale=model.loss_scale, delta=model.delta,
        loss_options=model.loss_options.given(),
        input_shape=model.input_shape, name=model.name, x_train=model.data["x_train"], y_train=model.data["y_train"],
    )  # fmt: skip
    return replace(made, data=model.data)
