"""`multiply`: the product of two outputs, number by number."""

from __future__ import annotations

from landscape.kernels.cpu.combine import add_product, multiply_rows
from landscape.kernels.cpu.links import input_of, is_fresh
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

SIZE, ACTIVE, ADJOINT = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    one = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    two = output_block(network, frame.places, input_of(network, i, 1), frame.work, frame.shared, frame.width)
    multiply_rows(one, two, block(frame.work, frame.places[i], row[SIZE], frame.width))


def backward(i, pointer):
    """Push a row's adjoint, times the other factor, to that of each factor."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE]:
            target = block(frame.into, network.rows[source, ADJOINT], row[SIZE], frame.width)
            if is_fresh(network, i, number):
                target[:, :] = 0
            factor = output_block(network, frame.places, other, frame.work, frame.shared, frame.width)
            add_product(d, factor, target)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    dy[:, :] = 0
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE]:
            factor = output_block(network, frame.places, other, frame.work, frame.shared, frame.width)
            add_product(block(frame.tangent, frame.places[source], row[SIZE], frame.width), factor, dy)


def curved(i, pointer):
    """Add the adjoint times the change of the other factor."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    d = block(frame.adjoint, frame.places[i], row[SIZE], frame.width)
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE] and network.rows[other, ACTIVE]:
            target = block(frame.into, frame.places[source], row[SIZE], frame.width)
            add_product(d, block(frame.tangent, frame.places[other], row[SIZE], frame.width), target)


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}
