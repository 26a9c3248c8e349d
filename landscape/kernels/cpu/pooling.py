"""`maxpool2d` and `avgpool2d`, channels last: a window's pixels are blocks of rows.

The maximum is the first of its window, as PyTorch's, and a NaN wins; the average counts the padding.
"""

from __future__ import annotations

from landscape.formulas.primitives import larger
from landscape.jit import kernel
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.convolution import KX, KY, OH, OW, PX, PY, SX, SY, C, H, W, window
from landscape.kernels.cpu.views import flat, pixel


@kernel
def maxpool_value(shape, x, y):
    """Set y [F, B] to the largest of each window."""
    for v in range(shape[OH]):
        _, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], 1)
        for u in range(shape[OW]):
            _, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], 1)
            out = pixel(y, v * shape[OW] + u, shape[C])
            copy_rows(pixel(x, top * shape[W] + left, shape[C]), out)
            for a in range(ny):
                for b in range(nx):
                    raise_to(pixel(x, (top + a) * shape[W] + left + b, shape[C]), out)


@kernel
def raise_to(x, y):
    """Set y to the larger of both."""
    a, b = flat(x), flat(y)
    for q in range(b.size):
        b[q] = larger(a[q], b[q])


@kernel
def maxpool_linear(shape, x, y, d, into, scratch, reverse):
    """Add d at the place of each window's maximum to `into`, or d's element there, in the two directions of the same map.

    In reverse d is of the output and `into` of the image.
    """
    free = scratch.reshape(-1)[: shape[C] * x.shape[1]]
    for v in range(shape[OH]):
        _, ny, top = window(v, shape[H], shape[KY], shape[SY], shape[PY], 1)
        for u in range(shape[OW]):
            _, nx, left = window(u, shape[W], shape[KX], shape[SX], shape[PX], 1)
            far = v * shape[OW] + u
            most = flat(pixel(y, far, shape[C]))
            free[:] = 1
            for a in range(ny):
                for b in range(nx):
                    near = (top + a) * shape[W] + left + b
                    here, source, target = flat(pixel(x, near, shape[C])), near, far
                    if reverse:
                        source, target = far, near
                    move_maximum(
                        here,
                        most,
                        free,
                        flat(pixel(d, source, shape[C])),
                        flat(pixel(into, target, shape[C])),
                    )


@kernel
def move_maximum(x, y, free, d, into):
    """Add d where x is its window's maximum y and none before it was."""
    zero = x.dtype.type(0)
    for j in range(x.size):
        hit = free[j] if x[j] == y[j] else zero
        into[j] += d[j] if hit > zero else zero
        free[j] -= hit


@kernel
def avgpool_linear(shape, d, into, reverse):
    """Add each window's mean to `into`, or in reverse its share of d to each pixel."""
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


@kernel
def add_share(d, share, into):
    """Add a share of a block to another."""
    a, b = flat(d), flat(into)
    for q in range(b.size):
        b[q] += share * a[q]
