"""The structure of a network: whether it is affine, its last activation, and the same graph with other nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.ranges import end_of
from landscape.model import Model, build_model
from landscape.model.nodes import Node
from landscape.objective import NetworkObjective
from landscape.training.start import fresh_statistics, initialize

Array = NDArray[np.float64]

# Points of a line, how far it reaches beyond the data, and how straight the outputs on it have to be.
POINTS, REACH, STRAIGHT = 8, 10.0, 1e-7


def header_of(node: Node) -> dict[str, Any]:
    """Return a node as a header has it."""
    found: dict[str, Any] = {
        "name": node.name,
        "op": node.op,
        "inputs": list(node.inputs),
        **dict(node.attributes),
    }
    if node.parameters_of is not None:
        found["parameters_of"] = node.parameters_of
    if node.operation.parameters and node.parameters_of is None and not node.trainable:
        found["trainable"] = False
    if node.frozen:
        found["frozen"] = list(node.frozen)
    return found


def regraphed(model: Model, nodes: Sequence[dict[str, Any]]) -> Model:
    """Build a network of other nodes on the same data, with the parameters of those that stay."""
    names = {str(node["name"]) for node in nodes}
    kept = {
        key: array
        for key, array in (model.parameters | model.buffers).items()
        if key.rsplit(".", 1)[0] in names
    }
    made = build_model(
        nodes=nodes, parameters=kept, loss=model.loss, weight_decay=model.weight_decay, loss_scale=model.loss_scale,
        delta=model.delta, loss_options=model.loss_options.given(), input_shape=model.input_shape, name=model.name,
        x_train=model.data["x_train"], y_train=model.data["y_train"],
    )  # fmt: skip
    return replace(made, data=model.data, training=model.training)


def without_end(model: Model) -> Model | None:
    """Return the network without its last activation, with the same parameters; None if it has none that could be left out.

    Examples
    --------
    >>> nodes = [{"name": "fc", "op": "dense"}, {"name": "end", "op": "relu"}]
    >>> zero = {"fc.weight": np.zeros((2, 1)), "fc.bias": np.zeros(2)}
    >>> data = {"x_train": np.zeros((2, 1)), "y_train": np.array([0, 1])}
    >>> [node.op for node in without_end(build_model(nodes=nodes, parameters=zero, loss="cross_entropy", **data)).nodes]
    ['dense']
    """
    end = end_of(model)
    applied = end.traits.applied_by is not None
    if (
        not (end.traits.bend or applied)
        or end.operation.parameters
        or len(end.inputs) != 1
        or end.inputs[0] == "input"
    ):
        return None
    return without(model, end)


def without(model: Model, gone: Node) -> Model | None:
    """Return the network without a node of one input; None if it was the only one, or another output results."""
    before = gone.inputs[0]
    nodes = [header_of(node) for node in model.nodes if node.name != gone.name]
    for node in nodes:
        node["inputs"] = [before if name == gone.name else name for name in node["inputs"]]
    if not nodes or (gone is model.nodes[-1] and nodes[-1]["name"] != before):
        return None
    return regraphed(model, nodes)


def with_activations(model: Model, op: str) -> Model | None:
    """Return the network with an activation behind every layer of weights but the last; None for a single layer."""
    weighted = [node.name for node in model.nodes if node.traits.product != "none"]
    if len(weighted) < 2:
        return None
    bent = {name: f"{name}.activation" for name in weighted[:-1]}
    nodes: list[dict[str, Any]] = []
    for node in model.nodes:
        made = header_of(node)
        made["inputs"] = [bent.get(name, name) for name in made["inputs"]]
        nodes.append(made)
        if node.name in bent:
            nodes.append({"name": bent[node.name].replace(".", "_"), "op": op, "inputs": [node.name]})
    for made in nodes:
        made["inputs"] = [name.replace(".activation", "_activation") for name in made["inputs"]]
    return regraphed(model, nodes)


def is_affine(model: Model, threads: int | None = None) -> bool:
    """Return whether the network without its last activation is an affine function of its inputs, whatever layers it has.

    Outputs along lines far through the data, at random parameters, are straight exactly then: f(x + t·d) − f(x) = t·(f(x + d) − f(x)).
    Convolutions, averages, sums and norms in evaluation are so, as a chain of dense layers is; a single bend shows.

    Examples
    --------
    >>> layers = [(np.ones((1, 3)), np.zeros(3)), (np.ones((3, 1)), np.zeros(1))]
    >>> data = {"x_train": np.array([[0.0], [1.0]]), "y_train": np.array([[0.0], [1.0]]), "loss": "mse"}
    >>> is_affine(build_model(layers=layers, activation="identity", **data)), is_affine(build_model(layers=layers, **data))
    (True, False)
    """
    x = np.asarray(model.data["x_train"])
    if not np.issubdtype(x.dtype, np.floating):
        return False
    inner = without_end(model) or model
    flat = x.reshape(len(x), -1).astype(np.float64)
    spread = max(float(np.abs(flat - flat.mean(axis=0)).max()), 1e-12)
    start, way = flat[0], REACH * spread * np.cos(1.7 * np.arange(flat.shape[1]))
    # Powers of two, so that the points themselves lie on the line in float32 too.
    times = np.linspace(-1.0, 1.0, POINTS)
    points = (start + times[:, None] * way).reshape(POINTS, *x.shape[1:])
    probe = replace(
        inner, data={"x_train": points, "y_train": np.repeat(np.asarray(model.data["y_train"])[:1], POINTS, axis=0)},
        history={}, checkpoints=None, checkpoint_steps=None,
    )  # fmt: skip
    probe = fresh_statistics(probe)
    theta = initialize(probe, "he", 1) + 0.1 * np.sin(1.0 + np.arange(probe.size))
    outputs = np.asarray(
        NetworkObjective(probe, "train", threads=threads).outputs(theta), np.float64
    ).reshape(POINTS, -1)
    line = np.linspace(0.0, 1.0, POINTS)[:, None]
    straight = outputs[0] + line * (outputs[-1] - outputs[0])
    size = float(np.abs(outputs).max())
    return bool(np.isfinite(size) and np.abs(outputs - straight).max() <= STRAIGHT * max(size, 1e-12))
