"""How much a block notes beside a network's outputs, and whether a network needs the rules of `wider.py`; on the host."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cuda.attention import NOTES
from landscape.kernels.cuda.layernorm import NOTED, SUMMED
from landscape.kernels.program import Column, Geometry, Op

NARROW_OPS = (Op.INPUT, Op.DENSE, Op.ACTIVATION, Op.ADD, Op.MULTIPLY, Op.CONCAT, Op.MASK)


def needs_wide(rows: NDArray[np.int64]) -> bool:
    """Say whether a program has a row that dense networks have not."""
    return not np.isin(rows[:, Column.OP], NARROW_OPS).all()


def scratch_features(rows: NDArray[np.int64], geometry: NDArray[np.int64]) -> int:
    """Count the rows of a workspace that the rules for derivatives note things in."""
    found = 0
    for i, row in enumerate(rows):
        groups, wide, out = (int(row[column]) for column in (Column.GROUPS, Column.WIDE, Column.OUT))
        if row[Column.OP] == Op.LAYERNORM:
            found = max(found, NOTED * groups + SUMMED * wide)
        elif row[Column.OP] in (Op.BATCHNORM, Op.CONVOLUTION):
            found = max(found, out)
        elif row[Column.OP] == Op.ATTENTION:
            found = max(found, NOTES * groups * int(geometry[i, Geometry.HEADS]))
    return found


def full_geometry(rows: NDArray[np.int64], geometry: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give every row a line of geometry where the rules of `wider.py` read it."""
    if len(geometry) or not needs_wide(rows):
        return geometry
    return np.full((len(rows), len(Geometry)), -1, np.int64)
