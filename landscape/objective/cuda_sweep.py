"""A grid of points in work on a GPU: a step is a block of tiles at a run of points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cuda.arrays import Grid, Plan, SweepBuffers
from landscape.kernels.cuda.sweep import MOST_AXES
from landscape.kernels.program import Column, Geometry, Program
from landscape.objective.gpu import in_runs
from landscape.objective.sweep import NetworkSweep, point_work

if TYPE_CHECKING:
    from landscape.objective.cuda import CudaObjective

# What the points of a step share takes about so many bytes, and a step about so many multiply-adds: tenths of a second.
SHARED_BYTES, STEP_WORK = 512 * 2**20, 1e12
FEWEST_POINTS = 256


class CudaSweep(NetworkSweep):
    """Losses of a network over a grid; steps go by groups of slots of tiles, and within a group by runs of points."""

    objective: CudaObjective

    def allocate(self, shared: int, products: int) -> None:
        """Put the plan and the grid on the GPU, and choose how many tiles share a launch."""
        if len(self.lengths) > MOST_AXES:
            raise InputError(f"expected at most {MOST_AXES} directions on a GPU, found {len(self.lengths)}")
        objective, put = self.objective, self.objective.gpu.put
        self.heights = shared, products
        ranges = np.concatenate([self.plan.ranges, running_statistics(objective.plain.program)])
        self.plan_on_gpu = Plan(*map(put, self.plan._replace(ranges=ranges)))
        self.grid_on_gpu = Grid(*map(put, self.grid))
        each = (shared + len(self.grid.vectors) * products) * objective.shape.width * objective.dtype.itemsize
        # Groups do not reach over the blocks in which the data are read.
        self.group = max(1, min(SHARED_BYTES // (each * objective.shape.slot), objective.slots(0)))
        self.groups = [
            (number, first, min(first + self.group, objective.slots(number)))
            for number in range(objective.tiles.blocks)
            for first in range(0, objective.slots(number), self.group)
        ]
        self.shared_arrays: tuple[Any, Any] | None = None

    @property
    def parts(self) -> int:
        """Parts of the data that a step sums over."""
        return len(self.groups)

    def points_a_step(self) -> int:
        """Choose how many points a step has, whatever the GPU, since a resume counts steps."""
        examples = self.group * self.objective.shape.slot * self.objective.shape.width
        work = point_work(self.objective.plain.program, self.plan) * examples
        return min(self.points, max(FEWEST_POINTS, int(STEP_WORK / work)))

    def prepare(self) -> None:
        """Compile nothing beforehand: the first step does."""

    def work_off(self, number: int, first: int, last: int) -> None:
        """Add a group's sums at points first … last − 1."""
        block, start, stop = self.groups[number]
        found = np.zeros((last - first, stop - start, SUMS))

        def one_run(run: slice) -> None:
            if self.ready != (number, run.start, run.stop):
                self.shared_arrays = None
                self.shared_arrays = self.share_slots(block, start + run.start, start + run.stop)
                self.ready = (number, run.start, run.stop)
            found[:, run] = self.run_points(block, start + run.start, first, last, run.stop - run.start)

        in_runs(stop - start, stop - start, one_run, self.objective.told_need)
        state = self.state[:-1].reshape(self.points, SUMS)
        for slot in range(stop - start):
            state[first:last] += found[:, slot]

    def share_slots(self, block: int, start: int, stop: int) -> tuple[Any, Any]:
        """Compute what all points share of the tiles of some slots."""
        objective, gpu, (shared, products) = self.objective, self.objective.gpu, self.heights
        slot, width = objective.shape.slot, objective.shape.width
        batch, network = objective.batch(block), objective.program_on_gpu(objective.plain)[0]
        tiles = min(stop * slot, len(batch.valid)) - start * slot
        arrays = (
            gpu.empty((tiles, shared * width), objective.dtype),
            gpu.empty((tiles, len(self.grid.vectors), products * width), objective.dtype),
        )
        common = (network, self.plan_on_gpu, self.grid_on_gpu)
        made, shape = objective.kernels, objective.shape
        first, kind = np.int64(start * slot), objective.dtype
        gpu.run(made.share_fixed, shape, kind, min(tiles, gpu.blocks), 0, *common, batch, first, arrays[0])
        items = min(tiles * len(self.grid.vectors), gpu.blocks)
        gpu.run(made.share_products, shape, kind, items, 0, *common, *arrays)
        return arrays

    def run_points(self, block: int, start: int, first: int, last: int, slots: int) -> NDArray[np.float64]:
        """Sum at points first … last − 1 over each slot of the shared tiles, [K, slots, 6]."""
        objective, gpu = self.objective, self.objective.gpu
        assert self.shared_arrays is not None
        features, parameters = objective.plain.program.features, self.grid.vectors.shape[1]
        blocks, dynamic, work = objective.work_memory(features, (last - first) * slots, parameters)
        weights = gpu.empty((blocks, parameters), objective.dtype)
        out = gpu.empty((last - first, slots, SUMS), np.float64)
        gpu.run(
            objective.kernels.sweep, objective.shape, objective.dtype, blocks, dynamic, np.int64(first), np.int64(last),
            objective.program_on_gpu(objective.plain)[0], self.plan_on_gpu, self.grid_on_gpu, objective.batch(block),
            np.int64(start * objective.shape.slot), objective.loss_criterion, *self.shared_arrays, SweepBuffers(work, weights), out,
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
