"""`add`: the sum of any number of outputs."""

from __future__ import annotations

from landscape.kernels.cpu.combine import add_rows, copy_rows, sum_rows
from landscape.kernels.cpu.links import input_of, is_fresh
from landscape.kernels.cpu.loops import activate
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

CODE, INPUTS = int(Column.CODE), int(Column.INPUTS)
SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


def value(i, pointer):
    """Set a row's output, with the activation that rides on it."""
    frame = frame_of(pointer)
    network, row, first = frame.network, frame.network.rows[i], 0
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    if row[INPUTS] > 1:
        one = output_block(
            network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width
        )
        two = output_block(
            network, frame.places, input_of(network, i, 1), frame.work, frame.shared, frame.width
        )
        sum_rows(one, two, y)
        first = 2
    for number in range(first, row[INPUTS]):
        source = input_of(network, i, number)
        x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
        if number == 0:
            copy_rows(x, y)
        else:
            add_rows(x, y)
    if row[CODE] != 0:
        activate(network.rules, row[CODE], y, network.attributes[i])


def backward(i, pointer):
    """Push a row's adjoint to those of its inputs."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        if network.rows[source, ACTIVE]:
            target = block(frame.into, network.rows[source, ADJOINT], row[SIZE], frame.width)
            if is_fresh(network, i, number):
                copy_rows(d, target)
            else:
                add_rows(d, target)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        if network.rows[source, ACTIVE]:
            add_rows(block(frame.tangent, frame.places[source], row[SIZE], frame.width), dy)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
