"""Check that the plan of a scan keeps its kernels inside their buffers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InternalError
from landscape.kernels.cpu import rules
from landscape.kernels.cpu.sweep import Plan
from landscape.kernels.cpu.table import OPS
from landscape.program.table import Column, Program

# Products that are linear in their parameters, so that fixed inputs make them affine in the coordinates: those with a rule for it.
LINEAR = tuple(op for op, file in OPS.items() if rules.LINEAR in file.RULES)


def check_plan(program: Program, plan: Plan, shared: int, products: int) -> None:
    """Check that fixed rows are in shared memory, affine ones among the products, and that every other row reads computed values.

    Raises
    ------
    InternalError
        They do not.
    """
    rows, count = program.rows, len(program.rows)
    fixed, order = plan.fixed.tolist(), plan.order.tolist()
    require(
        sorted([*fixed, *order]) == list(range(1, count)) and sorted(order) == order,
        "does not run each row once",
    )
    affine = np.flatnonzero(plan.affine_places >= 0)
    require(
        np.array_equal(affine, plan.affine) and set(affine) <= set(order), "has affine rows without a place"
    )
    data = int(rows[0, Column.SIZE]) + 1
    require_inside(plan.inner[plan.fixed], rows[plan.fixed, Column.SIZE], data, shared, "fixed rows")
    require_inside(plan.affine_places[affine], rows[affine, Column.SIZE], 0, products, "affine rows")
    expected = rows[:, Column.OUTPUT].copy()
    expected[0], expected[plan.fixed] = -1, -1 - plan.inner[plan.fixed]
    require(
        np.array_equal(plan.places, expected) and plan.inner[0] == 0,
        "has outputs in other places than the program",
    )
    still = {0, *fixed}
    for row in (*fixed, *affine.tolist()):
        first, more = rows[row, [Column.FIRST, Column.INPUTS]].tolist()
        require(
            set(program.links[first : first + more].tolist()) <= still,
            f"has row {row} read what a point changes",
        )
    require(bool(np.isin(rows[affine, Column.OP], LINEAR).all()), "has affine rows that are no products")
    require_formed(program, plan)


def require(holds: bool, told: str) -> None:
    """Raise an error about a plan unless a condition holds."""
    if not holds:
        raise InternalError(f"the plan of a scan {told}")


def require_inside(
    starts: NDArray[np.int64], sizes: NDArray[np.int64], first: int, last: int, what: str
) -> None:
    """Require intervals inside a buffer that do not overlap."""
    spans = sorted(zip(starts.tolist(), (starts + sizes).tolist(), strict=True))
    inside = all(first <= start and stop <= last for start, stop in spans)
    require(
        inside and all(a[1] <= b[0] for a, b in pairwise(spans)),
        f"has {what} at {spans} of {first} to {last}",
    )


def require_formed(program: Program, plan: Plan) -> None:
    """Require that all parameters read by a point's rows are computed for it, and nothing beyond the vector."""
    formed = np.zeros(program.parameters, bool)
    for start, stop in plan.ranges.tolist():
        require(
            0 <= start <= stop <= program.parameters,
            f"forms parameters {start} to {stop} of {program.parameters}",
        )
        formed[start:stop] = True
    for row in plan.order.tolist():
        read = program.normalizations if plan.affine_places[row] >= 0 else program.ranges
        require(
            all(formed[start:stop].all() for start, stop in read[row]),
            f"leaves parameters of row {row} as they are",
        )
