"""Where a row's inputs come from, and what stands in their adjoints already."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.views import block
from landscape.program.table import Column

FIRST, SIZE = int(Column.FIRST), int(Column.SIZE)
ACTIVE, LAST_READER, ADJOINT = int(Column.ACTIVE), int(Column.LAST_READER), int(Column.ADJOINT)


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
    """Say whether nothing stands yet in the adjoint of row i's input of a number."""
    source = input_of(network, i, number)
    for earlier in range(number):
        if input_of(network, i, earlier) == source:
            return False
    return network.rows[source, LAST_READER] == i


@kernel
def clear_fresh(network, i, into, width):
    """Set the adjoint of row i's input to zero where nothing stands in it yet, so that a rule may add to it."""
    source = input_of(network, i, 0)
    if network.rows[source, ACTIVE] and is_fresh(network, i, 0):
        block(into, network.rows[source, ADJOINT], network.rows[source, SIZE], width)[:, :] = 0
