"""Where a row's inputs come from, and what their adjoints already contain."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.views import block, view
from landscape.program.table import Column

FIRST, SIZE = int(Column.FIRST), int(Column.SIZE)
ACTIVE, LAST_READER, ADJOINT = int(Column.ACTIVE), int(Column.LAST_READER), int(Column.ADJOINT)
NUMBERS = int(Column.NUMBERS)


@kernel
def input_of(network, i, number):
    """Return the row that row i reads as its input of a number."""
    return network.links[network.rows[i, FIRST] + number]


@kernel
def place_of(places, i, work, shared):
    """Return the memory in which row i's output lies, and where in it, in features."""
    if places[i] >= 0:
        return Part(work, places[i])
    return Part(shared, -1 - places[i])


@kernel
def is_fresh(network, i, number):
    """Say whether nothing has been written yet to the adjoint of row i's input of a number."""
    source = input_of(network, i, number)
    for earlier in range(number):
        if input_of(network, i, earlier) == source:
            return False
    return network.rows[source, LAST_READER] == i


@kernel
def clear_fresh(network, i, into, width):
    """Set the adjoint of row i's input to zero if nothing has been written to it yet, so that a rule may add to it."""
    source = input_of(network, i, 0)
    if network.rows[source, ACTIVE] and is_fresh(network, i, 0):
        block(into, network.rows[source, ADJOINT], network.rows[source, SIZE], width)[:, :] = 0


@kernel
def shape_of(network, i, width):
    """Give the rows and columns of row i's output: features of so many examples, or numbers that are the same for all."""
    if network.rows[i, NUMBERS] > 0:
        return network.rows[i, NUMBERS], 1
    return network.rows[i, SIZE], width


@kernel(viewing=True)
def numbers_at(network, i, memory, place, width):
    """View what row i has at a place, in features: [F, B], or [numbers, 1] where that is the same for all examples."""
    rows, lanes = shape_of(network, i, width)
    return view(memory, place * width, rows, lanes)


@kernel(viewing=True)
def output_numbers(frame, i):
    """View row i's output, wherever it lies."""
    there = place_of(frame.places, i, frame.work, frame.shared)
    return numbers_at(frame.network, i, there.numbers, there.start, frame.width)


@kernel(viewing=True)
def adjoint_numbers(frame, i):
    """View the adjoint of row i that is read."""
    return numbers_at(frame.network, i, frame.adjoint, frame.network.rows[i, ADJOINT], frame.width)


@kernel(viewing=True)
def target_numbers(frame, i):
    """View the adjoint of row i that is written."""
    return numbers_at(frame.network, i, frame.into, frame.network.rows[i, ADJOINT], frame.width)


@kernel(viewing=True)
def tangent_numbers(frame, i):
    """View the change of row i's output."""
    return numbers_at(frame.network, i, frame.tangent, frame.places[i], frame.width)


@kernel
def clear_input(network, i, number, into, width):
    """Set the adjoint of row i's input of a number to zero if nothing has been written to it yet, so that a rule may add to it."""
    source = input_of(network, i, number)
    if network.rows[source, ACTIVE] and is_fresh(network, i, number):
        block(into, network.rows[source, ADJOINT], network.rows[source, SIZE], width)[:, :] = 0
