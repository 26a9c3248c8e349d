"""The extreme eigenvalues of the Hessian at every point of a grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from landscape.curvature import eigenpairs, hessian_operator
from landscape.errors import ComputationError
from landscape.objective import HasValue, complete
from landscape.objective.rows import Rows

Array = NDArray[np.float64]

COLUMNS = ("loss", "lambda_min", "lambda_max", "lambda_min.error", "lambda_max.error")


class CurvatureSweep(Rows):
    """A grid of points, one a step: loss, smallest and largest eigenvalue with bounds, and their ratio.

    The ratio λ_min/λ_max is what Li et al. (2018, section 7.1) draw, there without its sign: near 0 or above the loss is
    convex or nearly so, below it is not. The eigenvalues are those of the objective, penalty included. Where the loss or a
    product is not finite, or the search does not end, all of a point are NaN.

    Raises
    ------
    InputError
        No derivatives of the objective are to be had.
    """

    names: tuple[str, ...] = ("loss", "lambda_min", "lambda_max", "curvature")

    def __init__(
        self, objective: HasValue, center: Array, directions: Array, axes: tuple[Array, ...]
    ) -> None:
        self.objective = complete(objective)
        self.objective.require_derivatives()
        self.center, self.directions, self.axes = center, directions, axes
        self.shape = tuple(len(axis) for axis in axes)
        self.points = self.steps = math.prod(self.shape)
        self.state = np.full(self.steps * len(COLUMNS) + 1, np.nan)
        self.state[-1] = 0

    @property
    def table(self) -> Array:
        """View the state as one row for each point."""
        return self.state[:-1].reshape(self.steps, len(COLUMNS))

    def run(self, step: int) -> None:
        """Compute one point."""
        place = np.unravel_index(step, self.shape)
        coordinates = np.array([axis[index] for axis, index in zip(self.axes, place, strict=True)])
        theta = self.center + coordinates @ self.directions
        self.table[step, 0] = self.objective.evaluate(theta).loss
        if np.isfinite(self.table[step, 0]):
            # A point is a function of itself alone, whichever came before: the steps of differences are its own.
            self.table[step, 1:] = extremes(self.objective.anew(self.objective.seed), theta)
        self.state[-1] = step + 1

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done."""
        return np.asarray(np.arange(self.steps) < self.state[-1])

    def finish(self) -> dict[str, Array]:
        """Give each column; points that are not done are NaN."""
        found = {name: self.table[:, index].copy() for index, name in enumerate(COLUMNS)}
        with np.errstate(divide="ignore", invalid="ignore"):
            return {**found, "curvature": found["lambda_min"] / found["lambda_max"]}


def extremes(objective: HasValue, theta: Array) -> Array:
    """Give λ_min, λ_max and their errors; NaN where they are not to be had."""
    try:
        bottom = 1 if theta.size > 1 else 0
        found = eigenpairs(hessian_operator(objective, theta), top=1, bottom=bottom)
    except ComputationError:
        return np.full(4, np.nan)
    if found.status:
        return np.full(4, np.nan)
    ends = [0, -1]
    return np.concatenate([found.values[ends], found.errors[ends]])
