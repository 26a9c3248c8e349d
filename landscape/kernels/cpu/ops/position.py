"""`position`: a vector a place is added to what lies there."""

from __future__ import annotations

from landscape.kernels.cpu.combine import add_rows, copy_rows
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.ops.dense import add_bias, dense_bias_gradient
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

SIZE, ACTIVE, ADJOINT, TRAINED = (
    int(Column.SIZE),
    int(Column.ACTIVE),
    int(Column.ADJOINT),
    int(Column.TRAINED),
)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    copy_rows(output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width), y)  # fmt: skip
    add_bias(row, frame.weights, y)


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
    if row[TRAINED] and frame.gradient.size > 0:
        dense_bias_gradient(row, d, frame.gradient)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        add_rows(d, block(frame.into, network.rows[source, ADJOINT], row[SIZE], frame.width))


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    if network.rows[source, ACTIVE]:
        copy_rows(block(frame.tangent, frame.places[source], row[SIZE], frame.width), dy)
    else:
        dy[:, :] = 0
    if row[TRAINED] and frame.vector.size > 0:
        add_bias(row, frame.vector, dy)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
