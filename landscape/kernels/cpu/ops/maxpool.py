"""`maxpool2d`, channels last: a window's pixels are blocks of rows. The maximum is the first of its window, as PyTorch's, and a NaN wins."""

from __future__ import annotations

from landscape.formulas.primitives import larger
from landscape.jit import kernel
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, flat, output_block, pixel
from landscape.kernels.cpu.windows import KX, KY, OH, OW, PX, PY, SX, SY, C, H, W, window
from landscape.program.table import Column

SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


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
    free = flat(scratch)[: shape[C] * x.shape[1]]
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


@kernel(apart=True)
def move_maximum(x, y, free, d, into):
    """Add d where x is its window's maximum y and none before it was."""
    zero = x.dtype.type(0)
    for j in range(x.size):
        hit = free[j] if x[j] == y[j] else zero
        into[j] += d[j] if hit > zero else zero
        free[j] -= hit


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    maxpool_value(network.geometry[i], x, block(frame.work, frame.places[i], row[SIZE], frame.width))


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
        y = block(frame.work, frame.places[i], row[SIZE], frame.width)
        d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
        target = block(frame.into, network.rows[source, ADJOINT], network.rows[source, SIZE], frame.width)
        maxpool_linear(network.geometry[i], x, y, d, target, frame.scratch, True)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    dx = block(frame.tangent, frame.places[source], network.rows[source, SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    maxpool_linear(network.geometry[i], x, y, dx, dy, frame.scratch, False)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
