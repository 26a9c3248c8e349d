"""`pad_channels`: every stride-th pixel, with channels of zeros before and after its own."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_rows
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.ops.convolution import OC, OH, OW, SX, SY, C, W
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.kernels.program import Column, Geometry

SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)
BEFORE = int(Geometry.BEFORE)


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


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    y[:, :] = 0
    pad_linear(network.geometry[i], x, y, False)


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
        target = block(frame.into, network.rows[source, ADJOINT], network.rows[source, SIZE], frame.width)
        pad_linear(network.geometry[i], d, target, True)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    dx = block(frame.tangent, frame.places[source], network.rows[source, SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    pad_linear(network.geometry[i], dx, dy, False)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
