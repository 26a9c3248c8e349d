"""The mean over an axis of `wide` places."""

from __future__ import annotations

from landscape.kernels.cuda.linear import linear_rules, one_of
from landscape.kernels.cuda.rows import OUT, WIDE
from landscape.kernels.cuda.shape import REAL


def axis_mean(row, shape, d, f, j, reverse):
    """Give one mean, or a place's share of it."""
    count, rows, total = row[WIDE], row[OUT], REAL(0)
    share = REAL(1) / REAL(count)
    if reverse:
        return share * one_of(d, f // (count * rows) * rows + f % rows, j, True)
    for k in range(count):
        total += one_of(d, (f // rows * count + k) * rows + f % rows, j, True)
    return share * total


RULES = linear_rules("mean", axis_mean)
DEVICE = (axis_mean,)
