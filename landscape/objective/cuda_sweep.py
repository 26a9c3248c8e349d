"""Sums at the points of a grid on a GPU, group by group of slots of tiles; what all points share in a group is computed once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cuda.arrays import Grid as GridOnGpu
from landscape.kernels.cuda.arrays import Plan, SweepBuffers
from landscape.kernels.cuda.sweep import MOST_AXES
from landscape.objective.cuda_network import CudaNetwork
from landscape.objective.engine import Grid
from landscape.objective.gpu import in_runs
from landscape.objective.grid_plan import checked_plan, padded, point_work
from landscape.program.table import Column, Geometry, Program

Array = NDArray[np.float64]

# What the points of a step share takes about so many bytes, and a step about so many multiply-adds: tenths of a second.
SHARED_BYTES, STEP_WORK = 512 * 2**20, 1e12
FEWEST_POINTS = 256


class CudaSweep:
    """Sums at the points of a grid, group by group of slots of tiles. Nothing is compiled beforehand: the first step does."""

    def __init__(self, network: CudaNetwork, grid: Grid) -> None:
        tiled, put = network.tiled, network.gpu.put
        self.network, self.points = network, grid.points
        lengths = np.array([len(axis) for axis in grid.axes], np.int64)
        axes = padded(grid.axes, tiled.dtype)
        self.plan, shared, products = checked_plan(tiled.plain.program, grid.vectors[1:])
        if len(lengths) > MOST_AXES:
            raise InputError(f"expected at most {MOST_AXES} directions on a GPU, found {len(lengths)}")
        self.vectors, self.heights = grid.vectors.shape, (shared, products)
        ranges = np.concatenate([self.plan.ranges, running_statistics(tiled.plain.program)])
        self.plan_on_gpu = Plan(*map(put, self.plan._replace(ranges=ranges)))
        self.grid_on_gpu = GridOnGpu(*map(put, (grid.vectors, axes, lengths)))
        each = (shared + len(grid.vectors) * products) * network.shape.width * tiled.dtype.itemsize
        # Groups do not reach over the blocks in which the data are read.
        self.group = max(1, min(SHARED_BYTES // (each * network.shape.slot), network.slots(0)))
        self.groups = [
            (number, first, min(first + self.group, network.slots(number)))
            for number in range(tiled.tiles.blocks)
            for first in range(0, network.slots(number), self.group)
        ]
        self.shared_arrays: tuple[Any, Any] | None = None
        self.ready: tuple[int, int, int] | None = None

    @property
    def parts(self) -> int:
        """How many groups of slots there are."""
        return len(self.groups)

    @property
    def points_a_step(self) -> int:
        """Choose how many points a step has, independent of the GPU, since a resume counts steps."""
        network = self.network
        examples = self.group * network.shape.slot * network.shape.width
        work = point_work(network.tiled.plain.program, self.plan) * examples
        return min(self.points, max(FEWEST_POINTS, int(STEP_WORK / work)))

    def add(self, part: int, first: int, last: int, sums: Array) -> None:
        """Add a group's sums at points first … last − 1."""
        block, start, stop = self.groups[part]
        found = np.zeros((last - first, stop - start, SUMS))

        def one_run(run: slice) -> None:
            if self.ready != (part, run.start, run.stop):
                self.shared_arrays = None
                self.shared_arrays = self.share_slots(block, start + run.start, start + run.stop)
                self.ready = (part, run.start, run.stop)
            found[:, run] = self.run_points(block, start + run.start, first, last, run.stop - run.start)

        in_runs(stop - start, stop - start, one_run, self.network.told_need)
        for slot in range(stop - start):
            sums[first:last] += found[:, slot]

    def share_slots(self, block: int, start: int, stop: int) -> tuple[Any, Any]:
        """Compute what all points share of the tiles of some slots."""
        network, gpu, (shared, products) = self.network, self.network.gpu, self.heights
        slot, width, dtype = network.shape.slot, network.shape.width, network.tiled.dtype
        batch, program = network.batch(block), network.program_on_gpu(network.tiled.plain)[0]
        tiles = min(stop * slot, len(batch.valid)) - start * slot
        count = self.vectors[0]
        arrays = (
            gpu.empty((tiles, shared * width), dtype),
            gpu.empty((tiles, count, products * width), dtype),
        )
        common = (program, self.plan_on_gpu, self.grid_on_gpu)
        first = np.int64(start * slot)
        network.run(network.kernels.share_fixed, min(tiles, gpu.blocks), 0, *common, batch, first, arrays[0])
        network.run(network.kernels.share_products, min(tiles * count, gpu.blocks), 0, *common, *arrays)
        return arrays

    def run_points(self, block: int, start: int, first: int, last: int, slots: int) -> Array:
        """Sum at points first … last − 1 over each slot of the shared tiles, [K, slots, 6]."""
        network, gpu, plain = self.network, self.network.gpu, self.network.tiled.plain
        assert self.shared_arrays is not None
        parameters = self.vectors[1]
        blocks, dynamic, work = network.work_memory(
            plain.program.features, (last - first) * slots, parameters
        )
        weights = gpu.empty((blocks, parameters), network.tiled.dtype)
        out = gpu.empty((last - first, slots, SUMS), np.float64)
        network.run(
            network.kernels.sweep, blocks, dynamic, np.int64(first), np.int64(last),
            network.program_on_gpu(plain)[0], self.plan_on_gpu, self.grid_on_gpu, network.batch(block),
            np.int64(start * network.shape.slot), network.criterion, *self.shared_arrays, SweepBuffers(work, weights), out,
        )  # fmt: skip
        return gpu.take(out)


def running_statistics(program: Program) -> NDArray[np.int64]:
    """List the intervals of [θ, constants] in which running statistics lie: no direction moves them, and a block's weights start as anything."""
    found = [
        (start, start + out)
        for line, out in zip(program.geometry, program.rows[:, Column.OUT], strict=False)
        for start in (line[Geometry.MEAN], line[Geometry.VARIANCE])
        if start >= 0
    ]
    return np.array(sorted(set(found)), np.int64).reshape(-1, 2)
