"""`avgpool2d`, channels last: a window's pixels are blocks of rows. The average counts the padding."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_share
from landscape.kernels.cpu.ops.linear import linear_rules
from landscape.kernels.cpu.views import pixel
from landscape.kernels.cpu.windows import KX, KY, OH, OW, PX, PY, SX, SY, C, H, W, window


@kernel
def avgpool_linear(network, i, d, into, reverse):
    """Add each window's mean to `into`, or in reverse its share of d to each pixel."""
    shape = network.geometry[i]
    share = d.dtype.type(1) / d.dtype.type(shape[KY] * shape[KX])
    for v in range(shape[OH]):
        _, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], 1)
        for u in range(shape[OW]):
            _, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], 1)
            place = v * shape[OW] + u
            for a in range(ny):
                for b in range(nx):
                    there = (top + a) * shape[W] + left + b
                    if reverse:
                        add_share(pixel(d, place, shape[C]), share, pixel(into, there, shape[C]))
                    else:
                        add_share(pixel(d, there, shape[C]), share, pixel(into, place, shape[C]))


RULES = linear_rules("avgpool", avgpool_linear)
