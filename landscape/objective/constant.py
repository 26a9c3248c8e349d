"""Loss and accuracy of the best constant predictor, by which losses are measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.formulas.losses import CROSS_ENTROPY, MASSES, WEIGHTED
from landscape.model import Model
from landscape.model.losses import IGNORED
from landscape.objective.network import NetworkObjective
from landscape.objective.targets import loss_constant

Array = NDArray[np.float64]


def constant_loss(objective: NetworkObjective) -> float:
    r"""Give the least loss $\min_c \sum_i \ell(c, y_i)$ over the objective's examples, the penalty left out.

    A constant for each output: class shares under cross-entropy, the mean under squared error, the median
    under absolute error, a distance under `hinge_embedding`.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x, y = np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]])
    >>> model = build_model(layers=[(np.array([[1.0]]), np.array([0.0]))], loss="mse", x_train=x, y_train=y)
    >>> constant_loss(NetworkObjective(model))
    1.0
    """
    model, sample = objective.model, objective.sample
    labels, numbers, counts = sample.prepared(np.arange(sample.examples))
    if model.loss == "multi_margin":
        loss = of_margins(labels.ravel(), numbers.ravel(), sample.made.classes, model)
    elif sample.made.code == CROSS_ENTROPY:
        kept = labels[labels != IGNORED]
        found = np.unique(kept, return_counts=True)[1]
        loss = entropy(found / max(1, found.sum()))
    elif sample.made.code == MASSES:
        loss = of_masses(numbers, sample.made.classes) / counts.sum()
    else:
        size = numbers.shape[1] // 2 if sample.made.code >= WEIGHTED else numbers.shape[1]
        columns = numbers.astype(np.float64).T
        weights = columns[size:] if sample.made.code >= WEIGHTED else np.ones(columns.shape)
        number = loss_constant(model)
        least = [CONSTANTS[model.loss](*pair, number) for pair in zip(columns[:size], weights, strict=True)]
        loss = float(np.mean(least))
    return loss * abs(model.loss_scale)


def constant_accuracy(objective: NetworkObjective) -> float | None:
    """Give the accuracy of a predictor that always names the most common class: its share of the examples; None if there are no classes.

    With equally many examples of each of C classes it is 1/C.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x, y = np.zeros((4, 1)), np.array([0, 1, 1, 1])
    >>> model = build_model(layers=[(np.zeros((2, 1)), np.zeros(2))], loss="cross_entropy", x_train=x, y_train=y)
    >>> constant_accuracy(NetworkObjective(model))
    0.75
    """
    sample = objective.sample
    if sample.made.code != CROSS_ENTROPY:
        return None
    labels = sample.prepared(np.arange(sample.examples))[0]
    found = np.unique(labels[labels != IGNORED], return_counts=True)[1]
    return float(found.max() / found.sum()) if found.size else None


def of_masses(numbers: Array, classes: int) -> float:
    """Give the least summed cross-entropy of one distribution for all class weights (masses), with the loss's constant term."""
    groups = numbers.shape[1] // (classes + 1)
    masses = numbers[:, : groups * classes].reshape(-1, classes).sum(axis=0)
    total = float(masses.sum())
    return total * entropy(masses / total if total else masses) + float(numbers[:, groups * classes :].sum())


def of_margins(labels: NDArray, weights: Array, classes: int, model: Model) -> float:
    """Give the least mean margin loss of one output for all examples, which is convex in it."""
    from scipy.optimize import minimize

    number, power = loss_constant(model), model.loss_options.exponent
    share = np.bincount(labels.astype(np.int64), weights=weights, minlength=classes) / len(labels)
    apart = 1.0 - np.eye(classes)

    def loss(outputs: Array) -> float:
        short = np.maximum(0.0, number - outputs[:, None] + outputs[None, :])
        return float(np.sum(share[:, None] * apart * short**power))

    starts = [np.zeros(classes), number * np.eye(classes)[int(np.argmax(share))]]
    return min(float(minimize(loss, start, method="Powell").fun) for start in starts)


def entropy(shares: Array) -> float:
    """Give −Σ p ln p of shares that sum to one.

    >>> round(entropy(np.array([0.5, 0.5])), 12) == round(float(np.log(2)), 12)
    True
    """
    return float(-np.sum(shares * np.log(shares), where=shares > 0))


def minimized(loss: Callable[[float], float], low: float, high: float) -> float:
    """Give the least value of a convex function of one number between two."""
    from scipy.optimize import minimize_scalar

    if not low < high:
        return loss(low)
    return float(minimize_scalar(loss, bounds=(low, high), method="bounded").fun)


def of_squares(targets: Array, weights: Array, number: float) -> float:
    """Give the variance around the weighted mean."""
    total = weights.sum()
    mean = weights @ targets / total if total else 0.0
    return float(np.mean(weights * (targets - mean) ** 2))


def of_distances(targets: Array, weights: Array, number: float) -> float:
    """Give the mean distance from the weighted median."""
    order = np.argsort(targets)
    reached = np.cumsum(weights[order])
    median = targets[order][min(np.searchsorted(reached, reached[-1] / 2), len(targets) - 1)]
    return float(np.mean(weights * np.abs(targets - median)))


def of_huber(targets: Array, weights: Array, number: float) -> float:
    """Give the least mean Huber loss of a constant."""

    def loss(constant: float) -> float:
        distance = np.abs(targets - constant)
        near = distance**2 / 2
        return float(np.mean(weights * np.where(distance <= number, near, number * (distance - number / 2))))

    return minimized(loss, float(targets.min()), float(targets.max()))


def of_shares(targets: Array, weights: Array, number: float) -> float:
    """Give the entropy of the weighted share of ones."""
    total = weights.sum()
    share = float(weights @ targets / total) if total else 0.0
    return entropy(np.array([share, 1.0 - share])) * float(np.mean(weights))


def of_counts(targets: Array, weights: Array, number: float) -> float:
    """Give the loss of the mean rate, without log y!."""
    total = weights.sum()
    rate = float(weights @ targets / total) if total else 0.0
    return float(np.mean(weights)) * (rate - (rate * float(np.log(rate)) if rate > 0 else 0.0))


def of_rates(targets: Array, weights: Array, number: float) -> float:
    """Give the loss of the best constant for a network that outputs the rate; a constant that the loss adds shifts the best rate."""
    return of_counts(targets, weights, number) - number * float(np.mean(weights)) if np.any(targets) else 0.0


def of_pairs(targets: Array, weights: Array, number: float) -> float:
    """Give the least loss of a constant distance, which is not a number below 0."""
    alike = float(np.sum(weights[targets > 0])) / len(targets)
    apart = float(np.sum(weights[targets < 0])) / len(targets)
    return min(apart * max(number, 0.0), alike * max(number, 0.0))


def of_focal(targets: Array, weights: Array, number: float) -> float:
    """Give the least mean focal loss of a constant logit."""

    def loss(logit: float) -> float:
        missed = np.logaddexp(0.0, np.where(targets > 0.5, -logit, logit))
        return float(np.mean(weights * (-np.expm1(-missed)) ** number * missed))

    return minimized(loss, -40.0, 40.0)


def of_outputs(targets: Array, weights: Array, number: float) -> float:
    """Give NaN: for a network that returns its loss itself, no constant output is a prediction."""
    return float("nan")


# Of targets, weights and the loss's one number.
CONSTANTS: dict[str, Callable[[Array, Array, float], float]] = {
    "mse": of_squares,
    "mae": of_distances,
    "huber": of_huber,
    "binary_cross_entropy": of_shares,
    "poisson": of_counts,
    "poisson_rate": of_rates,
    "hinge_embedding": of_pairs,
    "focal": of_focal,
    "output": of_outputs,
}
