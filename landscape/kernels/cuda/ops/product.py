"""The product of two outputs, each read through an index map."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Mapped, Part
from landscape.kernels.cuda.mapped import number_at, push_back
from landscape.kernels.cuda.rows import ACTIVE, MAP, NUMBERS, count_of, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def product_numbers(row, links, a, b, target, more):
    """Set, or add to, a part of features the products of two inputs, each read through its map."""
    single, q = row[NUMBERS] > 0, int64(cuda.threadIdx.x)
    while q < count_of(row):
        f, j, p = q if single else q // WIDTH, q % WIDTH, uint32(target.start * WIDTH + q)
        value = number_at(links, a, f, j) * number_at(links, b, f, j)
        target.numbers[p] = target.numbers[p] + value if more else value
        q += THREADS


def product_value(i, frame):
    """Set a row's output."""
    network, row = frame.network, frame.network.rows[i]
    one, two = input_of(network, i, 0), input_of(network, i, 1)
    first, second = frame.places[one], frame.places[two]
    left = frame.work if first >= 0 else frame.shared
    right = frame.work if second >= 0 else frame.shared
    a = Mapped(left, offset_of(first), row[MAP], network.rows[one, NUMBERS] > 0)
    b = Mapped(right, offset_of(second), row[MAP + 1], network.rows[two, NUMBERS] > 0)
    product_numbers(row, network.links, a, b, Part(frame.work, frame.places[i]), False)


def product_backward(i, frame):
    """Push a row's adjoint, times the other factor, to that of each factor."""
    network, row = frame.network, frame.network.rows[i]
    d = Mapped(frame.adjoint, frame.places[i], -1, row[NUMBERS] > 0)
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE]:
            place, single = frame.places[other], network.rows[other, NUMBERS] > 0
            memory = frame.work if place >= 0 else frame.shared
            factor = Mapped(memory, offset_of(place), row[MAP + 1 - number], single)
            push_back(network, i, number, d, factor, True, REAL(1), Part(frame.into, frame.places[source]))


def product_tangent(i, frame):
    """Set a row's tangent; a thread has the same numbers of both factors."""
    network, row, more = frame.network, frame.network.rows[i], False
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE]:
            place, single = frame.places[other], network.rows[other, NUMBERS] > 0
            memory = frame.work if place >= 0 else frame.shared
            dx = Mapped(
                frame.tangent, frame.places[source], row[MAP + number], network.rows[source, NUMBERS] > 0
            )
            factor = Mapped(memory, offset_of(place), row[MAP + 1 - number], single)
            product_numbers(row, network.links, dx, factor, Part(frame.tangent, frame.places[i]), more)
            more = True


def product_curved(i, frame):
    """Add the adjoint times the change of the other factor."""
    network, row = frame.network, frame.network.rows[i]
    d = Mapped(frame.adjoint, frame.places[i], -1, row[NUMBERS] > 0)
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE] and network.rows[other, ACTIVE]:
            single = network.rows[other, NUMBERS] > 0
            change = Mapped(frame.tangent, frame.places[other], row[MAP + 1 - number], single)
            push_back(network, i, number, d, change, True, REAL(1), Part(frame.into, frame.places[source]))


RULES = {
    VALUE: product_value,
    BACKWARD: product_backward,
    TANGENT: product_tangent,
    CURVED: product_curved,
}
DEVICE = (product_numbers,)
