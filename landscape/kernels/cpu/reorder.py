"""Rows that own no parameters and are linear: an order turned, channels of zeros, a mean over an axis.

Each is one map that adds to its target, and its transpose in reverse.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_rows
from landscape.kernels.cpu.convolution import OC, OH, OW, SX, SY, C, W
from landscape.kernels.cpu.lanes import lane_copy, lanes_of
from landscape.kernels.cpu.pooling import add_share
from landscape.kernels.program import Column, Geometry

GROUPS, WIDE, OUT = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT)
BEFORE = int(Geometry.BEFORE)


@kernel
def transpose_linear(row, d, into, reverse):
    """Add row p·wide + q of d to row q·groups + p of `into`, or back in reverse."""
    groups, wide, width, source, target = row[GROUPS], row[WIDE], d.shape[1], d.reshape(-1), into.reshape(-1)
    for p in range(groups):
        for j in range(0, width, lanes_of(d)):
            near, far = p * wide * width + j, p * width + j
            if reverse:
                lane_copy(wide, source, far, groups * width, True, target, near, width)
            else:
                lane_copy(wide, source, near, width, True, target, far, groups * width)


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
