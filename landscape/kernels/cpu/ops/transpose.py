"""Transposition: row p·wide + q of an image becomes row q·groups + p."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.lanes import lane_copy
from landscape.kernels.cpu.ops.linear import linear_rules
from landscape.kernels.cpu.vectors import lanes_of
from landscape.kernels.cpu.views import flat
from landscape.program.table import Column

GROUPS, WIDE = int(Column.GROUPS), int(Column.WIDE)


@kernel
def transpose_linear(network, i, d, into, reverse):
    """Add row p·wide + q of d to row q·groups + p of `into`, or back in reverse."""
    row = network.rows[i]
    groups, wide, width, source, target = row[GROUPS], row[WIDE], d.shape[1], flat(d), flat(into)
    for p in range(groups):
        for j in range(0, width, lanes_of(d)):
            near, far = p * wide * width + j, p * width + j
            if reverse:
                lane_copy(wide, source, far, groups * width, True, target, near, width)
            else:
                lane_copy(wide, source, near, width, True, target, far, groups * width)


RULES = linear_rules("transpose", transpose_linear)
