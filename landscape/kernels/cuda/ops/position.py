"""`position`, which adds a vector of its own to each token."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Part
from landscape.kernels.cuda.columns import sum_over_examples
from landscape.kernels.cuda.rows import ACTIVE, BIAS, SIZE, TRAINED, copy_numbers, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, GRADIENT, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def add_positions(row, source, vector, target, here, there):
    """Set a part of features to the source where `here`, and add the vector's positions where `there`."""
    q = int64(cuda.threadIdx.x)
    while q < row[SIZE] * WIDTH:
        value = source.numbers[uint32(source.start * WIDTH + q)] if here else REAL(0)
        if there:
            value += vector[uint32(row[BIAS] + q // WIDTH)]
        target.numbers[uint32(target.start * WIDTH + q)] = value
        q += THREADS


def position_value(i, frame):
    """Set a row's output."""
    place = frame.places[input_of(frame.network, i, 0)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    add_positions(frame.network.rows[i], x, frame.weights, Part(frame.work, frame.places[i]), True, True)


def position_gradient(i, frame):
    """Add an adjoint's part of the gradient."""
    row = frame.network.rows[i]
    sum_over_examples(frame.adjoint, frame.places[i], row[SIZE], frame.gradient, row[BIAS])


def position_backward(i, frame):
    """Push a row's adjoint to its input's."""
    source = input_of(frame.network, i, 0)
    if frame.network.rows[source, ACTIVE]:
        d, x = frame.places[i] * WIDTH, frame.places[source] * WIDTH
        copy_numbers(frame.adjoint, d, frame.into, x, frame.network.rows[i, SIZE] * WIDTH, True)


def position_tangent(i, frame):
    """Set a row's tangent."""
    row, source = frame.network.rows[i], input_of(frame.network, i, 0)
    dx, dy = Part(frame.tangent, frame.places[source]), Part(frame.tangent, frame.places[i])
    add_positions(row, dx, frame.vector, dy, frame.network.rows[source, ACTIVE] != 0, row[TRAINED] != 0)


RULES = {
    VALUE: position_value,
    GRADIENT: position_gradient,
    BACKWARD: position_backward,
    TANGENT: position_tangent,
}
DEVICE = (add_positions,)
