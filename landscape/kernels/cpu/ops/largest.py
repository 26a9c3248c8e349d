"""The largest number along an axis, or the least; of equal ones the first counts."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.links import (
    adjoint_numbers,
    clear_fresh,
    input_of,
    numbers_at,
    output_numbers,
    tangent_numbers,
    target_numbers,
)
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.program.table import Column

GROUPS, WIDE, OUT, ACTIVE = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT), int(Column.ACTIVE)


@kernel
def largest_value(row, sign, x, y):
    """Set y [groups · out, B] to the number of x [groups · wide · out, B] along the middle axis that is largest times the sign."""
    wide, out = row[WIDE], row[OUT]
    for g in range(row[GROUPS]):
        for o in range(out):
            for j in range(y.shape[1]):
                y[g * out + o, j] = x[g * wide * out + o, j]
            for k in range(1, wide):
                for j in range(y.shape[1]):
                    number, best = x[(g * wide + k) * out + o, j], y[g * out + o, j]
                    # A NaN is taken, and stays, since nothing is more than it.
                    more = sign * number > sign * best or number != number
                    y[g * out + o, j] = number if more else best


@kernel
def largest_linear(row, x, y, d, into, reverse):
    """Set into [groups · out] to what d has at the chosen places, or in reverse add d to those of `into`."""
    wide, out = row[WIDE], row[OUT]
    for g in range(row[GROUPS]):
        for o in range(out):
            chosen = g * out + o
            for j in range(y.shape[1]):
                place = g * wide * out + o
                for k in range(wide):
                    if x[(g * wide + k) * out + o, j] == y[chosen, j]:
                        place = (g * wide + k) * out + o
                        break
                if reverse:
                    into[place, j] += d[chosen, j]
                else:
                    into[chosen, j] = d[place, j]


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network = frame.network
    y = numbers_at(network, i, frame.work, frame.places[i], frame.width)
    largest_value(network.rows[i], network.attributes[i], output_numbers(frame, input_of(network, i, 0)), y)


def backward(i, pointer):
    """Push a row's adjoint to its input's."""
    frame = frame_of(pointer)
    network, source = frame.network, input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        x, y = output_numbers(frame, source), output_numbers(frame, i)
        target = target_numbers(frame, source)
        largest_linear(network.rows[i], x, y, adjoint_numbers(frame, i), target, True)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    source = input_of(frame.network, i, 0)
    x, y = output_numbers(frame, source), output_numbers(frame, i)
    dx, dy = tangent_numbers(frame, source), tangent_numbers(frame, i)
    largest_linear(frame.network.rows[i], x, y, dx, dy, False)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
