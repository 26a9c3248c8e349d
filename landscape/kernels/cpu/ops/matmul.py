"""`matmul` of two outputs: Y[g] = A[g] B[g] for each example, read where they lie as long as their steps are even.

No factor is shared by a tile's examples, so that these are products of small matrices of vectors, a lane an example (`lanes.py`).
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.lanes import Vectors, lane_product
from landscape.kernels.cpu.links import clear_input, input_of, place_of
from landscape.kernels.cpu.mapped import clear
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.vectors import lanes_of
from landscape.kernels.cpu.views import block
from landscape.program.table import Column

SIZE, ACTIVE, ADJOINT, MAP = int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT), int(Column.MAP)
# Where the numbers of a row's plan stand among the links: groups, sizes, the steps of both factors, then where each group starts in either.
GROUPS, ROWS, COLUMNS, DEPTH, STEPS, STARTS = 0, 1, 2, 3, 4, 8


class Steps(NamedTuple):
    """A matrix of features: how many are between rows and between columns."""

    row: int
    column: int


class Factor(NamedTuple):
    """The matrices of an output, in features of a flat array: where it begins, where each group does among the links, and the steps."""

    numbers: NDArray
    start: int
    groups: int
    steps: Steps


@kernel
def factor_of(network, i, number, part):
    """Say where the matrices of a row's factor of a number lie."""
    links, at = network.links, network.rows[i, MAP]
    groups = at + STARTS + number * links[at + GROUPS]
    steps = Steps(links[at + STEPS + 2 * number], links[at + STEPS + 2 * number + 1])
    return Factor(part.numbers, part.start, groups, steps)


@kernel
def turned(factor):
    """Give the transposed matrices."""
    return Factor(factor.numbers, factor.start, factor.groups, Steps(factor.steps.column, factor.steps.row))


@kernel
def matrix_at(links, factor, g, width, j, each):
    """Give a group's matrix for one vector of examples; of what lies one after another `each` is a matrix's size."""
    start = links[factor.groups + g] if factor.groups >= 0 else g * each
    at = (factor.start + start) * width + j
    return Vectors(factor.numbers, at, factor.steps.row * width, factor.steps.column * width)


@kernel
def sizes_of(network, i):
    """Give the number of groups, the rows, the columns and the depth of a row's product."""
    links, at = network.links, network.rows[i, MAP]
    return links[at + GROUPS], links[at + ROWS], links[at + COLUMNS], links[at + DEPTH]


@kernel
def add_products(links, groups, sizes, width, a, b, c):
    """Add A[g] B[g]ᵀ to C[g], [m, n] with a depth of k; B is given as [n, k]."""
    m, n, k = sizes
    lanes = lanes_of(c.numbers)
    for g in range(groups):
        for j in range(0, width, lanes):
            left, right = matrix_at(links, a, g, width, j, m * k), matrix_at(links, b, g, width, j, n * k)
            lane_product(m, n, k, left, right, True, matrix_at(links, c, g, width, j, m * n))


@kernel
def add_value(network, i, width, a, b, y):
    """Add A B to a row's output."""
    groups, m, n, k = sizes_of(network, i)
    one, two = factor_of(network, i, 0, a), turned(factor_of(network, i, 1, b))
    add_products(
        network.links, groups, (m, n, k), width, one, two, Factor(y.numbers, y.start, -1, Steps(n, 1))
    )


@kernel
def add_to_first(network, i, width, d, b, into):
    """Add D Bᵀ to the first factor's adjoint."""
    groups, m, n, k = sizes_of(network, i)
    delta, two = Factor(d.numbers, d.start, -1, Steps(n, 1)), factor_of(network, i, 1, b)
    add_products(network.links, groups, (m, k, n), width, delta, two, factor_of(network, i, 0, into))


@kernel
def add_to_second(network, i, width, d, a, into):
    """Add Aᵀ D to the second factor's adjoint."""
    groups, m, n, k = sizes_of(network, i)
    delta, one = Factor(d.numbers, d.start, -1, Steps(1, n)), turned(factor_of(network, i, 0, a))
    add_products(network.links, groups, (k, n, m), width, one, delta, factor_of(network, i, 1, into))


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network = frame.network
    clear(block(frame.work, frame.places[i], network.rows[i, SIZE], frame.width))
    a = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared)
    b = place_of(frame.places, input_of(network, i, 1), frame.work, frame.shared)
    add_value(network, i, frame.width, a, b, Part(frame.work, frame.places[i]))


def backward(i, pointer):
    """Push a row's adjoint to those of its factors."""
    frame = frame_of(pointer)
    network, d = frame.network, Part(frame.adjoint, frame.network.rows[i, ADJOINT])
    one, two = input_of(network, i, 0), input_of(network, i, 1)
    if network.rows[one, ACTIVE]:
        clear_input(network, i, 0, frame.into, frame.width)
        b = place_of(frame.places, two, frame.work, frame.shared)
        add_to_first(network, i, frame.width, d, b, Part(frame.into, network.rows[one, ADJOINT]))
    if network.rows[two, ACTIVE]:
        clear_input(network, i, 1, frame.into, frame.width)
        a = place_of(frame.places, one, frame.work, frame.shared)
        add_to_second(network, i, frame.width, d, a, Part(frame.into, network.rows[two, ADJOINT]))


def tangent(i, pointer):
    """Set a row's tangent, Ȧ B + A Ḃ."""
    frame = frame_of(pointer)
    network, dy = frame.network, Part(frame.tangent, frame.places[i])
    one, two = input_of(network, i, 0), input_of(network, i, 1)
    clear(block(frame.tangent, frame.places[i], network.rows[i, SIZE], frame.width))
    if network.rows[one, ACTIVE]:
        b = place_of(frame.places, two, frame.work, frame.shared)
        add_value(network, i, frame.width, Part(frame.tangent, frame.places[one]), b, dy)
    if network.rows[two, ACTIVE]:
        a = place_of(frame.places, one, frame.work, frame.shared)
        add_value(network, i, frame.width, a, Part(frame.tangent, frame.places[two]), dy)


def curved(i, pointer):
    """Add the adjoint times the change of the other factor."""
    frame = frame_of(pointer)
    network, d = frame.network, Part(frame.adjoint, frame.places[i])
    one, two = input_of(network, i, 0), input_of(network, i, 1)
    if network.rows[one, ACTIVE] and network.rows[two, ACTIVE]:
        changes = Part(frame.tangent, frame.places[one]), Part(frame.tangent, frame.places[two])
        add_to_first(network, i, frame.width, d, changes[1], Part(frame.into, network.rows[one, ADJOINT]))
        add_to_second(network, i, frame.width, d, changes[0], Part(frame.into, network.rows[two, ADJOINT]))


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}
