"""Transposition: row p·wide + q of the input is row q·groups + p of the output."""

from __future__ import annotations

from landscape.kernels.cuda.linear import linear_rules, one_of
from landscape.kernels.cuda.rows import GROUPS, WIDE


def turned(row, shape, d, f, j, reverse):
    """Give one number of an order turned, or turned back."""
    groups, wide = row[GROUPS], row[WIDE]
    g = f % wide * groups + f // wide if reverse else f % groups * wide + f // groups
    return one_of(d, g, j, True)


RULES = linear_rules("transpose", turned)
DEVICE = (turned,)
