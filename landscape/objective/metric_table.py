"""Metrics of a network's outputs by name: the losses that each fits, and what an example adds to a metric's sums.

Every metric is a mean of ratios of sums over the examples, or a function of one. `Metrics` does the rest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError, did_you_mean
from landscape.files import distinct_names, shown
from landscape.model import Model
from landscape.model.losses import OF_CLASSES, OF_SIDES, classes_of

Array = NDArray[np.float64]
# What n examples add to G numerators and denominators, each [n, G].
Parts = tuple[NDArray, NDArray]

TOP = re.compile(r"top([1-9][0-9]{0,8})")
# The column that stands beside the loss without being asked for.
ACCURACY = "accuracy"


class Decisions:
    """Outputs of n examples as choices among classes; of equal outputs the lower class comes first.

    `scores` [n, T, C] are outputs, `labels` [n, T] the classes that are meant, `kept` [n, T] says which count.
    """

    def __init__(self, scores: NDArray, labels: NDArray, kept: NDArray[np.bool_]) -> None:
        self.scores, self.labels, self.kept = scores, labels, kept

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """The number of classes ranked before the target's, [n, T]."""
        labels = np.where(self.kept, self.labels, 0)[:, :, None]
        meant = np.take_along_axis(self.scores, labels, axis=2)
        lower = np.arange(self.scores.shape[2]) < labels
        before = (self.scores > meant) | ((self.scores == meant) & lower)
        return np.asarray(before.sum(axis=2))

    @cached_property
    def chosen(self) -> NDArray[np.int64]:
        """The class with the largest output, [n, T]."""
        return np.asarray(self.scores.argmax(axis=2))

    def by_class(self, classes: NDArray, counted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count for each example how often each class occurs where `counted`, [n, C]."""
        n, _, count = self.scores.shape
        places = np.arange(n)[:, None] * count + classes
        return np.bincount(places[counted], minlength=n * count).reshape(n, count)

    @cached_property
    def hits(self) -> NDArray[np.int64]:
        """How often each class was both target and choice, [n, C]."""
        return self.by_class(self.chosen, self.kept & (self.chosen == self.labels))

    @cached_property
    def meant(self) -> NDArray[np.int64]:
        """How often each class was the target, [n, C]."""
        return self.by_class(self.labels, self.kept)

    @cached_property
    def found(self) -> NDArray[np.int64]:
        """How often each class was chosen, [n, C]."""
        return self.by_class(self.chosen, self.kept)


class Numbers(NamedTuple):
    """Predictions, targets and squared distances of the targets from their mean over the examples, each [n, D]."""

    predicted: Array
    target: Array
    spread: Array


def plain(value: float) -> tuple[float, float]:
    """Give a value and its slope in itself."""
    return value, 1.0


def root(value: float) -> tuple[float, float]:
    """Give the square root of a value and its slope."""
    return math.sqrt(value), 0.5 / math.sqrt(value) if value else math.nan


def remainder(value: float) -> tuple[float, float]:
    """Give 1 − x, and its slope."""
    return 1.0 - value, -1.0


@dataclass(frozen=True)
class Metric:
    """A metric: what examples add to its numerators and denominators, and what the mean of the ratios becomes."""

    parts: Callable[[Any], Parts]
    finish: Callable[[float], tuple[float, float]] = plain


def among_first(count: int, given: Decisions) -> Parts:
    """Count the targets that are among the `count` classes with the largest outputs."""
    right = (given.rank < count) & given.kept
    return right.sum(axis=1)[:, None], given.kept.sum(axis=1)[:, None]


def mean_over(numbers: NDArray) -> Parts:
    """Take the mean over all elements."""
    return numbers.sum(axis=1)[:, None], np.full((len(numbers), 1), float(numbers.shape[1]))


def squares(given: Numbers) -> NDArray:
    """Give the squared errors."""
    return np.asarray((given.predicted - given.target) ** 2)


def positive(parts: Parts) -> Parts:
    """Return the values of class 1 of two classes."""
    return parts[0][:, 1:], parts[1][:, 1:]


def recall(given: Decisions) -> Parts:
    """Of the targets of each class, how many were chosen."""
    return given.hits, given.meant


def precision(given: Decisions) -> Parts:
    """Of the choices of each class, how many were the target."""
    return given.hits, given.found


def overlap(given: Decisions) -> Parts:
    """Of the elements with each class as target or choice, how many have it as both."""
    return given.hits, given.meant + given.found - given.hits


def f1(given: Decisions) -> Parts:
    """The harmonic mean of precision and recall of each class."""
    return 2 * given.hits, given.meant + given.found


OF_DECISIONS: dict[str, Metric] = {
    "balanced_accuracy": Metric(recall),
    "macro_f1": Metric(f1),
    "mean_iou": Metric(overlap),
}
OF_TWO: dict[str, Metric] = {
    "precision": Metric(lambda given: positive(precision(given))),
    "recall": Metric(lambda given: positive(recall(given))),
    "f1": Metric(lambda given: positive(f1(given))),
}
OF_NUMBERS: dict[str, Metric] = {
    "mean_absolute_error": Metric(lambda given: mean_over(np.abs(given.predicted - given.target))),
    "mean_squared_error": Metric(lambda given: mean_over(squares(given))),
    "root_mean_squared_error": Metric(lambda given: mean_over(squares(given)), root),
    "r2": Metric(lambda given: (squares(given), given.spread), remainder),
}
# What an output predicts, of the losses that compare numbers.
PREDICTED: dict[str, Callable[[Array], Array]] = {
    "mse": np.asarray,
    "mae": np.asarray,
    "huber": np.asarray,
    "poisson": np.exp,
    "poisson_rate": np.asarray,
}


def classes_in(model: Model) -> int:
    """Count the classes that a model's outputs decide between; 0 where they are numbers."""
    if model.loss in OF_SIDES:
        return 2
    return classes_of(model.loss, model.nodes[-1].shape) if model.loss in OF_CLASSES else 0


def fitting(model: Model) -> dict[str, Metric]:
    """Give the metrics that fit a model's loss, but `topK`."""
    if model.loss in OF_SIDES:
        return OF_DECISIONS | OF_TWO
    if model.loss in OF_CLASSES:
        return OF_DECISIONS
    return OF_NUMBERS if model.loss in PREDICTED else {}


def chosen_metrics(model: Model, names: str | Sequence[str]) -> dict[str, Metric]:
    """Find metrics by name; the accuracy, which stands beside the loss anyway, is taken and has no row.

    Parameters
    ----------
    model
        Its loss says which metrics there are.
    names
        Names such as `top5` or `r2`, or one of them.

    Raises
    ------
    InputError
        A name that does not fit the loss, or one that stands twice.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> model = build_model(layers=[(np.eye(3), np.zeros(3))], x_train=np.eye(3), y_train=[0, 1, 2])
    >>> list(chosen_metrics(model, ["top2", "mean_iou"]))
    ['top2', 'mean_iou']
    >>> chosen_metrics(model, "r2")
    Traceback (most recent call last):
    landscape.errors.InputError: no metric 'r2' of the loss cross_entropy: choose accuracy, topK (such as top2), balanced_accuracy, macro_f1, mean_iou
    """
    given = read_names(names)
    distinct_names([(str(name), None) for name in given], "metric {} stands twice: expected each name once")
    return {name: named(model, name) for name in given if name != ACCURACY or not classes_in(model)}


def read_names(names: str | Sequence[str]) -> list[str]:
    """Read names, or one of them.

    >>> read_names("r2"), read_names(("top1", "top5"))
    (['r2'], ['top1', 'top5'])

    Raises
    ------
    InputError
        Something else, such as functions by name.
    """
    if not isinstance(names, str | list | tuple):
        raise InputError(
            f"metrics: expected names such as ['top5'], found {type(names).__name__}: functions of one's own are what TorchObjective takes"
        )
    return [names] if isinstance(names, str) else list(names)


def named(model: Model, name: str) -> Metric:
    """Find one metric.

    Raises
    ------
    InputError
        It does not fit the loss.
    """
    known, classes = fitting(model), classes_in(model)
    top = TOP.fullmatch(name) if isinstance(name, str) and classes else None
    if top is not None:
        count = int(top[1])
        if count >= classes:
            raise InputError(
                f"metric '{name}': every target is among the first {classes} of {classes} classes: expected topK with a K below {classes}"
            )
        return Metric(partial(among_first, count))
    if name not in known:
        raise InputError(unknown(name, known, classes, model.loss))
    return known[name]


def unknown(name: object, known: Mapping[str, Metric], classes: int, loss: str) -> str:
    """Say that there is no such metric of a loss, and which there are."""
    if not known:
        return f"no metric {shown(str(name))}: the loss {loss} has none beside it"
    tops = [f"top{k}" for k in (5, 3, 2, 1) if k < classes]
    choices = [*([ACCURACY] if classes else []), *([f"topK (such as {tops[0]})"] if tops else []), *known]
    near = did_you_mean(name, [ACCURACY, *tops, *known] if classes else known)
    return f"no metric {shown(str(name))} of the loss {loss}: choose {', '.join(choices)}{near}"
