"""A grid of points that can be computed elsewhere, each with its own row of numbers in the state."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from landscape.objective.protocol import Sweep

Array = NDArray[np.float64]


@runtime_checkable
class PointSweep(Sweep, Protocol):
    """A sweep that also computes any run of its points by itself, with the bits that its steps give.

    `points` is how many there are, `grain` how many are always evaluated together: runs begin and end at multiples of it.
    """

    points: int

    @property
    def grain(self) -> int:
        """How many points are always evaluated together."""

    def rows(self, first: int, last: int) -> Array:
        """Copy the numbers of points first … last − 1 in the state, [last − first, W]."""

    def put(self, first: int, rows: Array) -> None:
        """Set the numbers of the points from `first` on."""

    def compute(self, first: int, last: int, step: int) -> None:
        """Complete the numbers of points first … last − 1, which are those that the first `step` steps left."""

    def close(self) -> None:
        """Mark all steps as done, after every point's numbers were set."""


class Rows(ABC):
    """The state of a sweep whose steps evaluate whole runs of points: one row for each point, then the number of steps done.

    A sweep that is one has `state`, `points` and `steps`.
    """

    state: Array
    points: int
    steps: int

    @abstractmethod
    def run(self, step: int) -> None:
        """Do one step of work."""

    @property
    def grain(self) -> int:
        """The number of points that a step evaluates, by default one."""
        return 1

    def rows(self, first: int, last: int) -> Array:
        """Copy the numbers of points first … last − 1, [last − first, W]."""
        return np.array(self.state[:-1].reshape(self.points, -1)[first:last])

    def put(self, first: int, rows: Array) -> None:
        """Set the numbers of the points from `first` on."""
        self.state[:-1].reshape(self.points, -1)[first : first + len(rows)] = rows

    def compute(self, first: int, last: int, step: int) -> None:
        """Evaluate points first … last − 1."""
        for number in range(first // self.grain, math.ceil(last / self.grain)):
            self.run(number)

    def close(self) -> None:
        """Take all steps for done."""
        self.state[-1] = self.steps
