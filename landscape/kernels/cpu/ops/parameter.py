"""`parameter` and `constant`: numbers of [θ, constants] as an output that is the same for all examples."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.links import adjoint_numbers, numbers_at, tangent_numbers
from landscape.kernels.cpu.mapped import clear
from landscape.kernels.cpu.rules import BACKWARD, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.program.table import Column

WEIGHT, TRAINED = int(Column.WEIGHT), int(Column.TRAINED)


@kernel
def take_numbers(vector, start, y):
    """Set y [numbers, 1] to what the vector has from a start on."""
    for f in range(y.shape[0]):
        y[f, 0] = vector[start + f]


@kernel
def add_numbers(d, gradient, start):
    """Add d [numbers, 1] to a vector from a start on."""
    for f in range(d.shape[0]):
        gradient[start + f] += d[f, 0]


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    y = numbers_at(frame.network, i, frame.work, frame.places[i], frame.width)
    take_numbers(frame.weights, frame.network.rows[i, WEIGHT], y)


def backward(i, pointer):
    """Add a row's adjoint to the gradient."""
    frame = frame_of(pointer)
    row = frame.network.rows[i]
    if row[TRAINED] and frame.gradient.size > 0:
        add_numbers(adjoint_numbers(frame, i), frame.gradient, row[WEIGHT])


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    row, dy = frame.network.rows[i], tangent_numbers(frame, i)
    if row[TRAINED] and frame.vector.size > 0:
        take_numbers(frame.vector, row[WEIGHT], dy)
    else:
        clear(dy)


REVERSED = Rule(backward)
RULES = {VALUE: Rule(value), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED}
