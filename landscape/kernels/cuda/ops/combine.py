"""The sum of two outputs, the second times +1 or −1, each read through an index map."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Mapped, Part
from landscape.kernels.cuda.mapped import number_at, push_back
from landscape.kernels.cuda.rows import ACTIVE, MAP, NUMBERS, count_of, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def combine_numbers(row, links, x, scale, target, more):
    """Set a part of features to an input, read through its map, times a scale, or add that to it."""
    single, q = row[NUMBERS] > 0, int64(cuda.threadIdx.x)
    while q < count_of(row):
        value, p = (
            scale * number_at(links, x, q if single else q // WIDTH, q % WIDTH),
            uint32(target.start * WIDTH + q),
        )
        target.numbers[p] = target.numbers[p] + value if more else value
        q += THREADS


def combine_value(i, frame):
    """Set a row's output; a thread has the same numbers of both inputs."""
    network, row = frame.network, frame.network.rows[i]
    for number in range(2):
        source = input_of(network, i, number)
        place, single = frame.places[source], network.rows[source, NUMBERS] > 0
        x = Mapped(frame.work if place >= 0 else frame.shared, offset_of(place), row[MAP + number], single)
        scale = network.attributes[i] if number > 0 else REAL(1)
        combine_numbers(row, network.links, x, scale, Part(frame.work, frame.places[i]), number > 0)


def combine_backward(i, frame):
    """Push a row's adjoint to those of its inputs."""
    network, d = frame.network, Mapped(frame.adjoint, frame.places[i], -1, frame.network.rows[i, NUMBERS] > 0)
    for number in range(2):
        source = input_of(network, i, number)
        if network.rows[source, ACTIVE]:
            scale = network.attributes[i] if number > 0 else REAL(1)
            push_back(network, i, number, d, d, False, scale, Part(frame.into, frame.places[source]))


def combine_tangent(i, frame):
    """Set a row's tangent."""
    network, row, more = frame.network, frame.network.rows[i], False
    for number in range(2):
        source = input_of(network, i, number)
        if network.rows[source, ACTIVE]:
            single = network.rows[source, NUMBERS] > 0
            dx = Mapped(frame.tangent, frame.places[source], row[MAP + number], single)
            scale = network.attributes[i] if number > 0 else REAL(1)
            combine_numbers(row, network.links, dx, scale, Part(frame.tangent, frame.places[i]), more)
            more = True


RULES = {VALUE: combine_value, BACKWARD: combine_backward, TANGENT: combine_tangent}
DEVICE = (combine_numbers,)
