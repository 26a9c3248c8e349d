"""How much a block stores beside a network's outputs, and what a network needs beyond the rules of dense networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cuda.dispatch import modules_of
from landscape.kernels.cuda.table import GENERAL, NARROW, USUAL_ACTIVATIONS
from landscape.program.codes import Op
from landscape.program.table import Column, Geometry

# Data, and a mask that a training draws, are there before the rules run.
NARROW_OPS = (Op.INPUT, Op.MASK, *(Op[name.upper()] for name in NARROW))


def needs_wide(rows: NDArray[np.int64]) -> bool:
    """Say whether a program has a row that dense networks have not."""
    return not np.isin(rows[:, Column.OP], NARROW_OPS).all()


def general_ops(*programs: NDArray[np.int64]) -> tuple[int, ...]:
    """Give the codes of all ops in a network's programs where one of them is general, else none."""
    found = {int(op) for rows in programs for op in rows[:, Column.OP]}
    return tuple(sorted(found)) if found & {int(Op[name.upper()]) for name in GENERAL} else ()


def has_single(rows: NDArray[np.int64]) -> bool:
    """Say whether a program has an output that is the same for all examples."""
    return bool((rows[:, Column.NUMBERS] > 0).any())


def unusual_activations(rows: NDArray[np.int64]) -> tuple[int, ...]:
    """Give the codes of the activations in a program that not all kernels have."""
    codes = {int(code) for code in rows[:, Column.CODE]}
    return tuple(sorted(code for code in codes if code >= USUAL_ACTIVATIONS))


def scratch_features(rows: NDArray[np.int64], geometry: NDArray[np.int64]) -> int:
    """Count the rows of a workspace that the rules for derivatives note things in."""
    modules, shapes, found = modules_of(True), full_geometry(rows, geometry), 0
    for i, row in enumerate(rows):
        module = modules.get(int(row[Column.OP]))
        if module is not None and hasattr(module, "scratch_rows"):
            found = max(found, int(module.scratch_rows(row, shapes[i])))
    return found


def full_geometry(rows: NDArray[np.int64], geometry: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give every row a line of geometry where the rules of other than dense networks read it."""
    if len(geometry) or not needs_wide(rows):
        return geometry
    return np.full((len(rows), len(Geometry)), -1, np.int64)
