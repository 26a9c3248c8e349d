"""Metrics of a network on a sample, measured from its outputs, with standard errors where the data are a subset."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.memory import fits_memory, size_words
from landscape.model.loss_options import IGNORED
from landscape.model.losses import OF_CLASSES, OF_SIDES, classes_first
from landscape.objective.metric_table import PREDICTED, Decisions, Numbers, chosen_metrics
from landscape.objective.sample import Sample

Array = NDArray[np.float64]

# Outputs that are looked at at a time.
AT_ONCE = 2**21
ROUNDING = 1e-12


class Metrics:
    r"""Metrics of a network's outputs on a sample, each a function f of a mean of ratios with its standard error.

    $$f(R), \quad R = \frac{1}{G} \sum_g \frac{\sum_i w_i a_{ig}}{\sum_i w_i b_{ig}}$$

    over the examples i with weights w, where example i adds a to a numerator and b to a denominator; groups g of which nothing counts are left
    out. Over n examples drawn from N without replacement the error is that of the linearized ratios, Cochran's equation 6.13 where G is 1.

    Parameters
    ----------
    sample
        The examples, with their targets and weights.
    names
        As for `chosen_metrics`.

    Raises
    ------
    InputError
        A name that does not fit the loss, or outputs that memory does not hold.

    References
    ----------
    Cochran, Sampling Techniques, 3rd edition, sections 6.3 and 6.12.
    """

    def __init__(self, sample: Sample, names: str | Sequence[str] = ()) -> None:
        self.sample, self.model = sample, sample.model
        self.chosen = chosen_metrics(self.model, names)
        self.subset = sample.examples < sample.population
        errors = [f"{name}.error" for name in self.chosen] if self.subset else []
        self.columns = (*self.chosen, *errors)
        if self.chosen:
            self.require_memory()

    def require_memory(self) -> None:
        """Refuse outputs that do not fit into memory, since metrics need those of all examples.

        Raises
        ------
        InputError
            They do not.
        """
        needed = 16 * self.sample.examples * self.size
        if not fits_memory(needed):
            raise InputError(
                f"metrics: the outputs of {self.sample.examples} examples take {size_words(needed)}, more than memory holds: "
                "choose fewer (--examples, examples=…)"
            )

    @property
    def size(self) -> int:
        """The number of outputs of an example."""
        return math.prod(self.model.nodes[-1].shape)

    def measure(self, outputs: NDArray) -> Array:
        """Give the columns' values, first metrics and then their errors; all NaN where an output is not finite.

        Parameters
        ----------
        outputs
            Of the network, for all the examples of the sample, [N, …].
        """
        with np.errstate(all="ignore"):
            if not all(np.isfinite(outputs[rows]).all() for rows in self.runs()):
                return np.full(len(self.columns), math.nan)
            totals = self.totals(outputs)
            values = [metric.finish(mean_ratio(totals[name]))[0] for name, metric in self.chosen.items()]
            return np.array([*values, *(self.errors(outputs, totals) if self.subset else [])])

    def runs(self) -> Iterator[NDArray[np.int64]]:
        """Give the examples in runs that are evaluated at once."""
        length = max(1, AT_ONCE // max(1, self.size))
        for first in range(0, self.sample.examples, length):
            yield np.arange(first, min(self.sample.examples, first + length))

    def weights(self, rows: NDArray[np.int64]) -> Array:
        """Give the weights of examples."""
        if self.sample.weights is None:
            return np.ones(len(rows))
        return self.sample.take(self.sample.weights, rows).astype(np.float64)

    def totals(self, outputs: NDArray) -> dict[str, tuple[Array, Array]]:
        """Sum each metric's weighted numerators and denominators, each [G]."""
        found: dict[str, tuple[Array, Array]] = {}
        for rows in self.runs():
            given, weights = self.read(outputs[rows], rows), self.weights(rows)
            for name, metric in self.chosen.items():
                above, below = (weights @ part for part in metric.parts(given))
                before = found.get(name)
                found[name] = (above, below) if before is None else (before[0] + above, before[1] + below)
        return found

    def errors(self, outputs: NDArray, totals: Mapping[str, tuple[Array, Array]]) -> list[float]:
        """Give the standard error of each metric: that of the sum over examples to which it is linear near the totals."""
        summed = dict.fromkeys(self.chosen, 0.0)
        for rows in self.runs():
            given, weights = self.read(outputs[rows], rows), self.weights(rows)
            for name, metric in self.chosen.items():
                above, below = totals[name]
                there = below > 0
                a, b = (part[:, there] for part in metric.parts(given))
                moves = (a - b * (above / below)[there]) @ (1 / below[there]) / max(1, there.sum())
                summed[name] += float(np.sum((weights * moves) ** 2))
        n, population = self.sample.examples, self.sample.population
        if n < 2:
            return [math.nan for _ in self.chosen]
        spread = math.sqrt(n / (n - 1) * (1 - n / population))
        slopes = [abs(metric.finish(mean_ratio(totals[name]))[1]) for name, metric in self.chosen.items()]
        return [
            slope * spread * math.sqrt(square) for slope, square in zip(slopes, summed.values(), strict=True)
        ]

    def read(self, outputs: NDArray, rows: NDArray[np.int64]) -> Decisions | Numbers:
        """Pair outputs of some examples with their targets."""
        loss, targets = self.model.loss, self.sample.take(self.sample.y, rows)
        flat = outputs.reshape(len(rows), -1)
        if loss in OF_SIDES:
            labels = (targets.reshape(flat.shape) > 0.5).astype(np.int64)
            return Decisions(
                np.stack([np.zeros_like(flat), flat], axis=2), labels, np.ones(labels.shape, bool)
            )
        if loss in OF_CLASSES:
            return self.decided(outputs, targets)
        predicted = PREDICTED[loss](flat.astype(np.float64))
        target = targets.reshape(flat.shape).astype(np.float64)
        distance = target - self.mean_target
        # Targets that are all the same have a mean of its own rounding.
        apart = np.abs(distance) > ROUNDING * np.abs(self.mean_target)
        return Numbers(predicted, target, np.where(apart, distance**2, 0.0))

    def decided(self, outputs: NDArray, targets: NDArray) -> Decisions:
        """Pair outputs with their target classes; for soft targets, with the class of the largest."""
        made, shape = self.sample.made, self.model.nodes[-1].shape
        last = np.moveaxis(outputs, 1, -1) if classes_first(self.model.loss, shape) else outputs
        labels = made.shares(targets)[2] if made.soft else made.labels(targets.reshape(len(targets), -1))
        return Decisions(
            last.reshape(len(outputs), -1, made.classes), labels.astype(np.int64), labels != IGNORED
        )

    @cached_property
    def mean_target(self) -> Array:
        """The weighted mean of the targets over the examples, [D]."""
        total, weight = np.zeros(self.size), 0.0
        for rows in self.runs():
            weights = self.weights(rows)
            targets = self.sample.take(self.sample.y, rows).reshape(len(rows), -1).astype(np.float64)
            total, weight = total + weights @ targets, weight + float(weights.sum())
        return np.asarray(total / weight)


def mean_ratio(totals: tuple[Array, Array]) -> float:
    """Give the mean of the ratios with a nonzero denominator, NaN if there is none.

    >>> mean_ratio((np.array([1.0, 3.0, 0.0]), np.array([2.0, 3.0, 0.0])))
    0.75
    """
    above, below = totals
    there = below > 0
    return float(np.mean(above[there] / below[there])) if there.any() else math.nan
