"""Step 3: how much worse validation is than training, and test than validation, with intervals over examples."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from landscape import streams
from landscape.diagnosis.outcomes import plain
from landscape.model import Model
from landscape.model.losses import OF_CLASSES, OF_SIDES, classes_of, is_soft
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import Scores

Array = NDArray[np.float64]

RESAMPLES = 1000
# Standard errors that a gap has to exceed, and those of one that nothing explains: no other sign of it makes up for chance.
ERRORS, ALONE = 2.0, 3.0
# The quantile of 95 % intervals of shares.
WILSON = 1.96


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How much worse `other` is than `base`: losses with a 95 % bootstrap interval, and the metric in parts of its range.

    The metric is the accuracy where there is one, its range from chance to the base's own; else the loss, its range from the base's to
    the best constant's. `part` is the metric's gap in parts of that range, `error` its standard error.
    """

    base: str
    other: str
    loss: float
    low: float
    high: float
    part: float
    error: float
    metric: str

    def bound(self, least: float, *, clear: bool = False, errors: float = ERRORS) -> float:
        """Give what the metric's gap has to exceed: `least` and so many errors, or `least` by so many errors where it has to be clear."""
        return least + errors * self.error if clear else max(least, errors * self.error)

    def material(self, least: float, errors: float = ERRORS) -> bool:
        """Tell whether the loss's interval lies above 0 and the metric's gap above `least` and so many errors."""
        return self.low > 0 and self.part > self.bound(least, errors=errors)

    def clear(self, least: float) -> bool:
        """Return whether it is material and lies above `least` beyond chance, by two errors: what overfitting has to be.

        By one error alone every sixth network with a gap of just `least` would be called overfitted, and most healthy ones have a gap.
        """
        return self.low > 0 and self.part > self.bound(least, clear=True)

    def told(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {name: plain(value) for name, value in asdict(self).items()}


def gap(base: str, other: str, one: Scores, two: Scores, chance: float, constant: float, seed: int) -> Gap:
    """Compare two splits; `chance` is the accuracy of guessing, `constant` the loss of the best constant on the other one."""
    low, high = difference_interval(one.loss, two.loss, seed)
    loss = two.mean - one.mean
    if one.hit is not None and two.hit is not None:
        span, metric = one.hit.mean() - chance, "accuracy"
        difference, error = one.hit.mean() - two.hit.mean(), standard_error(one.hit, two.hit)
    else:
        span, metric = constant - one.mean, "loss"
        difference, error = loss, standard_error(one.loss, two.loss)
    known = span > 0 and math.isfinite(loss)
    part, relative = (float(difference / span), float(error / span)) if known else (math.nan, math.nan)
    return Gap(
        base=base, other=other, loss=loss, low=low, high=high, part=part, error=relative, metric=metric
    )


def standard_error(one: Array, two: Array) -> float:
    """Give the standard error of the difference of two independent means; of shares by Wilson's, which does not vanish at 0 and 1.

    >>> round(standard_error(np.ones(100), np.ones(100)), 4), standard_error(np.full(9, 0.3), np.full(9, 0.3))
    (0.0133, 0.0)
    """
    return float(np.sqrt(sum(squared_error(values) for values in (one, two) if len(values) > 1)))


def squared_error(values: Array) -> float:
    """Give the squared standard error of a mean; of zeros and ones half the width of Wilson's interval over its quantile, squared.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference" (JASA 1927).
    """
    count = len(values)
    if not np.isin(values, (0.0, 1.0)).all():
        return float(values.var(ddof=1)) / count
    share = float(values.mean())
    return (share * (1 - share) / count + WILSON**2 / (4 * count**2)) / (1 + WILSON**2 / count) ** 2


def difference_interval(one: Array, two: Array, seed: int) -> tuple[float, float]:
    """Give the 95 % bootstrap interval of mean(two) − mean(one).

    >>> low, high = difference_interval(np.zeros(50), np.r_[np.zeros(25), np.ones(25)], 0)
    >>> 0.3 < low < 0.5 < high < 0.7
    True
    """
    if len(one) < 2 or len(two) < 2 or not (np.isfinite(one).all() and np.isfinite(two).all()):
        return math.nan, math.nan
    if one.std() == 0 and two.std() == 0:
        difference = float(two.mean() - one.mean())
        return difference, difference
    found = bootstrap(
        (two, one), mean_difference, n_resamples=RESAMPLES, vectorized=True, method="percentile", batch=100,
        rng=streams.numpy_generator("bootstrap", seed),
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def mean_difference(two: Array, one: Array, axis: int = -1) -> Array:
    """Give the difference of means along an axis."""
    return np.asarray(np.mean(two, axis=axis) - np.mean(one, axis=axis))


def chance(model: Model, split: str) -> float:
    """Give the accuracy of guessing, 1/C; NaN for regression.

    Not that of the commonest class: where classes are rare or their shares differ between splits, that is no scale.
    """
    if model.loss in OF_CLASSES:
        targets = np.asarray(model.data[f"y_{split}"])
        if is_soft(model.loss, targets):
            return 1.0 / max(2, classes_of(model.loss, model.nodes[-1].shape))
        return 1.0 / max(2, len(np.unique(targets[(targets >= 0) & (targets != model.loss_options.ignored)])))
    return 0.5 if model.loss in OF_SIDES else math.nan


def gap_of(
    model: Model, base: str, other: str, scored: dict[str, Scores], seed: int, threads: int | None
) -> Gap:
    """Compare two splits of the model."""
    constant = constant_loss(NetworkObjective(model, other, threads=threads))
    return gap(base, other, scored[base], scored[other], chance(model, base), constant, seed)
