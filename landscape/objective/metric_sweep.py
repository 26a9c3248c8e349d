"""A scan with metrics: first the sums of the loss, then the outputs point by point."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.objective.sweep import NetworkSweep

Array = NDArray[np.float64]


class MetricSweep:
    """Losses and metrics of a network over a grid.

    `state` holds the state of the sweep of the loss, the metrics of each point, then the number of points measured.

    Parameters
    ----------
    losses
        The sweep of the loss.
    measure
        What gives the metrics [M] at a θ [P].
    columns
        Their M names.
    center, directions, axes
        The grid center + Σ αᵢ directions[i], αᵢ from axes[i].
    """

    def __init__(
        self,
        losses: NetworkSweep,
        measure: Callable[[Array], Array],
        columns: tuple[str, ...],
        center: Array,
        directions: Array,
        axes: tuple[Array, ...],
    ) -> None:
        self.losses, self.measure, self.columns = losses, measure, columns
        self.center, self.directions, self.axes = center, directions, axes
        self.points = math.prod(len(axis) for axis in axes)
        self.steps = losses.steps + self.points
        self.names = (*losses.names, *columns)
        self.state = np.zeros(len(losses.state) + self.points * len(columns) + 1)
        # One array holds all: what is restored into it is there for both.
        losses.state = self.state[: len(losses.state)]

    @property
    def table(self) -> Array:
        """View the metrics in the state as one row for each point."""
        return self.state[len(self.losses.state) : -1].reshape(self.points, len(self.columns))

    def run(self, step: int) -> None:
        """Do a step of the loss, or measure one point."""
        if step < self.losses.steps:
            self.losses.run(step)
            return
        point = step - self.losses.steps
        self.table[point] = self.measure(point_of(self.center, self.directions, self.axes, point))
        self.state[-1] = point + 1

    @property
    def grain(self) -> int:
        """One: a point is evaluated by itself."""
        return 1

    def rows(self, first: int, last: int) -> Array:
        """Copy the sums and the metrics of points first … last − 1, [last − first, 6 + M]."""
        return np.hstack([self.losses.rows(first, last), self.table[first:last]])

    def put(self, first: int, rows: Array) -> None:
        """Set the sums and the metrics of the points from `first` on."""
        count = rows.shape[1] - len(self.columns)
        self.losses.put(first, rows[:, :count])
        self.table[first : first + len(rows)] = rows[:, count:]

    def compute(self, first: int, last: int, step: int) -> None:
        """Complete the sums of points first … last − 1 that the first `step` steps left, and measure what these did not."""
        self.losses.compute(first, last, step)
        for point in range(max(first, step - self.losses.steps), last):
            self.table[point] = self.measure(point_of(self.center, self.directions, self.axes, point))

    def close(self) -> None:
        """Mark all steps as done."""
        self.losses.close()
        self.state[-1] = self.points

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points have seen every part of the data and are measured, bool [K]."""
        return np.asarray(self.losses.point_done() & (np.arange(self.points) < self.state[-1]))

    def finish(self) -> dict[str, Array]:
        """Give each column [K]; points that are not done are NaN."""
        measured = np.arange(self.points) < self.state[-1]
        columns = zip(self.columns, self.table.T, strict=True)
        return self.losses.finish() | {name: np.where(measured, column, np.nan) for name, column in columns}


def point_of(center: Array, directions: Array, axes: tuple[Array, ...], number: int) -> Array:
    """Give the θ of a point of a grid, counted in C order.

    >>> point_of(np.zeros(2), np.eye(2), (np.array([0.0, 1.0]), np.array([2.0, 3.0])), 2).tolist()
    [1.0, 2.0]
    """
    place = np.unravel_index(number, [len(axis) for axis in axes])
    coordinates = np.array([axis[index] for axis, index in zip(axes, place, strict=True)])
    return np.asarray(center + coordinates @ directions)
