"""Numbers of another row in another order, with a constant where there are none: layouts, and what is the same for all examples, given to each."""

from __future__ import annotations

from landscape.kernels.cpu.links import (
    adjoint_numbers,
    clear_fresh,
    input_of,
    numbers_at,
    output_numbers,
    tangent_numbers,
    target_numbers,
)
from landscape.kernels.cpu.mapped import clear, gather_rows, scatter_rows
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.program.table import Column

ACTIVE, MAP = int(Column.ACTIVE), int(Column.MAP)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network = frame.network
    x = output_numbers(frame, input_of(network, i, 0))
    y = numbers_at(network, i, frame.work, frame.places[i], frame.width)
    gather_rows(x, network.links, network.rows[i, MAP], network.attributes[i], y)


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, source = frame.network, input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        d, target = adjoint_numbers(frame, i), target_numbers(frame, source)
        scatter_rows(d, d.dtype.type(1), network.links, network.rows[i, MAP], target)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, source = frame.network, input_of(frame.network, i, 0)
    dy = tangent_numbers(frame, i)
    if network.rows[source, ACTIVE]:
        dx = tangent_numbers(frame, source)
        gather_rows(dx, network.links, network.rows[i, MAP], dx.dtype.type(0), dy)
    else:
        clear(dy)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
