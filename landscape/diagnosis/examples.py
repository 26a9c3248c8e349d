"""Losses and hits example by example: what intervals over examples are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from landscape.model import Model
from landscape.model.losses import IGNORED
from landscape.objective import NetworkObjective

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """The loss [N] of each example, whether it is right [N] (None for regression), and what the network gave [N, …]."""

    loss: Array
    hit: Array | None
    outputs: Array

    @property
    def mean(self) -> float:
        """The loss over all."""
        return float(self.loss.mean())

    @property
    def accuracy(self) -> float | None:
        """The share of hits."""
        return None if self.hit is None else float(self.hit.mean())


def scores(model: Model, split: str, theta: ArrayLike | None = None, *, threads: int | None = None) -> Scores:
    """Score every example of a split in float64.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x, y = np.array([[1.0], [2.0]]), np.array([[1.0], [4.0]])
    >>> model = build_model(layers=[(np.array([[1.0]]), np.array([0.0]))], loss="mse", x_train=x, y_train=y)
    >>> scores(model, "train").loss.tolist()
    [0.0, 4.0]
    """
    objective = NetworkObjective(model, split, threads=threads)
    outputs = np.asarray(objective.outputs(model.theta if theta is None else theta), np.float64)
    loss, hit = score_outputs(model, outputs, np.asarray(model.data[f"y_{split}"]))
    return Scores(loss, hit, outputs)


def score_outputs(model: Model, outputs: Array, targets: NDArray) -> tuple[Array, Array | None]:
    """Give loss and hits [N] of outputs [N, …]."""
    if model.loss == "cross_entropy":
        return entropies(model, outputs, targets)
    flat, wanted = (array.reshape(len(outputs), -1) for array in (outputs, targets.astype(np.float64)))
    element = ELEMENTS[model.loss](flat, wanted, model.delta)
    hit = None
    if model.loss == "binary_cross_entropy":
        hit = np.mean((flat > 0) == (wanted > 0.5), axis=1)
    return element.mean(axis=1) * model.loss_scale, hit


def entropies(model: Model, outputs: Array, targets: NDArray) -> tuple[Array, Array]:
    """Cross-entropy and hits, means over the tokens of an example that count."""
    logits = outputs.reshape(len(outputs), -1, outputs.shape[-1])
    labels = targets.reshape(len(targets), -1).astype(np.int64)
    counts = labels != IGNORED
    safe = np.where(counts, labels, 0)
    with np.errstate(invalid="ignore", over="ignore"):
        losses = logsumexp(logits, axis=-1) - np.take_along_axis(logits, safe[..., None], -1)[..., 0]
    number = np.maximum(counts.sum(axis=1), 1)
    hits = (logits.argmax(axis=-1) == safe) & counts
    kept = np.where(counts, losses, 0.0)
    return kept.sum(axis=1) / number * model.loss_scale, hits.sum(axis=1) / number


def huber(outputs: Array, targets: Array, delta: float) -> Array:
    """Give ½d² up to δ, δ(|d| − ½δ) beyond."""
    distance = np.abs(outputs - targets)
    return np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))


ELEMENTS: dict[str, Callable[[Array, Array, float], Array]] = {
    "mse": lambda outputs, targets, delta: (outputs - targets) ** 2,
    "mae": lambda outputs, targets, delta: np.abs(outputs - targets),
    "huber": huber,
    "binary_cross_entropy": lambda outputs, targets, delta: np.logaddexp(0.0, outputs) - targets * outputs,
}
