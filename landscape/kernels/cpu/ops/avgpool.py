"""`avgpool2d`, channels last: a window's pixels are blocks of rows. The average counts the padding."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_share
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.ops.convolution import KX, KY, OH, OW, PX, PY, SX, SY, C, H, W, window
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block, pixel
from landscape.kernels.program import Column

SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


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


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    y[:, :] = 0
    avgpool_linear(network.geometry[i], x, y, False)


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
        target = block(frame.into, network.rows[source, ADJOINT], network.rows[source, SIZE], frame.width)
        avgpool_linear(network.geometry[i], d, target, True)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    dx = block(frame.tangent, frame.places[source], network.rows[source, SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    avgpool_linear(network.geometry[i], dx, dy, False)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
