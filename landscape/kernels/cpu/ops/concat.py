"""`concat`: parts side by side within each group of features."""

from __future__ import annotations

from landscape.kernels.cpu.combine import add_part, join
from landscape.kernels.cpu.links import input_of, is_fresh
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

GROUPS, INPUTS = int(Column.GROUPS), int(Column.INPUTS)
SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row, start = frame.network, frame.network.rows[i], 0
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        join(output_block(network, frame.places, source, frame.work, frame.shared, frame.width), y, row[GROUPS], start)  # fmt: skip
        start += network.rows[source, SIZE] // row[GROUPS]


def backward(i, pointer):
    """Push a row's adjoint to those of its inputs."""
    frame = frame_of(pointer)
    network, row, start = frame.network, frame.network.rows[i], 0
    d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        rows = network.rows[source, SIZE]
        if network.rows[source, ACTIVE]:
            target = block(frame.into, network.rows[source, ADJOINT], rows, frame.width)
            if is_fresh(network, i, number):
                target[:, :] = 0
            add_part(d, target, row[GROUPS], start)
        start += rows // row[GROUPS]


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, start = frame.network, frame.network.rows[i], 0
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        rows = network.rows[source, SIZE]
        if network.rows[source, ACTIVE]:
            join(block(frame.tangent, frame.places[source], rows, frame.width), dy, row[GROUPS], start)
        start += rows // row[GROUPS]


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
