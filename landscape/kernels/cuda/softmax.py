"""`softmax` over groups of features, a thread a column."""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.formulas.primitives import exp
from landscape.kernels.cuda.columns import column_start
from landscape.kernels.cuda.rows import GROUPS, WIDE
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
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


def softmax_value(row, source, x, target, y):
    """Set target[y:]; offsets in features."""
    q = int64(cuda.threadIdx.x)
    while q < row[GROUPS] * WIDTH:
        softmax_column(source, column_start(x, q, row[WIDE]), target, column_start(y, q, row[WIDE]), row[WIDE])  # fmt: skip
        q += THREADS


def column_dot(left, p, right, r, wide):
    """Give Σ left·right of two columns."""
    total = REAL(0)
    for f in range(wide):
        total += left[uint32(p + f * WIDTH)] * right[uint32(r + f * WIDTH)]
    return total


def leading_row(work, p, wide):
    """Give the row of a column that has the largest number, counted in numbers."""
    top, which = work[uint32(p)], 0
    for f in range(WIDTH, wide * WIDTH, WIDTH):
        if work[uint32(p + f)] > top:
            top, which = work[uint32(p + f)], f
    return which


def softmax_linear(row, work, y, d, d0, into, x, more):
    """Set, or add to, into[x:] y(d − Σ y d): the Jacobian, which is symmetric, so that it serves tangents and adjoints.

    The results sum to zero: that of the largest y is what the others leave, since where that is almost all the formula is a difference of nearly equal
    numbers.
    """
    wide, q = row[WIDE], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * WIDTH:
        p, r, s = column_start(y, q, wide), column_start(d0, q, wide), column_start(x, q, wide)
        mean, which, left = column_dot(work, p, d, r, wide), leading_row(work, p, wide), REAL(0)
        for f in range(0, wide * WIDTH, WIDTH):
            if f != which:
                value = work[uint32(p + f)] * (d[uint32(r + f)] - mean)
                into[uint32(s + f)] = into[uint32(s + f)] + value if more else value
                left -= value
        into[uint32(s + which)] = into[uint32(s + which)] + left if more else left
        q += THREADS


def softmax_curved(row, work, tangent, y, d, into, x):
    """Add ẏ(d − Σ y d) − y Σ ẏ d to into[x:]: the change of the Jacobian along ẏ; y, ẏ and d lie at one place each of their memory."""
    wide, q = row[WIDE], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * WIDTH:
        p, s = column_start(y, q, wide), column_start(x, q, wide)
        mean, change = column_dot(work, p, d, p, wide), column_dot(tangent, p, d, p, wide)
        for f in range(0, wide * WIDTH, WIDTH):
            moved = tangent[uint32(p + f)] * (d[uint32(p + f)] - mean)
            into[uint32(s + f)] += moved - work[uint32(p + f)] * change
        q += THREADS


DEVICE = (softmax_column, softmax_value, column_dot, leading_row, softmax_linear, softmax_curved)
ENTRIES = ()
