"""`pad_channels`: every stride-th pixel, with channels of zeros before and after its own."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_rows
from landscape.kernels.cpu.ops.linear import linear_rules
from landscape.kernels.cpu.windows import OC, OH, OW, SX, SY, C, W
from landscape.program.table import Geometry

BEFORE = int(Geometry.BEFORE)


@kernel
def pad_linear(network, i, d, into, reverse):
    """Add every stride-th pixel of d to the middle channels of `into`, or back in reverse."""
    shape = network.geometry[i]
    for v in range(shape[OH]):
        for u in range(shape[OW]):
            near = (v * shape[SY] * shape[W] + u * shape[SX]) * shape[C]
            far = (v * shape[OW] + u) * shape[OC] + shape[BEFORE]
            if reverse:
                add_rows(d[far : far + shape[C]], into[near : near + shape[C]])
            else:
                add_rows(d[near : near + shape[C]], into[far : far + shape[C]])


RULES = linear_rules("pad_channels", pad_linear)
