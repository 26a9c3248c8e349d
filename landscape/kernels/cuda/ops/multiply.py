"""`multiply`: the product of two outputs, element by element."""

from __future__ import annotations

from numpy import uint32

from landscape.kernels.cuda.rows import ACTIVE, SIZE, clear_part, input_of, offset_of
from landscape.kernels.cuda.shape import THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def multiply_numbers(left, l0, right, r0, target, y, count, more):
    """Set, or add to, target[y:] the products of left[l0:] and right[r0:]."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        p = uint32(y + q)
        value = left[uint32(l0 + q)] * right[uint32(r0 + q)]
        target[p] = target[p] + value if more else value
        q = uint32(q + THREADS)


def multiply_value(i, frame):
    """Set a row's output."""
    network, count = frame.network, frame.network.rows[i, SIZE] * WIDTH
    first, second = frame.places[input_of(network, i, 0)], frame.places[input_of(network, i, 1)]
    one, x = frame.work if first >= 0 else frame.shared, offset_of(first) * WIDTH
    two, z = frame.work if second >= 0 else frame.shared, offset_of(second) * WIDTH
    multiply_numbers(one, x, two, z, frame.work, frame.places[i] * WIDTH, count, False)


def multiply_backward(i, frame):
    """Push a row's adjoint, times the other factor, to each input's."""
    network, count, d = frame.network, frame.network.rows[i, SIZE] * WIDTH, frame.places[i] * WIDTH
    for number in range(2):
        source, place = input_of(network, i, number), frame.places[input_of(network, i, 1 - number)]
        if network.rows[source, ACTIVE]:
            factor, z = frame.work if place >= 0 else frame.shared, offset_of(place) * WIDTH
            x = frame.places[source] * WIDTH
            multiply_numbers(frame.adjoint, d, factor, z, frame.into, x, count, True)
            # An input that is read twice is added to twice.
            cuda.syncthreads()


def multiply_tangent(i, frame):
    """Set a row's tangent."""
    network, count, y = frame.network, frame.network.rows[i, SIZE] * WIDTH, frame.places[i] * WIDTH
    clear_part(frame.tangent, y, count)
    for number in range(2):
        source, place = input_of(network, i, number), frame.places[input_of(network, i, 1 - number)]
        if network.rows[source, ACTIVE]:
            factor, z = frame.work if place >= 0 else frame.shared, offset_of(place) * WIDTH
            x = frame.places[source] * WIDTH
            multiply_numbers(frame.tangent, x, factor, z, frame.tangent, y, count, True)
            cuda.syncthreads()


def multiply_curved(i, frame):
    """Add the adjoint times the change of the other factor."""
    network, count, d = frame.network, frame.network.rows[i, SIZE] * WIDTH, frame.places[i] * WIDTH
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE] and network.rows[other, ACTIVE]:
            x, z = frame.places[source] * WIDTH, frame.places[other] * WIDTH
            multiply_numbers(frame.adjoint, d, frame.tangent, z, frame.into, x, count, True)
        cuda.syncthreads()


RULES = {
    VALUE: multiply_value,
    BACKWARD: multiply_backward,
    TANGENT: multiply_tangent,
    CURVED: multiply_curved,
}
DEVICE = (multiply_numbers,)
