"""Scale the targets and rewrite the last layer so that the network is the same function, and reverse both later."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.ranges import DISTANCES
from landscape.model import Model
from landscape.model.nodes import Node

Array = NDArray[np.float64]

# Targets are standardized where their size lies beyond these: outputs of an ordinary start are about 1.
LARGE, SMALL = 10.0, 0.01


@dataclass(frozen=True)
class TargetScale:
    """The mean of each target [D] and one deviation for all, so that squared errors of all targets keep their weights.

    `factor` is what a loss of scaled targets is multiplied by to be that of the user's: σ² for squares, σ for distances.
    """

    mean: Array
    deviation: float
    factor: float


def scale_of(model: Model) -> TargetScale | None:
    """Return the scale of the training targets, or None if they need none or the network cannot be rewritten.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> data = {"x_train": np.array([[0.0], [1.0]]), "y_train": np.array([[100.0], [300.0]]), "loss": "mse"}
    >>> found = scale_of(build_model(layers=[(np.ones((1, 1)), np.zeros(1))], **data))
    >>> found.mean.tolist(), found.deviation, found.factor
    ([200.0], 100.0, 10000.0)
    """
    if model.loss not in DISTANCES or last_layer(model) is None:
        return None
    y = np.asarray(model.data["y_train"], np.float64).reshape(model.examples("train"), -1)
    deviation, size = float(np.sqrt(np.mean(y.var(axis=0)))), float(np.sqrt(np.mean(y**2)))
    if not deviation > 0 or (deviation >= SMALL and size <= LARGE):
        return None
    return TargetScale(y.mean(axis=0), deviation, deviation if model.loss == "mae" else deviation**2)


def last_layer(model: Model) -> Node | None:
    """Return the dense layer whose numbers are the output, with a bias of its own, or None if another op makes it."""
    node = model.nodes[-1]
    plain = (
        node.traits.product == "matrix" and node.parameters_of is None and node.trainable and not node.frozen
    )
    shared = any(other.parameters_of == node.name for other in model.nodes)
    return node if plain and not shared and f"{node.name}.bias" in model.parameters else None


def with_scaled_targets(model: Model) -> Model | None:
    """Return the same function of scaled targets: W' = W/σ, b' = (b − μ)/σ, y' = (y − μ)/σ; None if there is no need."""
    scale, last = scale_of(model), last_layer(model)
    if scale is None or last is None:
        return None
    data = dict(model.data)
    for split in model.splits:
        y = np.asarray(data[f"y_{split}"], np.float64)
        flat = (y.reshape(len(y), -1) - scale.mean) / scale.deviation
        data[f"y_{split}"] = flat.reshape(y.shape).astype(data[f"y_{split}"].dtype)
    moved = moved_layer(model, last, 1.0 / scale.deviation, -scale.mean / scale.deviation)
    delta = model.delta / scale.deviation if model.loss == "huber" else model.delta
    return replace(moved, data=data, delta=delta, optimizer={}, checkpoints=None, checkpoint_steps=None)


def put_back(model: Model, trained: Model) -> Model:
    """Return a network that was trained on scaled targets as one of the targets as they are; `model` has them."""
    scale, last = scale_of(model), last_layer(trained)
    assert scale is not None
    assert last is not None
    moved = moved_layer(trained, last, scale.deviation, scale.mean)
    data = {key: model.data[key] if key.startswith("y_") else array for key, array in trained.data.items()}
    return replace(
        moved, data=data, delta=model.delta, history={}, checkpoints=None, checkpoint_steps=None, optimizer={}
    )


def moved_layer(model: Model, last: Node, factor: float, shift: Array) -> Model:
    """Return the network whose outputs are multiplied and shifted."""
    weight, bias = f"{last.name}.weight", f"{last.name}.bias"
    parameters = dict(model.parameters)
    parameters[weight] = np.asarray(parameters[weight], np.float64) * factor
    parameters[bias] = np.asarray(parameters[bias], np.float64) * factor + shift
    return replace(model, parameters=parameters)
