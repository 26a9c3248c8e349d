"""Step 3, why test differs: a classifier of the inputs, label shares, an affine change of the features."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

from landscape import streams
from landscape.diagnosis.outcomes import plain
from landscape.diagnosis.vetoes import flat_inputs
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import scores

Array = NDArray[np.float64]

PERMUTATIONS = 199
RIDGE, ITERATIONS = 1e-2, 100
# More features or examples than these are drawn from.
MOST_EXAMPLES = 2000
# A correction explains the gap if it closes this share of it; inputs are alike below this AUC, or above this p.
CLOSES, ALIKE, RARE = 0.5, 0.6, 0.05


@dataclass(frozen=True, kw_only=True)
class Shift:
    """What was found about test against the data that training resembles.

    `auc` is that of a classifier of the inputs on held-out ones, with its permutation p; `label_closes` and `affine_closes` are the
    shares of the gap that reweighted labels and features put back on the base's scale close.
    """

    auc: float = math.nan
    p: float = math.nan
    label_closes: float = math.nan
    affine_closes: float = math.nan

    @property
    def subtype(self) -> str:
        """Name the kind of shift."""
        if self.affine_closes >= CLOSES:
            return "preprocessing"
        if self.label_closes >= CLOSES:
            return "label-shift"
        if math.isfinite(self.auc) and not (self.auc >= ALIKE and self.p <= RARE):
            return "concept"
        return "covariate"

    def told(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {name: plain(value) for name, value in asdict(self).items()}


def shift_of(
    model: Model, base: str, other: str, seed: int, *, explain: bool, threads: int | None = None
) -> Shift:
    """Look at two splits; with `explain` also at what closes the gap of the losses."""
    if (
        not np.issubdtype(model.data["x_train"].dtype, np.floating)
        and model.data["x_train"].dtype != np.uint8
    ):
        return Shift()
    auc, p = two_sample(flat_inputs(model, base), flat_inputs(model, other), seed)
    if not explain:
        return Shift(auc=auc, p=p)
    labels = label_closes(model, base, other, threads)
    return Shift(auc=auc, p=p, label_closes=labels, affine_closes=affine_closes(model, base, other, threads))


def two_sample(one: Array, two: Array, seed: int) -> tuple[float, float]:
    """Give a logistic classifier's AUC on the half of each sample that it did not see, and p by permuting the labels there.

    Its features are the inputs and their squares. p = (k + 1)/(n + 1) for k of n permutations with as large an AUC.

    References
    ----------
    Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (arXiv 1610.06545).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> auc, p = two_sample(rng.normal(size=(200, 2)), rng.normal(3.0, 1.0, size=(200, 2)), 0)
    >>> auc > 0.95, p
    (True, 0.005)
    """
    rng = streams.numpy_generator("two samples", seed)
    samples = [x[rng.permutation(len(x))[:MOST_EXAMPLES]] for x in (one, two)]
    if min(map(len, samples)) < 8:
        return math.nan, math.nan
    both = np.concatenate(samples)
    deviation = both.std(axis=0)
    both = (both - both.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    design = np.concatenate([both, both**2, np.ones((len(both), 1))], axis=1)
    label = np.repeat([0.0, 1.0], [len(x) for x in samples])
    fold = np.concatenate([np.arange(len(x)) % 2 for x in samples])
    weights = logistic(design[fold == 0], label[fold == 0])
    score, truth = design[fold == 1] @ weights, label[fold == 1]
    ranks = rankdata(score)
    auc = auc_of(ranks, truth)
    drawn = np.array([auc_of(ranks, rng.permutation(truth)) for _ in range(PERMUTATIONS)])
    return auc, float((np.sum(drawn >= auc) + 1) / (PERMUTATIONS + 1))


def logistic(design: Array, label: Array) -> Array:
    """Fit a logistic regression with a ridge, classes weighted alike."""
    weight = np.where(label > 0, 0.5 / max(label.mean(), 1e-9), 0.5 / max(1 - label.mean(), 1e-9)) / len(
        label
    )

    def value(w: Array) -> tuple[float, Array]:
        z = design @ w
        loss = float(weight @ (np.logaddexp(0.0, z) - label * z)) + 0.5 * RIDGE * float(w @ w)
        return loss, design.T @ (weight * (expit(z) - label)) + RIDGE * w

    start = np.zeros(design.shape[1])
    return np.asarray(minimize(value, start, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}).x)


def auc_of(ranks: Array, truth: Array) -> float:
    """Give the area under the curve from ranks (Mann and Whitney)."""
    positive = truth > 0
    count, rest = positive.sum(), (~positive).sum()
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * rest))


def label_closes(model: Model, base: str, other: str, threads: int | None = None) -> float:
    """Give the share of the loss's gap that weights of p_base(y)/p_other(y) close; NaN for targets that are no classes."""
    if model.loss not in ("cross_entropy", "binary_cross_entropy"):
        return math.nan
    ours, theirs = (
        np.asarray(model.data[f"y_{split}"]).reshape(model.examples(split), -1) for split in (base, other)
    )
    if ours.shape[1] != 1:
        return math.nan
    classes = np.unique(np.concatenate([ours, theirs]))
    here, there = (np.array([np.mean(y == c) for c in classes]) for y in (ours, theirs))
    weight = np.where(there > 0, here / np.maximum(there, 1e-12), 0.0)[np.searchsorted(classes, theirs[:, 0])]
    if weight.sum() <= 0:
        return math.nan
    one, two = scores(model, base, threads=threads), scores(model, other, threads=threads)
    # Where one class is rare in the other split, a constant knows nearly all there: the range is then that of the base's classes.
    constant = max(constant_loss(NetworkObjective(model, split, threads=threads)) for split in (base, other))
    return closed(one.mean, two.mean, float(np.average(two.loss, weights=weight)), constant)


def closed(base: float, other: float, corrected: float, constant: float) -> float:
    """Give the share of a gap that a correction closes, on the range from the base to the best constant's loss where the other is above it.

    A correction that stays worse than the constant closes nothing, however far above the constant the loss was.

    >>> closed(0.0, 50.0, 1.2, 0.2), round(closed(0.0, 50.0, 0.05, 0.2), 12), closed(0.1, 0.5, 0.1, 2.0)
    (0.0, 0.75, 1.0)
    """
    if not other > base:
        return math.nan
    # A base that is no better than a constant has no such range.
    top = min(other, constant) if constant > base else other
    return float((top - min(corrected, top)) / (top - base))


def affine_closes(model: Model, base: str, other: str, threads: int | None = None) -> float:
    """Give the share of the loss's gap that closes when the other split's features are put on the base's mean and deviation.

    Two changes are tried, one for all features and one for each; the better one counts.
    """
    ours, theirs = flat_inputs(model, base), flat_inputs(model, other)
    one, two = (scores(model, split, threads=threads).mean for split in (base, other))
    if not two > one:
        return math.nan
    key, shape = f"x_{other}", model.data[f"x_{other}"].shape
    constant = constant_loss(NetworkObjective(model, other, threads=threads))
    shares = []
    for axis in (None, 0):
        mean, deviation = theirs.mean(axis=axis), theirs.std(axis=axis)
        moved = (theirs - mean) / np.where(deviation > 0, deviation, 1.0) * ours.std(axis=axis) + ours.mean(
            axis=axis
        )
        data = {**model.data, key: moved.reshape(shape)}
        corrected = scores(replace(model, data=data), other, threads=threads).mean
        shares.append(closed(one, two, corrected, constant))
    return float(max(shares))
