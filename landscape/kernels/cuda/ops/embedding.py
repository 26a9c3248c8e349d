"""`embedding`: tokens' vectors are the rows of the weight that ids name."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Part
from landscape.kernels.cuda.rows import GROUPS, OUT, SIZE, TRAINED, WEIGHT, clear_part, input_of, offset_of
from landscape.kernels.cuda.shape import THREADS, WIDTH
from landscape.kernels.cuda.table import GRADIENT, LINEAR, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def named_row(row, source, t, j):
    """Give where the weight's row that a token's id names starts; ids are whole numbers in the kernels' dtype."""
    return row[WEIGHT] + int64(source.numbers[uint32((source.start + t) * WIDTH + j)]) * row[OUT]


def look_up(row, vector, source, target):
    """Set a part of features to the rows of the vector's weight that the source's ids name."""
    wide, q = row[OUT], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * wide * WIDTH:
        f, j = q // WIDTH, q % WIDTH
        value = vector[uint32(named_row(row, source, f // wide, j) + f % wide)]
        target.numbers[uint32(target.start * WIDTH + q)] = value
        q += THREADS


def embedding_value(i, frame):
    """Set a row's output."""
    place = frame.places[input_of(frame.network, i, 0)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    look_up(frame.network.rows[i], frame.weights, x, Part(frame.work, frame.places[i]))


def embedding_linear(i, frame, y):
    """Set the tangent's features from y on to the rows of `vector`."""
    place = frame.places[input_of(frame.network, i, 0)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    look_up(frame.network.rows[i], frame.vector, x, Part(frame.tangent, y))


def embedding_gradient(i, frame):
    """Add an adjoint to the gradients of the rows that were read; a thread a place in them, so that tokens of one id do not meet."""
    row, y = frame.network.rows[i], frame.places[i]
    place, wide, k = frame.places[input_of(frame.network, i, 0)], row[OUT], int64(cuda.threadIdx.x)
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    while k < wide:
        for t in range(row[GROUPS]):
            for j in range(WIDTH):
                value = frame.adjoint[uint32((y + t * wide + k) * WIDTH + j)]
                frame.gradient[uint32(named_row(row, x, t, j) + k)] += value
        k += THREADS


def embedding_tangent(i, frame):
    """Set a row's tangent."""
    row, y = frame.network.rows[i], frame.places[i]
    if row[TRAINED]:
        embedding_linear(i, frame, y)
    else:
        clear_part(frame.tangent, y * WIDTH, row[SIZE] * WIDTH)


RULES = {
    VALUE: embedding_value,
    LINEAR: embedding_linear,
    GRADIENT: embedding_gradient,
    TANGENT: embedding_tangent,
}
DEVICE = (named_row, look_up)
