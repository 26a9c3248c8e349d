"""The product of two outputs, each read through an index map."""

from __future__ import annotations

from landscape.kernels.cpu.links import (
    adjoint_numbers,
    clear_input,
    input_of,
    numbers_at,
    output_numbers,
    tangent_numbers,
    target_numbers,
)
from landscape.kernels.cpu.mapped import add_gathered_product, clear, scatter_product
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.program.table import Column

ACTIVE, MAP = int(Column.ACTIVE), int(Column.MAP)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    a, b = output_numbers(frame, input_of(network, i, 0)), output_numbers(frame, input_of(network, i, 1))
    y = numbers_at(network, i, frame.work, frame.places[i], frame.width)
    clear(y)
    add_gathered_product(a, row[MAP], b, row[MAP + 1], network.links, y)


def backward(i, pointer):
    """Push a row's adjoint, times the other factor, to that of each factor."""
    frame = frame_of(pointer)
    network, row, d = frame.network, frame.network.rows[i], adjoint_numbers(frame, i)
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE]:
            clear_input(network, i, number, frame.into, frame.width)
            factor, target = output_numbers(frame, other), target_numbers(frame, source)
            scatter_product(d, factor, row[MAP + 1 - number], network.links, row[MAP + number], target)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, dy = frame.network, frame.network.rows[i], tangent_numbers(frame, i)
    clear(dy)
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE]:
            change, factor = tangent_numbers(frame, source), output_numbers(frame, other)
            add_gathered_product(change, row[MAP + number], factor, row[MAP + 1 - number], network.links, dy)


def curved(i, pointer):
    """Add the adjoint times the change of the other factor."""
    frame = frame_of(pointer)
    network, row, d = frame.network, frame.network.rows[i], adjoint_numbers(frame, i)
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE] and network.rows[other, ACTIVE]:
            change, target = tangent_numbers(frame, other), target_numbers(frame, source)
            scatter_product(d, change, row[MAP + 1 - number], network.links, row[MAP + number], target)


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}
