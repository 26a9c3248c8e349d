"""The evaluation of a grid of points, step by step, with the columns of a scan as results."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu.losses import SUMS
from landscape.objective.engine import GridSums
from landscape.objective.rows import Rows

Array = NDArray[np.float64]


class NetworkSweep(Rows):
    """Losses of a network over a grid; steps go part by part of the data, and within a part by runs of points.

    `state` holds the six sums of each point, then the number of steps done.

    Parameters
    ----------
    sums
        What an engine prepared for the grid.
    points
        How many points the grid has.
    columns
        What turns sums [K, 6] into columns [K], as `NetworkObjective.columns` does.
    """

    def __init__(self, sums: GridSums, points: int, columns: Callable[[Array], dict[str, Array]]) -> None:
        self.sums, self.points, self.columns = sums, points, columns
        self.run_length = sums.points_a_step
        self.runs = math.ceil(points / self.run_length)
        self.steps = sums.parts * self.runs
        self.state = np.zeros(points * SUMS + 1)
        self.names = tuple(columns(np.zeros((1, SUMS))))

    @property
    def table(self) -> Array:
        """View the sums in the state as one row for each point."""
        return self.state[:-1].reshape(self.points, SUMS)

    def run(self, step: int) -> None:
        """Add one part's sums at one run of points."""
        part, run = divmod(step, self.runs)
        first = run * self.run_length
        self.sums.add(part, first, min(self.points, first + self.run_length), self.table)
        self.state[-1] = step + 1

    def compute(self, first: int, last: int, step: int) -> None:
        """Add every part's sums at points first … last − 1, but those that the first `step` steps added."""
        for part in range(self.sums.parts):
            # Of a part that was begun, the points of its first runs were done.
            begun = min(max(0, step - part * self.runs), self.runs) * self.run_length
            if max(first, begun) < last:
                self.sums.add(part, max(first, begun), last, self.table)

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points have seen every part, bool [K]."""
        runs = np.arange(self.points) // self.run_length
        return np.asarray((self.sums.parts - 1) * self.runs + runs < self.state[-1])

    def finish(self) -> dict[str, Array]:
        """Give each column [K]; points that are not done are NaN."""
        done = self.point_done()
        return {name: np.where(done, column, np.nan) for name, column in self.columns(self.table).items()}
