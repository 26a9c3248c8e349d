"""`mean` and `globalavgpool`: the mean over an axis."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_share
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.kernels.program import Column

GROUPS, WIDE, OUT = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT)
SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


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


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    y[:, :] = 0
    mean_linear(row, x, y, False)


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
        target = block(frame.into, network.rows[source, ADJOINT], network.rows[source, SIZE], frame.width)
        mean_linear(row, d, target, True)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    dx = block(frame.tangent, frame.places[source], network.rows[source, SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    mean_linear(row, dx, dy, False)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
