"""Sums at the points of a grid on the CPU, tile by tile; what all points share in a tile is computed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu import sweep as kernels
from landscape.kernels.cpu.arrays import Batch, SweepBuffers
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cpu.table import SWEEPS
from landscape.objective import aligned
from landscape.objective.cpu_network import CpuNetwork
from landscape.objective.engine import Grid
from landscape.objective.grid_plan import checked_plan, padded, point_work
from landscape.objective.session import session, share_work

Array = NDArray[np.float64]

# A step should last a fraction of a second: about so many multiply-adds.
STEP_WORK = 4e9
FEWEST_POINTS = 16
# Fewer numbers of products are had before another thread is awake.
SHARED_BY_ONE = 2**15


class CpuSweep:
    """Sums at the points of a grid, tile by tile.

    What the points share of a tile, and what each worker has to itself, is allocated at once, and all rules are compiled, so that the steps can
    be timed.
    """

    def __init__(self, network: CpuNetwork, grid: Grid) -> None:
        tiled = network.tiled
        self.network, self.points = network, grid.points
        lengths = np.array([len(axis) for axis in grid.axes], np.int64)
        self.grid = kernels.Grid(grid.vectors, padded(grid.axes, tiled.dtype), lengths)
        self.plan, shared, products = checked_plan(tiled.plain.program, grid.vectors[1:])
        dtype, width, workers = tiled.dtype, tiled.tiles.width, network.threads
        self.shared = aligned.zeros(shared * width, dtype)
        self.products = aligned.zeros((len(grid.vectors), products * width), dtype)
        self.scratch = aligned.zeros((tiled.plain.program.scratch, width), dtype)
        self.buffers = SweepBuffers(
            **network.common(tiled.plain.program),
            weights=np.repeat(grid.vectors[:1], workers, axis=0),
            base=np.repeat(grid.vectors[:1], workers, axis=0),
            base_products=aligned.zeros((workers, products * width), dtype),
        )
        self.ready = -1
        # No points: only what is not compiled yet.
        self.add(0, 0, 0, np.zeros((0, SUMS)))

    @property
    def parts(self) -> int:
        """How many tiles there are."""
        return self.network.tiled.tiles.count

    @property
    def points_a_step(self) -> int:
        """Choose how many points a step has, independent of the number of threads, since a resume counts steps."""
        tiled = self.network.tiled
        work = point_work(tiled.plain.program, self.plan) * tiled.tiles.width
        return min(self.points, max(FEWEST_POINTS, int(STEP_WORK / work)))

    def add(self, part: int, first: int, last: int, sums: Array) -> None:
        """Add a tile's sums at points first … last − 1."""
        network, tiled = self.network, self.network.tiled
        network.prepare(tiled.plain, SWEEPS)
        batch, t = tiled.tiles.tile(part)
        with session():
            if self.ready != part:
                self.share(batch, t)
                self.ready = part
            workers = max(1, min(network.threads, last - first))
            share_work(
                kernels.sweep, workers, np.zeros(1, np.int64), first, last, tiled.plain.network, self.plan, self.grid, batch, t, tiled.criterion,
                self.shared, self.products, self.buffers, sums,
            )  # fmt: skip

    def share(self, batch: Batch, t: int) -> None:
        """Compute what all points share of a tile."""
        network, tiled = self.network, self.network.tiled
        kernels.share_fixed(tiled.plain.network, self.plan, self.grid, batch, t, self.shared, self.scratch)
        workers = network.threads if self.products.size >= SHARED_BY_ONE else 1
        share_work(
            kernels.share_products, workers, tiled.plain.network, self.plan, self.grid, self.shared, self.products,
            self.buffers.scratch, tiled.tiles.width,
        )  # fmt: skip
