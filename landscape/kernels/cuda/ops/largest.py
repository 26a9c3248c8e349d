"""The largest number along an axis, or the least; of equal ones the first counts, and a NaN is the largest."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Mapped, Part
from landscape.kernels.cuda.mapped import place_at
from landscape.kernels.cuda.rows import ACTIVE, NUMBERS, OUT, WIDE, count_of, input_of, offset_of
from landscape.kernels.cuda.shape import THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def place_of_largest(row, sign, x, q):
    """Give where the number lies, counted from the input's beginning, that is chosen for number q of the output."""
    f, j = q if x.single else q // WIDTH, q % WIDTH
    first = f // row[OUT] * row[WIDE] * row[OUT] + f % row[OUT]
    start = place_at(x.start, x.single, 0, 0)
    where = place_at(0, x.single, first, j)
    best = x.numbers[uint32(start + where)]
    for k in range(1, row[WIDE]):
        there = place_at(0, x.single, first + k * row[OUT], j)
        number = x.numbers[uint32(start + there)]
        # Nothing is more than a NaN that came first.
        if sign * number > sign * best or (number != number and best == best):
            where, best = there, number
    return where


def take_largest(row, sign, x, d, target):
    """Set a part of features to what d has at the chosen places."""
    q = int64(cuda.threadIdx.x)
    while q < count_of(row):
        place = d.start * WIDTH + place_of_largest(row, sign, x, q)
        target.numbers[uint32(target.start * WIDTH + q)] = d.numbers[uint32(place)]
        q += THREADS


def largest_value(i, frame):
    """Set a row's output."""
    network, source = frame.network, input_of(frame.network, i, 0)
    place, single = frame.places[source], network.rows[source, NUMBERS] > 0
    x = Mapped(frame.work if place >= 0 else frame.shared, offset_of(place), -1, single)
    take_largest(network.rows[i], network.attributes[i], x, x, Part(frame.work, frame.places[i]))


def largest_backward(i, frame):
    """Push a row's adjoint to the chosen places of its input's, which no two of its numbers share."""
    network, source = frame.network, input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        place, d, q = frame.places[source], frame.places[i] * WIDTH, int64(cuda.threadIdx.x)
        x = Mapped(frame.work, place, -1, network.rows[source, NUMBERS] > 0)
        while q < count_of(network.rows[i]):
            chosen = place_of_largest(network.rows[i], network.attributes[i], x, q)
            frame.into[uint32(place * WIDTH + chosen)] += frame.adjoint[uint32(d + q)]
            q += THREADS


def largest_tangent(i, frame):
    """Set a row's tangent."""
    network, source = frame.network, input_of(frame.network, i, 0)
    place, single = frame.places[source], network.rows[source, NUMBERS] > 0
    x, dx = Mapped(frame.work, place, -1, single), Mapped(frame.tangent, place, -1, single)
    take_largest(network.rows[i], network.attributes[i], x, dx, Part(frame.tangent, frame.places[i]))


RULES = {VALUE: largest_value, BACKWARD: largest_backward, TANGENT: largest_tangent}
DEVICE = (place_of_largest, take_largest)
