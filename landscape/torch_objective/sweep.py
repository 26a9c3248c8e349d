"""A grid of points in work: θ is made where it is used, from a centre and directions that lie on the device."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.objective.functions import checked
from landscape.torch_objective.host import Host

Array = NDArray[np.float64]


class TorchSweep:
    """Losses and metrics over a grid, a point a step; `state` holds a row of numbers for each point, then the number of steps done.

    Parameters
    ----------
    host
        Of the module.
    measure
        What gives the numbers at the θ where the host is.
    names
        Of these numbers.
    center, directions, axes
        The grid center + Σ αᵢ directions[i], αᵢ from axes[i].
    """

    def __init__(
        self,
        host: Host,
        measure: Callable[[], list[float]],
        names: tuple[str, ...],
        center: ArrayLike,
        directions: ArrayLike,
        axes: tuple[Array, ...],
    ) -> None:
        rows = np.array([checked(row, host.size) for row in np.atleast_2d(np.asarray(directions))])
        if len(rows) != len(axes):
            raise InputError(f"expected an axis for each of {len(rows)} directions, found {len(axes)}")
        self.host, self.measure, self.names, self.axes = host, measure, names, axes
        self.center, self.directions = checked(center, host.size), rows
        self.there: tuple[Any, Any] | None = None
        self.theta: Any = None
        self.steps = math.prod(len(axis) for axis in axes)
        self.state = np.zeros(self.steps * len(names) + 1)

    def run(self, step: int) -> None:
        """Evaluate one point."""
        places = np.unravel_index(step, [len(axis) for axis in self.axes])
        if self.there is None:
            self.there = self.host.as_wide(self.center), self.host.as_wide(self.directions)
            self.theta = self.host.torch.empty_like(self.there[0])
        point, directions = self.there
        for axis, place, direction in zip(self.axes, places, directions, strict=True):
            # Into the same memory at each point: it is as large as the network.
            point = self.host.torch.add(point, direction, alpha=float(axis[place]), out=self.theta)
        with self.host.lent():
            self.host.place(point)
            found = self.measure()
        count = len(self.names)
        self.state[step * count : (step + 1) * count] = found
        self.state[-1] = step + 1

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done, bool [K]."""
        return np.asarray(np.arange(self.steps) < self.state[-1])

    def finish(self) -> dict[str, Array]:
        """Give each column [K]; points that are not done are NaN."""
        table = self.state[:-1].reshape(self.steps, len(self.names))
        return {
            name: np.where(self.point_done(), column, np.nan)
            for name, column in zip(self.names, table.T, strict=True)
        }
