"""An order turned: row p·wide + q of an image becomes row q·groups + p."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.lanes import lane_copy, lanes_of
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.kernels.program import Column

GROUPS, WIDE = int(Column.GROUPS), int(Column.WIDE)
SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


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


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    y[:, :] = 0
    transpose_linear(row, x, y, False)


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
        target = block(frame.into, network.rows[source, ADJOINT], network.rows[source, SIZE], frame.width)
        transpose_linear(row, d, target, True)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    dx = block(frame.tangent, frame.places[source], network.rows[source, SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    transpose_linear(row, dx, dy, False)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
