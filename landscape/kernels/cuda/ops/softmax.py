"""`softmax` over groups of features, a thread a column."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.formulas.primitives import exp
from landscape.kernels.cuda.arrays import Part
from landscape.kernels.cuda.columns import column_dot, column_start
from landscape.kernels.cuda.rows import ACTIVE, GROUPS, WIDE, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def softmax_column(source, p, target, r, wide):
    """Set a column to exp(x − max) / Σ."""
    top, total = source[uint32(p)], REAL(0)
    for f in range(1, wide):
        value = source[uint32(p + f * WIDTH)]
        top = value if value > top else top
    for f in range(wide):
        value = exp(source[uint32(p + f * WIDTH)] - top)
        target[uint32(r + f * WIDTH)] = value
        total += value
    for f in range(wide):
        target[uint32(r + f * WIDTH)] /= total


def leading_row(work, p, wide):
    """Give the row of a column that has the largest number, counted in numbers."""
    top, which = work[uint32(p)], 0
    for f in range(WIDTH, wide * WIDTH, WIDTH):
        if work[uint32(p + f)] > top:
            top, which = work[uint32(p + f)], f
    return which


def softmax_jacobian(row, y, d, into, more):
    """Set, or add to, a part of features y(d − Σ y d): the Jacobian, which is symmetric, so that it serves tangents and adjoints.

    The results sum to zero: that of the largest y is what the others leave, since where that is almost all the formula is a difference of nearly equal
    numbers.
    """
    wide, q, work, numbers = row[WIDE], int64(cuda.threadIdx.x), y.numbers, into.numbers
    while q < row[GROUPS] * WIDTH:
        p, r, s = column_start(y.start, q, wide), column_start(d.start, q, wide), column_start(into.start, q, wide)  # fmt: skip
        mean, which, left = column_dot(work, p, d.numbers, r, wide), leading_row(work, p, wide), REAL(0)
        for f in range(0, wide * WIDTH, WIDTH):
            if f != which:
                value = work[uint32(p + f)] * (d.numbers[uint32(r + f)] - mean)
                numbers[uint32(s + f)] = numbers[uint32(s + f)] + value if more else value
                left -= value
        numbers[uint32(s + which)] = numbers[uint32(s + which)] + left if more else left
        q += THREADS


def softmax_value(i, frame):
    """Set a row's output."""
    row, q, y = frame.network.rows[i], int64(cuda.threadIdx.x), frame.places[i]
    place, wide = frame.places[input_of(frame.network, i, 0)], row[WIDE]
    memory, x = frame.work if place >= 0 else frame.shared, offset_of(place)
    while q < row[GROUPS] * WIDTH:
        softmax_column(memory, column_start(x, q, wide), frame.work, column_start(y, q, wide), wide)
        q += THREADS


def softmax_backward(i, frame):
    """Push a row's adjoint to its input's."""
    source, y = input_of(frame.network, i, 0), frame.places[i]
    if frame.network.rows[source, ACTIVE]:
        d, into = Part(frame.adjoint, y), Part(frame.into, frame.places[source])
        softmax_jacobian(frame.network.rows[i], Part(frame.work, y), d, into, True)


def softmax_tangent(i, frame):
    """Set a row's tangent."""
    place, y = frame.places[input_of(frame.network, i, 0)], frame.places[i]
    dx, dy = Part(frame.tangent, place), Part(frame.tangent, y)
    softmax_jacobian(frame.network.rows[i], Part(frame.work, y), dx, dy, False)


def softmax_curved(i, frame):
    """Add ẏ(d − Σ y d) − y Σ ẏ d to the input's part of `into`: the change of the Jacobian along ẏ."""
    row, source = frame.network.rows[i], input_of(frame.network, i, 0)
    if frame.network.rows[source, ACTIVE]:
        wide, q, y, x = row[WIDE], int64(cuda.threadIdx.x), frame.places[i], frame.places[source]
        work, tangent, d = frame.work, frame.tangent, frame.adjoint
        while q < row[GROUPS] * WIDTH:
            # y, ẏ and d lie at one place each of their memory.
            p, s = column_start(y, q, wide), column_start(x, q, wide)
            mean, change = column_dot(work, p, d, p, wide), column_dot(tangent, p, d, p, wide)
            for f in range(0, wide * WIDTH, WIDTH):
                moved = tangent[uint32(p + f)] * (d[uint32(p + f)] - mean)
                frame.into[uint32(s + f)] += moved - work[uint32(p + f)] * change
            q += THREADS


RULES = {
    VALUE: softmax_value,
    BACKWARD: softmax_backward,
    TANGENT: softmax_tangent,
    CURVED: softmax_curved,
}
DEVICE = (softmax_column, leading_row, softmax_jacobian)
