"""Which examples an objective sums over: one split of a model's data, or a subset of it drawn by a seed."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.errors import InputError
from landscape.formulas.random import permutation
from landscape.model import Model
from landscape.objective.evaluation import Counts
from landscape.objective.targets import Prepared, Targets, weights_of

# Examples whose targets are counted at a time.
COUNTED = 65_536


class Sample:
    """One split of a model's data, or a subset of it drawn by a seed; nothing is read before it is asked for.

    Parameters
    ----------
    model
        The model whose data they are.
    split
        "train", "validation" or "test".
    examples, seed
        The size of a random subset, drawn by the seed; None for all.

    Raises
    ------
    InputError
        A split that is not there, or a subset of no example.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x, y = np.arange(4.0)[:, None], np.arange(4.0)[:, None]
    >>> model = build_model(layers=[(np.eye(1), np.zeros(1))], loss="mse", x_train=x, y_train=y)
    >>> few = Sample(model, "train", 3, seed=1)
    >>> few.examples, few.population, few.targets().shape
    (3, 4, (3, 1))
    """

    def __init__(self, model: Model, split: str, examples: int | None = None, seed: int = 0) -> None:
        if examples is not None and examples < 1:
            raise InputError(f"examples: expected at least 1, found {examples}")
        self.population = model.examples(split)
        self.model, self.split = model, split
        self.x, self.y = model.data[f"x_{split}"], model.data[f"y_{split}"]
        self.weights = weights_of(model, split)
        self.made = Targets(model, self.y, self.weights)
        self.chosen = None
        if examples is not None and examples < self.population:
            self.chosen = np.sort(permutation(seed, streams.SUBSETS[0], self.population)[:examples])
        self.examples = self.population if self.chosen is None else len(self.chosen)

    def take(self, array: NDArray, rows: NDArray[np.int64]) -> NDArray:
        """Read rows of the split or of its subset; a mapped file is read where they lie."""
        if self.chosen is not None:
            return np.asarray(array[self.chosen[rows]])
        part = np.asarray(array[rows[0] : rows[-1] + 1])
        return part if len(part) == len(rows) else part[rows - rows[0]]

    def targets(self) -> NDArray:
        """Return the targets of all the examples as the file has them, [N, …]."""
        return self.take(self.y, np.arange(self.examples))

    def prepared(self, rows: NDArray[np.int64]) -> Prepared:
        """Return the targets of some of the examples as the kernels read them."""
        weights = None if self.weights is None else self.take(self.weights, rows)
        return self.made.prepared(self.take(self.y, rows), weights)

    @cached_property
    def counts(self) -> Counts:
        """Count unignored target elements, over all the examples used."""
        total = squares = 0.0
        for start in range(0, self.examples, COUNTED):
            rows = np.arange(start, min(start + COUNTED, self.examples))
            each = self.made.counts(self.take(self.y, rows))
            total += float(each.sum())
            squares += float((each * each).sum())
        return Counts(self.examples, self.population, total, squares)
