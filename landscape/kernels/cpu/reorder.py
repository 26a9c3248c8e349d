"""Rows that own no parameters and are linear: an order turned, channels of zeros, a mean over an axis.

Each is one map that adds to its target, and its transpose in reverse.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_rows
from landscape.kernels.cpu.convolution import OC, OH, OW, SX, SY, C, W
from landscape.kernels.cpu.pooling import add_share
from landscape.kernels.program import Column, Geometry

GROUPS, WIDE, OUT = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT)
BEFORE = int(Geometry.BEFORE)


@kernel
def transpose_linear(row, d, into, reverse):
    """Add row p·wide + q of d to row q·groups + p of `into`, or back in reverse."""
    for p in range(row[GROUPS]):
        for q in range(row[WIDE]):
            f, g = p * row[WIDE] + q, q * row[GROUPS] + p
            if reverse:
                add_rows(d[g : g + 1], into[f : f + 1])
            else:
                add_rows(d[f : f + 1], into[g : g + 1])


@kernel
def pad_linear(shape, d, into, reverse):
    """Add every stride-th pixel of d to the middle channels of `into`, or back in reverse."""
    for v in range(shape[OH]):
        for u in range(shape[OW]):
            near = (v * shape[SY] * shape[W] + u * shape[SX]) * shape[C]
            far = (v * shape[OW] + u) * shape[OC] + shape[BEFORE]
            if reverse:
                add_rows(d[far : far + shape[C]], into[near : near + shape[C]])
            else:
                add_rows(d[near : near + shape[C]], into[far : far + shape[C]])


@kernel
def mean_linear(row, d, into, reverse):
    """Add the mean over an axis, or in reverse its share of d to each place of the axis."""
    count, rows = row[WIDE], row[OUT]
    share = d.dtype.type(1) / d.dtype.type(count)
    for g in range(row[GROUPS]):
        for k in range(count):
            near, far = (g * count + k) * rows, g * rows
            if reverse:
                add_share(d[far : far + rows], share, into[near : near + rows])
            else:
                add_share(d[near : near + rows], share, into[far : far + rows])
