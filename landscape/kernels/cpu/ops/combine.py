"""The sum of two outputs, the second times +1 or −1, each read through an index map."""

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
from landscape.kernels.cpu.mapped import add_gathered, clear, gather_rows, scatter_rows
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.program.table import Column

ACTIVE, MAP = int(Column.ACTIVE), int(Column.MAP)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    a, b = output_numbers(frame, input_of(network, i, 0)), output_numbers(frame, input_of(network, i, 1))
    y = numbers_at(network, i, frame.work, frame.places[i], frame.width)
    gather_rows(a, network.links, row[MAP], a.dtype.type(0), y)
    add_gathered(b, network.attributes[i], network.links, row[MAP + 1], y)


def backward(i, pointer):
    """Push a row's adjoint to those of its inputs."""
    frame = frame_of(pointer)
    network, row, d = frame.network, frame.network.rows[i], adjoint_numbers(frame, i)
    for number in range(2):
        source = input_of(network, i, number)
        if network.rows[source, ACTIVE]:
            clear_input(network, i, number, frame.into, frame.width)
            scale = d.dtype.type(1) if number == 0 else network.attributes[i]
            scatter_rows(d, scale, network.links, row[MAP + number], target_numbers(frame, source))


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, dy = frame.network, frame.network.rows[i], tangent_numbers(frame, i)
    clear(dy)
    for number in range(2):
        source = input_of(network, i, number)
        if network.rows[source, ACTIVE]:
            scale = dy.dtype.type(1) if number == 0 else network.attributes[i]
            add_gathered(tangent_numbers(frame, source), scale, network.links, row[MAP + number], dy)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
