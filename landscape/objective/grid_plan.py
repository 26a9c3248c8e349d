"""What the points of a grid share: which rows of a program no direction changes, and which follow from a product for each direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu import sweep as kernels
from landscape.objective.plan_check import LINEAR, check_plan
from landscape.program.table import Column, Program

Array = NDArray[np.float64]


def depends(program: Program, directions: NDArray) -> list[bool]:
    """Say for each row whether a direction changes it."""
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


def checked_plan(program: Program, directions: NDArray) -> tuple[kernels.Plan, int, int]:
    """Make a plan, and check that it keeps kernels inside the memory of its heights."""
    plan, shared, products = make_plan(program, directions)
    check_plan(program, plan, shared, products)
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


def padded(axes: tuple[Array, ...], dtype: np.dtype) -> NDArray:
    """Lay axes of different lengths into one array, in the kernels' dtype."""
    result = np.zeros((len(axes), max(len(axis) for axis in axes)), dtype)
    for line, axis in zip(result, axes, strict=True):
        line[: len(axis)] = axis
    return result
