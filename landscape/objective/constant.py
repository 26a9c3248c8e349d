"""The loss of the best predictor that ignores its input: the scale by which a loss is large or small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.model.losses import IGNORED
from landscape.objective.network import NetworkObjective

Array = NDArray[np.float64]


def constant_loss(objective: NetworkObjective) -> float:
    r"""Give the least loss $\min_c \sum_i \ell(c, y_i)$ over the objective's examples, the penalty left out.

    A constant for each output: class shares under cross-entropy, the mean under squared error, the median
    under absolute error.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x, y = np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]])
    >>> model = build_model(layers=[(np.array([[1.0]]), np.array([0.0]))], loss="mse", x_train=x, y_train=y)
    >>> constant_loss(NetworkObjective(model))
    1.0
    """
    targets, model = objective.sample.targets(), objective.model
    if model.loss == "cross_entropy":
        kept = targets[targets != IGNORED]
        counts = np.unique(kept, return_counts=True)[1]
        loss = entropy(counts / max(1, counts.sum()))
    else:
        columns = targets.reshape(len(targets), -1).astype(np.float64).T
        loss = float(np.mean([CONSTANTS[model.loss](column, model.delta) for column in columns]))
    return loss * abs(model.loss_scale)


def entropy(shares: Array) -> float:
    """Give −Σ p ln p of shares that sum to one.

    >>> round(entropy(np.array([0.5, 0.5])), 12) == round(float(np.log(2)), 12)
    True
    """
    return float(-np.sum(shares * np.log(shares), where=shares > 0))


def of_huber(targets: Array, delta: float) -> float:
    """Give the least mean Huber loss of a constant, which is convex in it."""
    from scipy.optimize import minimize_scalar

    def loss(constant: float) -> float:
        distance = np.abs(targets - constant)
        return float(np.mean(np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))))

    low, high = float(targets.min()), float(targets.max())
    if low == high:
        return 0.0
    return float(minimize_scalar(loss, bounds=(low, high), method="bounded").fun)


CONSTANTS: dict[str, Callable[[Array, float], float]] = {
    "mse": lambda targets, delta: float(np.var(targets)),
    "mae": lambda targets, delta: float(np.mean(np.abs(targets - np.median(targets)))),
    "huber": of_huber,
    "binary_cross_entropy": lambda targets, delta: entropy(
        np.array([np.mean(targets), 1.0 - np.mean(targets)])
    ),
}
