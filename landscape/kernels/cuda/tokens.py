"""`embedding`, whose tokens' vectors are the rows of the weight that ids name, and `position`, which adds a vector of its own to each token."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.rows import BIAS, GROUPS, OUT, SIZE, WEIGHT
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda


def named_row(row, source, x, t, j):
    """Give where the weight's row that a token's id names starts; ids are whole numbers in the kernels' dtype."""
    return row[WEIGHT] + int64(source[uint32((x + t) * WIDTH + j)]) * row[OUT]


def embedding_value(row, vector, source, x, target, y):
    """Set target[y:] to the rows of the vector's weight that the ids in source[x:] name; offsets in features."""
    wide, q = row[OUT], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * wide * WIDTH:
        f, j = q // WIDTH, q % WIDTH
        target[uint32(y * WIDTH + q)] = vector[uint32(named_row(row, source, x, f // wide, j) + f % wide)]
        q += THREADS


def embedding_gradient(row, source, x, d, y, gradient):
    """Add an adjoint to the gradients of the rows that were read; a thread a place in them, so that tokens of one id do not meet."""
    wide, k = row[OUT], int64(cuda.threadIdx.x)
    while k < wide:
        for t in range(row[GROUPS]):
            for j in range(WIDTH):
                gradient[uint32(named_row(row, source, x, t, j) + k)] += d[uint32((y + t * wide + k) * WIDTH + j)]  # fmt: skip
        k += THREADS


def add_positions(row, source, x, vector, target, y, here, there):
    """Set target[y:] to source[x:] where `here`, and add the vector's positions where `there`."""
    q = int64(cuda.threadIdx.x)
    while q < row[SIZE] * WIDTH:
        value = source[uint32(x * WIDTH + q)] if here else REAL(0)
        if there:
            value += vector[uint32(row[BIAS] + q // WIDTH)]
        target[uint32(y * WIDTH + q)] = value
        q += THREADS


DEVICE = (named_row, embedding_value, embedding_gradient, add_positions)
ENTRIES = ()
