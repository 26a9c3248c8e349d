"""Reverse rules of a block: from the adjoint of a row's output to those of its inputs and to the gradient of its parameters."""

from __future__ import annotations

from numpy import uint32

from landscape.formulas.activations import ACTIVATIONS
from landscape.kernels.cuda.narrow import is_wide, wide_backward
from landscape.kernels.cuda.product import product
from landscape.kernels.cuda.rows import (
    ACTIVATION,
    ACTIVE,
    ADD,
    BIAS,
    CODE,
    CONCAT,
    DENSE,
    GROUPS,
    INPUTS,
    OP,
    OUT,
    SIZE,
    TRAINED,
    WEIGHT,
    WIDE,
    copy_numbers,
    input_of,
    multiply_numbers,
    offset_of,
)
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.text import choice

activation_slope = choice("activation_slope", [row.slope for row in ACTIVATIONS.values()], "z, a, p")


def dense_backward(row, weights, adjoint, y, into, x):
    """Add Wᵀ·adjoint[y:] to into[x:] for each leading position; offsets in features."""
    wide, out = row[WIDE], row[OUT]
    for t in range(row[GROUPS]):
        start, target = (y + t * out) * WIDTH, (x + t * wide) * WIDTH
        product(wide, WIDTH, out, weights, row[WEIGHT], 1, wide, adjoint, start, WIDTH, 1, into, target, WIDTH, -1, True)  # fmt: skip


def dense_gradient(row, source, x, adjoint, y, gradient):
    """Add adjoint[y:]·source[x:]ᵀ to the weight's part of the gradient."""
    wide, out = row[WIDE], row[OUT]
    for t in range(row[GROUPS]):
        start, other = (y + t * out) * WIDTH, (x + t * wide) * WIDTH
        product(out, wide, WIDTH, adjoint, start, WIDTH, 1, source, other, 1, WIDTH, gradient, row[WEIGHT], wide, -1, True)  # fmt: skip


def dense_bias_gradient(row, adjoint, y, gradient):
    """Add the sums of an adjoint over examples and positions to the bias's part of the gradient; a thread a feature."""
    if row[BIAS] >= 0:
        f = uint32(cuda.threadIdx.x)
        while f < row[OUT]:
            total = REAL(0)
            for t in range(row[GROUPS]):
                for j in range(WIDTH):
                    total += adjoint[uint32((y + t * row[OUT] + f) * WIDTH + j)]
            gradient[uint32(row[BIAS] + f)] += total
            f = uint32(f + THREADS)


def add_slopes(code, z, z0, a, a0, factor, f0, out, o0, count, parameter):
    """Add f′(z)·factor to out; offsets in numbers."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        slope = activation_slope(code, z[uint32(z0 + q)], a[uint32(a0 + q)], parameter)
        out[uint32(o0 + q)] += slope * factor[uint32(f0 + q)]
        q = uint32(q + THREADS)


def add_part(whole, w0, step, part, p0, rows, groups, start):
    """Add the part's rows of a whole to the part: the adjoint of `join_part`; offsets in features."""
    each = rows // groups
    for g in range(groups):
        copy_numbers(whole, (w0 + g * step + start) * WIDTH, part, (p0 + g * each) * WIDTH, each * WIDTH, True)  # fmt: skip


def spread(i, network, places, work, shared, adjoint, into):
    """Push an adjoint to the several inputs of `add`, `concat` or `multiply`."""
    row, start, d = network.rows[i], 0, places[i]
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        size = network.rows[source, SIZE]
        if network.rows[source, ACTIVE]:
            x = places[source]
            if row[OP] == CONCAT:
                add_part(adjoint, d, row[SIZE] // row[GROUPS], into, x, size, row[GROUPS], start)
            elif row[OP] == ADD:
                copy_numbers(adjoint, d * WIDTH, into, x * WIDTH, size * WIDTH, True)
            else:
                other = places[input_of(network, i, 1 - number)]
                factor = work if other >= 0 else shared
                multiply_numbers(adjoint, d * WIDTH, factor, offset_of(other) * WIDTH, into, x * WIDTH, size * WIDTH, True)  # fmt: skip
            # An input that is read twice is added to twice.
            cuda.syncthreads()
        if row[OP] == CONCAT:
            start += size // row[GROUPS]


def backward_row(i, network, places, weights, work, shared, adjoint, into, gradient):
    """Push a row's adjoint to its inputs' parts of `into` and, unless that is empty, its parameters' of the gradient."""
    row, source = network.rows[i], input_of(network, i, 0)
    place = places[source]
    memory, x = work if place >= 0 else shared, offset_of(place)
    if is_wide(row[OP]):
        wide_backward(i, network, places, weights, work, shared, adjoint, into, gradient)
    elif row[OP] == DENSE:
        if row[TRAINED] and gradient.size > 0:
            dense_gradient(row, memory, x, adjoint, places[i], gradient)
            dense_bias_gradient(row, adjoint, places[i], gradient)
        if network.rows[source, ACTIVE]:
            dense_backward(row, weights, adjoint, places[i], into, place)
    elif row[OP] == ACTIVATION:
        if network.rows[source, ACTIVE]:
            y = places[i] * WIDTH
            add_slopes(row[CODE], memory, x * WIDTH, work, y, adjoint, y, into, place * WIDTH, row[SIZE] * WIDTH, network.attributes[i])  # fmt: skip
    else:
        spread(i, network, places, work, shared, adjoint, into)
    cuda.syncthreads()


def backward(network, places, weights, work, shared, adjoint, gradient):
    """Run all rows in reverse; `adjoint` holds the output's and zeros elsewhere. The gradient is added to."""
    for i in range(network.rows.shape[0] - 1, 0, -1):
        if network.rows[i, ACTIVE]:
            backward_row(i, network, places, weights, work, shared, adjoint, adjoint, gradient)


DEVICE = (
    activation_slope, dense_backward, dense_gradient, dense_bias_gradient, add_slopes, add_part, spread, backward_row, backward,
)  # fmt: skip
ENTRIES = ()
