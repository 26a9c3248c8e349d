"""What the rules of the wider ops share: where a column of a group starts, and sums over a tile's examples in a fixed order.

A column is one example's numbers of a group of features: they lie WIDTH apart, and threads that follow each other take neighbouring columns.
"""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.rows import SIZE
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda


def column_start(start, q, wide):
    """Give the place of a column's first number: column q of groups of `wide` features from feature `start` on."""
    return (start + q // WIDTH * wide) * WIDTH + q % WIDTH


def scratch_start(network, places):
    """Give the first feature after the outputs, where a block's scratch begins, in programs for derivatives only."""
    last = network.rows.shape[0] - 1
    return places[last] + network.rows[last, SIZE]


def sum_over_pixels(adjoint, y, size, channels, out, start):
    """Set out[start:], a row a channel, to an adjoint's sums over pixels, which stand before the channels."""
    q = int64(cuda.threadIdx.x)
    while q < channels * WIDTH:
        total = REAL(0)
        for pixel in range(size // channels):
            total += adjoint[uint32((y + pixel * channels) * WIDTH + q)]
        out[uint32(start * WIDTH + q)] = total
        q += THREADS
    cuda.syncthreads()


def sum_over_examples(memory, start, count, gradient, first):
    """Add to gradient[first:] the sums of `count` rows over their examples; a thread a row."""
    k = int64(cuda.threadIdx.x)
    while k < count:
        total = REAL(0)
        for j in range(WIDTH):
            total += memory[uint32((start + k) * WIDTH + j)]
        gradient[uint32(first + k)] += total
        k += THREADS
    cuda.syncthreads()


def column_dot(left, p, right, r, wide):
    """Give Σ left·right of two columns."""
    total = REAL(0)
    for f in range(wide):
        total += left[uint32(p + f * WIDTH)] * right[uint32(r + f * WIDTH)]
    return total


DEVICE = (column_start, scratch_start, sum_over_pixels, sum_over_examples, column_dot)
ENTRIES = ()
