"""An activation as a row of its own; the loops are those of `loops.py`, one a formula."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.links import (
    adjoint_numbers,
    clear_fresh,
    input_of,
    is_fresh,
    numbers_at,
    output_numbers,
    tangent_numbers,
    target_numbers,
)
from landscape.kernels.cpu.loops import Changing, activate, add_curved, add_slope, set_slope
from landscape.kernels.cpu.rules import BACKWARD, CURVED, TANGENT, VALUE, Rule, frame_of
from landscape.program.table import Column

CODE = int(Column.CODE)
ACTIVE = int(Column.ACTIVE)
# Numbers that are copied before an activation is applied to them.
TOGETHER = 2048


@kernel
def activated(rules, x, y, code, attribute):
    """Set y to an activation of x, some rows at a time, which the first cache holds between the copy and the function."""
    rows, step = y.shape[0], max(1, TOGETHER // y.shape[1])
    for f in range(0, rows, step):
        part = y[f : min(f + step, rows)]
        copy_rows(x[f : min(f + step, rows)], part)
        activate(rules, code, part, attribute)


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_numbers(frame, input_of(network, i, 0))
    y = numbers_at(network, i, frame.work, frame.places[i], frame.width)
    activated(network.rules, x, y, row[CODE], network.attributes[i])


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        x, y = output_numbers(frame, source), output_numbers(frame, i)
        d, target = adjoint_numbers(frame, i), target_numbers(frame, source)
        if is_fresh(network, i, 0):
            set_slope(network.rules, row[CODE], x, y, d, target, network.attributes[i])
        else:
            add_slope(network.rules, row[CODE], x, y, d, target, network.attributes[i])


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    x, y = output_numbers(frame, source), output_numbers(frame, i)
    dx, dy = tangent_numbers(frame, source), tangent_numbers(frame, i)
    set_slope(network.rules, row[CODE], x, y, dx, dy, network.attributes[i])


def curved(i, pointer):
    """Push the change of an adjoint to its input's: the whole, the reverse rule included."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    clear_fresh(network, i, frame.into, frame.width)
    x, y, d = output_numbers(frame, source), output_numbers(frame, i), adjoint_numbers(frame, i)
    dx = tangent_numbers(frame, source)
    dd, target = target_numbers(frame, i), target_numbers(frame, source)
    add_curved(network.rules, row[CODE], Changing(x, dx, d, dd), y, target, network.attributes[i])


RULES = {VALUE: Rule(value), BACKWARD: Rule(backward), TANGENT: Rule(tangent), CURVED: Rule(curved)}
