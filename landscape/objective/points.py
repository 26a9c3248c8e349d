"""A network's loss with constants that depend on θ, so that each point is evaluated by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.losses import SUMS
from landscape.model import Model
from landscape.objective.evaluation import Evaluation
from landscape.objective.metric_sweep import point_of
from landscape.objective.network import NetworkObjective
from landscape.objective.rows import Rows

Array = NDArray[np.float64]


class PointwiseObjective:
    """A network's loss over a split with frozen parameters and buffers that follow from θ, as `constants_at` says.

    The parameters are those of `NetworkObjective`. It has values, no derivatives of what the constants do.

    Raises
    ------
    InputError
        What `NetworkObjective` refuses.
    """

    def __init__(self, model: Model, split: str = "train", **options: Any) -> None:
        self.objective = NetworkObjective(model, split, **options)
        self.dtype, self.size = self.objective.dtype, self.objective.size

    def constants_at(self, theta: ArrayLike) -> Array:
        """Give the model's constants at θ, frozen parameters and buffers."""
        raise NotImplementedError

    def sums(self, theta: ArrayLike) -> Array:
        """Sum over examples at θ, [6]."""
        return self.sums_with(theta, self.constants_at(theta))

    def sums_with(self, theta: ArrayLike, constants: Array) -> Array:
        """Sum over examples at θ with given constants, [6]."""
        return self.objective.engine.sums(self.objective.complete(theta, constants))[0]

    def row(self, theta: ArrayLike) -> Array:
        """Give the sums and the metrics at θ, [6 + M]."""
        constants = self.constants_at(theta)
        return np.concatenate([self.sums_with(theta, constants), self.objective.measure(theta, constants)])

    def values(self, thetas: ArrayLike) -> Array:
        """Evaluate loss plus penalty at each row of thetas [K, P], giving [K]."""
        rows = np.atleast_2d(np.asarray(thetas))
        sums = np.array([self.sums(theta) for theta in rows])
        return self.objective.losses(sums) + self.objective.penalties(rows)

    def value(self, theta: ArrayLike) -> float:
        """Evaluate loss plus penalty at θ."""
        return float(self.values(np.asarray(theta)[None])[0])

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Evaluate loss (without penalty), accuracy, the chosen metrics, their standard errors, and the penalty at θ."""
        row = self.row(theta)
        return self.objective.evaluation(row[:SUMS], theta, row[SUMS:])

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> PointwiseSweep:
        """Prepare the evaluation on the grid center + Σ αᵢ directions[i]."""
        return PointwiseSweep(self, np.asarray(center), np.atleast_2d(np.asarray(directions)), axes)


class PointwiseSweep(Rows):
    """A grid of points, one a step; `state` holds the six sums and the metrics of each point, then the number of steps done."""

    def __init__(
        self, objective: PointwiseObjective, center: Array, directions: Array, axes: tuple[Array, ...]
    ) -> None:
        if len(directions) != len(axes):
            raise InputError(f"expected an axis for each of {len(directions)} directions, found {len(axes)}")
        self.objective, self.center, self.directions, self.axes = objective, center, directions, axes
        self.points = self.steps = math.prod(len(axis) for axis in axes)
        self.metrics = objective.objective.metrics.columns
        self.width = SUMS + len(self.metrics)
        self.state = np.zeros(self.steps * self.width + 1)
        self.names = (*objective.objective.columns(np.zeros((1, SUMS))), *self.metrics)

    def run(self, step: int) -> None:
        """Evaluate one point."""
        theta = point_of(self.center, self.directions, self.axes, step)
        self.state[step * self.width : (step + 1) * self.width] = self.objective.row(theta)
        self.state[-1] = step + 1

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done, bool [K]."""
        return np.asarray(np.arange(self.steps) < self.state[-1])

    def finish(self) -> dict[str, Array]:
        """Give each column [K]; points that are not done are NaN."""
        table = self.state[:-1].reshape(self.steps, self.width)
        columns = self.objective.objective.columns(table[:, :SUMS])
        columns |= dict(zip(self.metrics, table[:, SUMS:].T, strict=True))
        return {name: np.where(self.point_done(), column, np.nan) for name, column in columns.items()}
