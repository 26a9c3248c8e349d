"""Losses and correct answers of single examples, from which intervals are computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from landscape.formulas.losses import CROSS_ENTROPY, MARGIN, MASSES, SQUARED_MARGIN, WEIGHTED
from landscape.model import Model
from landscape.model.losses import IGNORED, OF_SIDES, classes_first
from landscape.objective.network import NetworkObjective
from landscape.objective.targets import Prepared, Targets, loss_constant

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
    """Give loss and hits [N] of outputs [N, …] for all targets of a split."""
    made = Targets(model, targets)
    prepared = made.prepared(targets)
    if CROSS_ENTROPY <= made.code < WEIGHTED:
        return of_classes(model, made, outputs, prepared)
    flat = outputs.reshape(len(outputs), -1)
    numbers = prepared.numbers.astype(np.float64)
    wanted, weights = numbers[:, : flat.shape[1]], numbers[:, flat.shape[1] :]
    element = ELEMENTS[model.loss](flat, wanted, loss_constant(model))
    hit = None
    if model.loss in OF_SIDES:
        sides = prepared.labels > 0 if weights.size else wanted > 0.5
        hit = np.mean((flat > 0) == sides, axis=1)
    return (element * weights if weights.size else element).mean(axis=1) * model.loss_scale, hit


def of_classes(model: Model, made: Targets, outputs: Array, prepared: Prepared) -> tuple[Array, Array]:
    """Losses over classes and hits, means over the tokens of an example that count."""
    last = np.moveaxis(outputs, 1, -1) if classes_first(model.loss, made.output) else outputs
    logits = last.reshape(len(outputs), -1, made.classes)
    labels = prepared.labels.astype(np.int64)
    counts = labels != IGNORED
    safe = np.where(counts, labels, 0)
    with np.errstate(invalid="ignore", over="ignore"):
        losses = CLASSES[made.code](logits, safe, prepared.numbers, loss_constant(model))
    number = np.maximum(counts.sum(axis=1), 1)
    hits = (logits.argmax(axis=-1) == safe) & counts
    kept = np.where(counts, losses, 0.0)
    return kept.sum(axis=1) / number * model.loss_scale, hits.sum(axis=1) / number


def at_labels(logits: Array, labels: NDArray) -> Array:
    """Take the logit of each label [N, T]."""
    return np.take_along_axis(logits, labels[..., None], -1)[..., 0]


def entropies(logits: Array, labels: NDArray, numbers: NDArray, number: float) -> Array:
    """Cross-entropy of class ids, exact to rounding where the label's logit is by far the largest.

    >>> f"{entropies(np.array([[[50.0, 0.0]]]), np.array([[0]]), np.zeros((1, 0)), 0.0)[0, 0]:.6e}", f"{np.exp(-50.0):.6e}"
    ('1.928750e-22', '1.928750e-22')
    """
    places = logits.argmax(axis=-1)
    top = at_labels(logits, places)
    if not np.isfinite(top).all():
        return np.asarray(logsumexp(logits, axis=-1) - at_labels(logits, labels))
    shares = np.exp(logits - top[..., None])
    # The largest logit's share is 1, beside which the others would be rounded.
    np.put_along_axis(shares, places[..., None], 0.0, axis=-1)
    return np.asarray((top - at_labels(logits, labels)) + np.log1p(shares.sum(axis=-1)))


def of_masses(logits: Array, labels: NDArray, numbers: NDArray, number: float) -> Array:
    """Cross-entropy for targets with a weight (mass) for each class."""
    groups = logits.shape[1]
    masses = numbers[:, :-groups].reshape(logits.shape)
    missed = logsumexp(logits, axis=-1, keepdims=True) - logits
    return np.sum(np.where(masses != 0, masses * missed, 0.0), axis=-1) + numbers[:, -groups:]


def of_margins(power: int) -> Callable[[Array, NDArray, NDArray, float], Array]:
    """Margins between the right class and the others, with an exponent."""

    def losses(logits: Array, labels: NDArray, numbers: NDArray, number: float) -> Array:
        short = np.maximum(0.0, number - at_labels(logits, labels)[..., None] + logits)
        others = np.arange(logits.shape[-1]) != labels[..., None]
        return np.asarray(numbers * np.sum(short**power * others, axis=-1))

    return losses


CLASSES = {
    CROSS_ENTROPY: entropies,
    MASSES: of_masses,
    MARGIN: of_margins(1),
    SQUARED_MARGIN: of_margins(2),
}


def huber(outputs: Array, targets: Array, delta: float) -> Array:
    """Give ½d² up to δ, δ(|d| − ½δ) beyond."""
    distance = np.abs(outputs - targets)
    return np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))


def focal(outputs: Array, targets: Array, gamma: float) -> Array:
    """Give (1 − p)^γ (−log p) of the probability p of the target's side."""
    missed = np.logaddexp(0.0, np.where(targets > 0.5, -outputs, outputs))
    return np.asarray((-np.expm1(-missed)) ** gamma * missed)


def poisson(outputs: Array, targets: Array, number: float) -> Array:
    """Give e^z − yz."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(outputs) - targets * outputs)


def poisson_rate(outputs: Array, targets: Array, eps: float) -> Array:
    """Give z − y log(z + ε)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return outputs - np.where(targets != 0, targets * np.log(outputs + eps), 0.0)


def hinge_embedding(outputs: Array, targets: Array, margin: float) -> Array:
    """Give z for a pair that is alike, max(0, margin − z) for one that is not."""
    return np.where(targets > 0, outputs, np.maximum(0.0, margin - outputs))


# Of outputs, targets and the loss's one number.
ELEMENTS: dict[str, Callable[[Array, Array, float], Array]] = {
    "mse": lambda outputs, targets, delta: (outputs - targets) ** 2,
    "mae": lambda outputs, targets, delta: np.abs(outputs - targets),
    "huber": huber,
    "binary_cross_entropy": lambda outputs, targets, delta: np.logaddexp(0.0, outputs) - targets * outputs,
    "poisson": poisson,
    "poisson_rate": poisson_rate,
    "hinge_embedding": hinge_embedding,
    "focal": focal,
    "output": lambda outputs, targets, number: outputs,
}
