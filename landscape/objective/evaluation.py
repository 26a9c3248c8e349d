"""From sums over examples to a loss and an accuracy with their standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landscape.model.losses import OF_CLASSES, OF_SIDES

Array = NDArray[np.float64]

# Losses whose outputs are right or wrong.
HAS_ACCURACY = (*OF_CLASSES, *OF_SIDES)


@dataclass(frozen=True)
class Evaluation:
    """Loss (without penalty) and accuracy of one split at one θ, and the penalty of weight decay.

    Errors are standard errors over examples if the objective has a subset of them, and otherwise zero. `accuracy` is
    None where the loss has none. `metrics` are those that were chosen by name, `metric_errors` their errors.
    """

    loss: float
    loss_error: float
    accuracy: float | None
    accuracy_error: float | None
    penalty: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    metric_errors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Counts:
    """Counts that turn sums into means: examples used, examples in the split, and Σ c and Σ c² of their numbers of targets c."""

    examples: int
    population: int
    total: float
    squares: float


def ratio(sums: Array, counts: Counts) -> Array:
    """Divide Σ s (first of the last axis) by Σ c."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[..., 0] / counts.total)


def ratio_error(sums: Array, counts: Counts) -> Array:
    r"""Estimate the standard error of Σ s / Σ c over n examples drawn from N without replacement.

    $$\sqrt{\frac{\sum (s_i - R c_i)^2}{n (n - 1)} \Bigl(1 - \frac nN\Bigr)} \Big/ \bar c, \qquad R = \sum s / \sum c$$

    Parameters
    ----------
    sums
        Σ s, Σ s², Σ s c on the last axis.
    counts
        The data's own sums.

    References
    ----------
    Cochran, Sampling Techniques, 3rd edition, equation 6.13.
    """
    n = counts.examples
    if n == counts.population:
        return np.zeros(sums.shape[:-1])
    if n < 2:
        return np.full(sums.shape[:-1], np.nan)
    r = ratio(sums, counts)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        squares = sums[..., 1] - 2 * r * sums[..., 2] + r * r * counts.squares
        variance = np.maximum(squares, 0) / (n * (n - 1)) * (1 - n / counts.population)
        return np.asarray(np.sqrt(variance) / (counts.total / n))
