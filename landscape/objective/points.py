"""A network's loss where its constants are a function of θ: each point is evaluated by itself, with its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.losses import SUMS
from landscape.model import Model
from landscape.objective.evaluation import Evaluation
from landscape.objective.network import NetworkObjective

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
        complete = self.objective.complete(theta, self.constants_at(theta))
        return self.objective.engine.sums(complete)[0]

    def values(self, thetas: ArrayLike) -> Array:
        """Evaluate loss plus penalty at each row of thetas [K, P], giving [K]."""
        rows = np.atleast_2d(np.asarray(thetas))
        sums = np.array([self.sums(theta) for theta in rows])
        return self.objective.losses(sums) + self.objective.penalties(rows)

    def value(self, theta: ArrayLike) -> float:
        """Evaluate loss plus penalty at θ."""
        return float(self.values(np.asarray(theta)[None])[0])

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Give loss (without penalty), accuracy, their standard errors, and the penalty at θ."""
        return self.objective.evaluation(self.sums(theta), theta)

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> PointwiseSweep:
        """Prepare the grid center + Σ αᵢ directions[i]."""
        return PointwiseSweep(self, np.asarray(center), np.atleast_2d(np.asarray(directions)), axes)


class PointwiseSweep:
    """A grid of points, one a step; `state` holds the six sums of each point, then the number of steps done."""

    def __init__(
        self, objective: PointwiseObjective, center: Array, directions: Array, axes: tuple[Array, ...]
    ) -> None:
        if len(directions) != len(axes):
            raise InputError(f"expected an axis for each of {len(directions)} directions, found {len(axes)}")
        self.objective, self.center, self.directions, self.axes = objective, center, directions, axes
        self.steps = math.prod(len(axis) for axis in axes)
        self.state = np.zeros(self.steps * SUMS + 1)
        self.names = tuple(objective.objective.columns(np.zeros((1, SUMS))))

    def run(self, step: int) -> None:
        """Evaluate one point."""
        place = np.unravel_index(step, [len(axis) for axis in self.axes])
        coordinates = np.array([axis[i] for axis, i in zip(self.axes, place, strict=True)])
        sums = self.objective.sums(self.center + coordinates @ self.directions)
        self.state[step * SUMS : (step + 1) * SUMS] = sums
        self.state[-1] = step + 1

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done, bool [K]."""
        return np.asarray(np.arange(self.steps) < self.state[-1])

    def finish(self) -> dict[str, Array]:
        """Give each column [K]; points that are not done are NaN."""
        columns = self.objective.objective.columns(self.state[:-1].reshape(self.steps, SUMS))
        return {name: np.where(self.point_done(), column, np.nan) for name, column in columns.items()}
