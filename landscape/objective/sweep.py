"""A grid of points in work: what its points share, and the loop over tiles of examples and runs of points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.kernels.cpu import sweep as kernels
from landscape.kernels.cpu.arrays import Batch, SweepBuffers
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cpu.table import SWEEPS
from landscape.kernels.program import Column, Program
from landscape.objective import aligned
from landscape.objective.plan_check import LINEAR, check_plan
from landscape.objective.session import session, share_work

if TYPE_CHECKING:
    from landscape.objective.network import NetworkObjective

Array = NDArray[np.float64]

# A step should last a fraction of a second: about so many multiply-adds.
STEP_WORK = 4e9
# Fewer numbers of products are had before another thread is awake.
SHARED_BY_ONE = 2**15


def depends(program: Program, directions: NDArray) -> list[bool]:
    """Say of each row whether a direction changes it."""
    result = [False]
    for i in range(1, len(program.rows)):
        first, count = program.rows[i, Column.FIRST], program.rows[i, Column.INPUTS]
        sources = program.links[first : first + count]
        own = any(np.any(directions[:, start:stop]) for start, stop in program.ranges[i])
        result.append(own or any(result[k] for k in sources))
    return result


def make_plan(program: Program, directions: NDArray) -> tuple[kernels.Plan, int, int]:
    """Sort rows into fixed, affine and others; give the plan and the heights of shared memory and of affine products."""
    changes, rows = depends(program, directions), program.rows
    places, inner = rows[:, Column.OUTPUT].copy(), np.zeros(len(rows), np.int64)
    places[0] = -1
    fixed, affine, order = list[int](), list[int](), list[int]()
    ranges: list[tuple[int, int]] = []
    affine_places, shared, products = np.full(len(rows), -1), int(rows[0, Column.SIZE]) + 1, 0
    for i in range(1, len(rows)):
        sources = program.links[rows[i, Column.FIRST] :][: rows[i, Column.INPUTS]]
        if not changes[i]:
            fixed.append(i)
            inner[i], places[i] = shared, -1 - shared
            shared += int(rows[i, Column.SIZE])
        elif rows[i, Column.OP] in LINEAR and not any(changes[k] for k in sources):
            affine.append(i)
            order.append(i)
            ranges += program.normalizations[i]
            affine_places[i] = products
            products += int(rows[i, Column.SIZE])
        else:
            order.append(i)
            ranges += program.ranges[i]
    plan = kernels.Plan(
        fixed=np.array(fixed, np.int64),
        affine=np.array(affine, np.int64),
        order=np.array(order, np.int64),
        places=places,
        inner=inner,
        affine_places=affine_places.astype(np.int64),
        ranges=np.array(joined(ranges), np.int64).reshape(-1, 2),
    )
    return plan, shared, products


def joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join parts of a vector that follow on each other.

    Examples
    --------
    >>> joined([(4, 6), (0, 3), (2, 4), (1, 2), (8, 9)])
    [(0, 6), (8, 9)]
    """
    result: list[tuple[int, int]] = []
    for start, stop in sorted(set(ranges)):
        if result and start <= result[-1][1]:
            first, last = result.pop()
            start, stop = first, max(last, stop)
        result.append((start, stop))
    return result


def point_work(program: Program, plan: kernels.Plan) -> float:
    """Count the multiply-adds of one point for one example, roughly."""
    rows = program.rows[plan.order[plan.affine_places[plan.order] < 0]]
    products = sum(float(row[Column.SIZE] * row[Column.WIDE]) for row in rows if row[Column.OP] in LINEAR)
    return products + 16.0 * float(program.rows[:, Column.SIZE].sum())


class NetworkSweep:
    """Losses of a network over a grid; steps go tile by tile, and within a tile by runs of points.

    `state` holds the six sums of each point, then the number of steps done.
    """

    def __init__(
        self, objective: NetworkObjective, center: NDArray, directions: NDArray, axes: tuple[Array, ...]
    ) -> None:
        if len(directions) != len(axes):
            raise InputError(f"expected an axis for each of {len(directions)} directions, found {len(axes)}")
        self.objective = objective
        self.lengths = np.array([len(axis) for axis in axes], np.int64)
        self.points = math.prod(self.lengths.tolist())
        vectors = np.concatenate([objective.complete(center), objective.complete(directions, 0.0)])
        self.grid = kernels.Grid(vectors, padded(axes, objective.dtype), self.lengths)
        self.plan, shared, products = make_plan(objective.plain.program, vectors[1:])
        check_plan(objective.plain.program, self.plan, shared, products)
        self.allocate(shared, products)
        self.run_length = self.points_a_step()
        self.runs = math.ceil(self.points / self.run_length)
        self.steps = self.parts * self.runs
        self.state = np.zeros(self.points * SUMS + 1)
        self.names = tuple(objective.columns(np.zeros((1, SUMS))))
        self.ready: object = -1
        self.prepare()

    def allocate(self, shared: int, products: int) -> None:
        """Take all the memory of the sweep: what a tile's points share and what each worker has to itself."""
        objective, width = self.objective, self.objective.tiles.width
        vectors, dtype, workers = self.grid.vectors, objective.dtype, objective.threads
        self.shared = aligned.zeros(shared * width, dtype)
        self.products = aligned.zeros((len(vectors), products * width), dtype)
        self.scratch = aligned.zeros((objective.plain.program.scratch, width), dtype)
        self.buffers = SweepBuffers(
            **objective.common(objective.plain.program),
            weights=np.repeat(vectors[:1], workers, axis=0),
            base=np.repeat(vectors[:1], workers, axis=0),
            base_products=aligned.zeros((workers, products * width), dtype),
        )

    @property
    def parts(self) -> int:
        """Parts of the data that a step sums over: tiles."""
        return self.objective.tiles.count

    def points_a_step(self) -> int:
        """Choose how many points a step has, whatever the number of threads, since a resume counts steps."""
        work = point_work(self.objective.plain.program, self.plan) * self.objective.tiles.width
        return min(self.points, max(16, int(STEP_WORK / work)))

    def prepare(self) -> None:
        """Compile what is not compiled yet, on no points, so that the steps can be timed."""
        self.work_off(0, 0, 0)

    def run(self, step: int) -> None:
        """Add one tile's sums at one run of points."""
        number, run = divmod(step, self.runs)
        self.work_off(number, run * self.run_length, min(self.points, (run + 1) * self.run_length))
        self.state[-1] = step + 1

    def work_off(self, number: int, first: int, last: int) -> None:
        """Add a tile's sums at points first … last − 1."""
        objective = self.objective
        objective.prepare(objective.plain, SWEEPS)
        batch, t = objective.tiles.tile(number)
        with session():
            if self.ready != number:
                self.share(batch, t)
                self.ready = number
            workers = max(1, min(objective.threads, last - first))
            share_work(
                kernels.sweep, workers, np.zeros(1, np.int64), first, last, objective.plain.network, self.plan, self.grid, batch, t, objective.criterion,
                self.shared, self.products, self.buffers, self.state[:-1].reshape(self.points, SUMS),
            )  # fmt: skip

    def share(self, batch: Batch, t: int) -> None:
        """Compute what all points share of a tile."""
        objective, network = self.objective, self.objective.plain.network
        kernels.share_fixed(network, self.plan, self.grid, batch, t, self.shared, self.scratch)
        workers = objective.threads if self.products.size >= SHARED_BY_ONE else 1
        share_work(
            kernels.share_products, workers, network, self.plan, self.grid, self.shared, self.products,
            self.buffers.scratch, objective.tiles.width,
        )  # fmt: skip

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points have seen every tile, bool [K]."""
        runs = np.arange(self.points) // self.run_length
        return np.asarray((self.parts - 1) * self.runs + runs < self.state[-1])

    def finish(self) -> dict[str, Array]:
        """Give each column [K]; points that are not done are NaN."""
        columns = self.objective.columns(self.state[:-1].reshape(self.points, SUMS))
        done = self.point_done()
        return {name: np.where(done, column, np.nan) for name, column in columns.items()}


def padded(axes: tuple[Array, ...], dtype: np.dtype) -> NDArray:
    """Lay axes of different lengths into one array, in the kernels' dtype."""
    result = np.zeros((len(axes), max(len(axis) for axis in axes)), dtype)
    for line, axis in zip(result, axes, strict=True):
        line[: len(axis)] = axis
    return result
