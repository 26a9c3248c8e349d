"""`mean`, `globalavgpool` and sums: over an axis."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_share
from landscape.kernels.cpu.ops.linear import linear_rules
from landscape.program.table import Column

GROUPS, WIDE, OUT = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT)


@kernel
def mean_linear(network, i, d, into, reverse):
    """Add the mean over an axis, or the sum times the attribute where there is one; in reverse its share of d to each place of the axis."""
    row, share = network.rows[i], network.attributes[i]
    count, rows = row[WIDE], row[OUT]
    if share == 0:
        share = d.dtype.type(1) / d.dtype.type(count)
    for g in range(row[GROUPS]):
        for k in range(count):
            near, far = (g * count + k) * rows, g * rows
            if reverse:
                add_share(d[far : far + rows], share, into[near : near + rows])
            else:
                add_share(d[near : near + rows], share, into[far : far + rows])


RULES = linear_rules("mean", mean_linear)
