"""Runs of points that workers compute: how long a run is, and how a worker computes it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.objective import HasSweep, Sweep
from landscape.objective.rows import PointSweep
from landscape.scanning.curvature_sweep import CurvatureSweep

Array = NDArray[np.float64]

# Seconds that a run should last: sending one takes about a millisecond, and one is lost with its worker.
SECONDS, LEAST_SECONDS = 5.0, 0.2
# Of what is left a run takes no more than this part of a worker's share, so that all end at about the same time.
PART = 0.5


class Portion(NamedTuple):
    """Points first … last − 1 of a split, with their numbers after the steps of the whole grid that were done; None after 0 steps."""

    split: str
    first: int
    last: int
    step: int
    rows: Array | None


@dataclass
class Grids:
    """What the runs of points share: how to make the objective of each split, and the grid."""

    makers: Mapping[str, Callable[[], HasSweep]]
    quantity: str
    center: Array
    directions: Array
    axes: tuple[Array, ...]
    sweeps: dict[str, Any] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"sweeps": {}}

    def do(self, portion: Portion) -> tuple[Array, float]:
        """Compute the numbers of a run of points, and return the time that it took, without preparations that are made once."""
        sweep, run = self.sweep(portion.split), (portion.first, portion.last)
        before = np.zeros_like(sweep.rows(*run)) if portion.rows is None else portion.rows
        sweep.put(portion.first, before)
        begun = time.perf_counter()
        sweep.compute(*run, portion.step)
        return sweep.rows(*run), time.perf_counter() - begun

    def sweep(self, split: str) -> PointSweep:
        """Give the sweep of a split, made at its first run of points."""
        if split not in self.sweeps:
            grid = (self.center, self.directions, self.axes)
            self.sweeps[split] = sweep_of(self.quantity, self.makers[split](), grid)
        found: PointSweep = self.sweeps[split]
        return found


def sweep_of(quantity: str, objective: HasSweep, grid: tuple[Array, Array, tuple[Array, ...]]) -> Sweep:
    """Prepare the grid of what was asked for."""
    return CurvatureSweep(objective, *grid) if quantity == "curvature" else objective.sweep(*grid)


@dataclass(frozen=True)
class Given:
    """An objective that is sent as it is."""

    objective: HasSweep

    def __call__(self) -> HasSweep:
        """Return it."""
        return self.objective


class Cutter:
    """A queue that cuts points that are not done into runs of about `SECONDS`, judging by the time of earlier runs.

    Parameters
    ----------
    open_points
        Which points are to be done, bool [K].
    grain
        How many are always evaluated together.
    line
        How many points the last axis has: whole lines are cheaper.
    workers
        How many share the work.

    Examples
    --------
    >>> cutter = Cutter(np.arange(100) >= 20, grain=1, line=10, workers=2)
    >>> cutter.next()
    (20, 21)
    >>> cutter.took(1, 0.25)
    >>> cutter.next(), cutter.next()
    ((21, 40), (40, 60))
    """

    def __init__(self, open_points: NDArray[np.bool_], grain: int, line: int, workers: int) -> None:
        self.open, self.grain, self.line, self.workers = np.array(open_points), grain, line, workers
        self.seconds: float | None = None

    def took(self, points: int, seconds: float) -> None:
        """Note how long a run took."""
        self.seconds = seconds / points

    def next(self) -> tuple[int, int] | None:
        """Give the next run, None if all points were given out."""
        if not self.open.any():
            return None
        first = int(np.argmax(self.open))
        first -= first % self.grain
        # Up to the next point that is done, or the end of the line in which the run ends.
        closed = np.flatnonzero(~self.open[first:])
        most = first + int(closed[0]) if closed.size and closed[0] else self.open.size
        last = min(most, self.rounded(first + self.wanted()))
        self.open[first:last] = False
        return first, last

    def wanted(self) -> int:
        """Say how many points the next run should have."""
        if self.seconds is None:
            return self.grain
        left = int(self.open.sum())
        share = max(1, math.floor(PART * left / self.workers))
        longest = max(1, math.ceil(SECONDS / max(self.seconds, 1e-9)))
        return max(min(share, longest), min(longest, math.ceil(LEAST_SECONDS / max(self.seconds, 1e-9))))

    def rounded(self, last: int) -> int:
        """Move the end of a run to the end of its line of the grid, or of points that are evaluated together."""
        unit = self.grain
        if self.seconds is not None and self.wanted() >= self.line:
            unit = math.lcm(self.grain, self.line)
        return min(self.open.size, math.ceil(last / unit) * unit)


def portions_of(split: str, sweep: PointSweep, cutter: Cutter, step: int) -> Iterator[Portion]:
    """Give the runs of a split, cut as they are asked for."""
    while (run := cutter.next()) is not None:
        yield Portion(split, *run, step, sweep.rows(*run) if step else None)
