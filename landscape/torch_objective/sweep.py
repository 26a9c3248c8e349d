"""The evaluation of a grid of points, with θ computed on the device."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.objective.functions import checked
from landscape.objective.rows import Rows
from landscape.torch_objective.host import Host
from landscape.torch_objective.many import Measure

Array = NDArray[np.float64]


class TorchSweep(Rows):
    """Losses and metrics over a grid, in runs of points; `state` holds a row of numbers for each point, then the number of steps done.

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
    length
        How many points a step evaluates.
    many
        What gives the numbers at many points at once, where there is such a way.
    """

    def __init__(
        self,
        host: Host,
        measure: Callable[[], list[float]],
        names: tuple[str, ...],
        center: ArrayLike,
        directions: ArrayLike,
        axes: tuple[Array, ...],
        length: int = 1,
        many: Measure | None = None,
    ) -> None:
        rows = np.array([checked(row, host.size) for row in np.atleast_2d(np.asarray(directions))])
        if len(rows) != len(axes):
            raise InputError(f"expected an axis for each of {len(rows)} directions, found {len(axes)}")
        self.host, self.measure, self.names, self.axes = host, measure, names, axes
        self.center, self.directions = checked(center, host.size), rows
        self.many = many
        self.there: tuple[Any, Any] | None = None
        self.theta: Any = None
        self.length, self.points = length, math.prod(len(axis) for axis in axes)
        self.steps = math.ceil(self.points / length)
        self.state = np.zeros(self.points * len(names) + 1)

    def run(self, step: int) -> None:
        """Evaluate one run of points; the module is lent once for all of them."""
        if self.there is None:
            self.there = self.host.as_wide(self.center), self.host.as_wide(self.directions)
            self.theta = self.host.torch.empty_like(self.there[0])
        count, numbers = (
            len(self.names),
            range(step * self.length, min(self.points, (step + 1) * self.length)),
        )
        with self.host.lent():
            if self.many is not None:
                points = self.host.torch.stack([self.point(number).clone() for number in numbers])
                self.state[numbers.start * count : numbers.stop * count] = self.many(points).ravel()
                numbers = range(0)
            for number in numbers:
                self.host.place(self.point(number))
                self.state[number * count : (number + 1) * count] = self.measure()
        self.state[-1] = step + 1

    @property
    def grain(self) -> int:
        """The points of a run: many at once may have other last bits than one."""
        return self.length

    def point(self, number: int) -> Any:
        """Make the θ of a point, in the same memory each time: it is as large as the network."""
        assert self.there is not None
        point, directions = self.there
        places = np.unravel_index(number, [len(axis) for axis in self.axes])
        for axis, place, direction in zip(self.axes, places, directions, strict=True):
            point = self.host.torch.add(point, direction, alpha=float(axis[place]), out=self.theta)
        return point

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done, bool [K]."""
        return np.asarray(np.arange(self.points) < self.state[-1] * self.length)

    def finish(self) -> dict[str, Array]:
        """Give each column [K]; points that are not done are NaN."""
        table = self.state[:-1].reshape(self.points, len(self.names))
        return {
            name: np.where(self.point_done(), column, np.nan)
            for name, column in zip(self.names, table.T, strict=True)
        }
