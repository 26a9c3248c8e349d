"""`layernorm`: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), over groups of features; formulas as on the CPU.

A thread takes a column. For the gradients of weight and bias the columns' μ, r and changes are noted in scratch, four rows a group, and behind them
the features' sums over groups, which then are summed over the examples.
"""

from __future__ import annotations

import math

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.columns import column_start, sum_over_examples
from landscape.kernels.cuda.rows import BIAS, GROUPS, WEIGHT, WIDE
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda

# Rows of scratch a group (μ, r, and what changes x̂ along a tangent) and a feature (its two sums).
NOTED, SUMMED = 4, 2


def column_moments(source, p, wide, epsilon):
    """Give μ and r of a column, in two passes."""
    share, mean, square = REAL(1) / REAL(wide), REAL(0), REAL(0)
    for f in range(0, wide * WIDTH, WIDTH):
        mean += source[uint32(p + f)]
    mean *= share
    for f in range(0, wide * WIDTH, WIDTH):
        away = source[uint32(p + f)] - mean
        square += away * away
    return mean, REAL(1) / math.sqrt(square * share + epsilon)


def column_changes(source, p, tangent, t, wide, mean, rate, moved):
    """Give mean(ẋ) and mean(x̂ẋ), so that the change of x̂ is r(ẋ − the first − x̂ · the second); zeros where x does not move."""
    share, drift, slope = REAL(1) / REAL(wide), REAL(0), REAL(0)
    if moved:
        for f in range(0, wide * WIDTH, WIDTH):
            change = tangent[uint32(t + f)]
            drift += change
            slope += (source[uint32(p + f)] - mean) * rate * change
    return drift * share, slope * share


def weight_at(row, vector, k, missing):
    """Give the vector's scale of feature k, or what stands for it where the node has none."""
    return vector[uint32(row[WEIGHT] + k)] if row[WEIGHT] >= 0 else REAL(missing)


def bias_at(row, vector, k):
    """Give the vector's shift of feature k, zero where the node has none."""
    return vector[uint32(row[BIAS] + k)] if row[BIAS] >= 0 else REAL(0)


def layernorm_value(row, weights, epsilon, source, x, target, y):
    """Set target[y:]; offsets in features."""
    wide, q = row[WIDE], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * WIDTH:
        p, r = column_start(x, q, wide), column_start(y, q, wide)
        mean, rate = column_moments(source, p, wide, epsilon)
        for k in range(wide):
            hat = (source[uint32(p + k * WIDTH)] - mean) * rate
            target[uint32(r + k * WIDTH)] = weight_at(row, weights, k, 1) * hat + bias_at(row, weights, k)
        q += THREADS


def column_means(row, weights, source, p, d, r, mean, rate):
    """Give a column's means of w·d and of w·d·x̂."""
    share, first, second = REAL(1) / REAL(row[WIDE]), REAL(0), REAL(0)
    for k in range(row[WIDE]):
        scaled = weight_at(row, weights, k, 1) * d[uint32(r + k * WIDTH)]
        first += scaled
        second += scaled * ((source[uint32(p + k * WIDTH)] - mean) * rate)
    return first * share, second * share


def layernorm_backward(row, weights, epsilon, source, x, d, y, into):
    """Add r(w·d − mean(w·d) − x̂·mean(w·d·x̂)) to into[x:] for an adjoint d."""
    wide, q = row[WIDE], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * WIDTH:
        p, r = column_start(x, q, wide), column_start(y, q, wide)
        mean, rate = column_moments(source, p, wide, epsilon)
        first, second = column_means(row, weights, source, p, d, r, mean, rate)
        for k in range(wide):
            hat = (source[uint32(p + k * WIDTH)] - mean) * rate
            scaled = weight_at(row, weights, k, 1) * d[uint32(r + k * WIDTH)]
            into[uint32(p + k * WIDTH)] += rate * (scaled - first - hat * second)
        q += THREADS


def note_column(row, work, s, q, mean, rate, drift, slope):
    """Note four numbers of a column."""
    each, p = row[GROUPS] * WIDTH, s * WIDTH + q
    work[uint32(p)], work[uint32(p + each)] = mean, rate
    work[uint32(p + 2 * each)], work[uint32(p + 3 * each)] = drift, slope


def note_columns(row, epsilon, source, x, tangent, work, s, moved):
    """Note what the gradients of weight and bias need of every column."""
    wide, q = row[WIDE], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * WIDTH:
        p = column_start(x, q, wide)
        mean, rate = column_moments(source, p, wide, epsilon)
        drift, slope = column_changes(source, p, tangent, p, wide, mean, rate, moved)
        note_column(row, work, s, q, mean, rate, drift, slope)
        q += THREADS
    cuda.syncthreads()


def add_over_groups(row, source, x, tangent, d, y, work, s, moved):
    """Set two rows a feature behind the notes to the sums over groups of d·x̂, or of d times its change where `moved`, and of d."""
    wide, each, q = row[WIDE], row[GROUPS] * WIDTH, int64(cuda.threadIdx.x)
    sums = (s + NOTED * row[GROUPS]) * WIDTH
    while q < wide * WIDTH:
        scaled, plain = REAL(0), REAL(0)
        for g in range(row[GROUPS]):
            n = s * WIDTH + g * WIDTH + q % WIDTH
            p, value = (x + g * wide) * WIDTH + q, d[uint32((y + g * wide) * WIDTH + q)]
            hat = (source[uint32(p)] - work[uint32(n)]) * work[uint32(n + each)]
            if moved:
                change = tangent[uint32(p)] - work[uint32(n + 2 * each)] - hat * work[uint32(n + 3 * each)]
                hat = work[uint32(n + each)] * change
            scaled += value * hat
            plain += value
        work[uint32(sums + q)], work[uint32(sums + wide * WIDTH + q)] = scaled, plain
        q += THREADS
    cuda.syncthreads()


def layernorm_gradient(row, epsilon, source, x, tangent, d, y, gradient, work, s, moved):
    """Add Σ d·x̂ and Σ d to the gradients of weight and bias; where `moved`, Σ d·(change of x̂) to the weight's alone."""
    note_columns(row, epsilon, source, x, tangent, work, s, moved)
    add_over_groups(row, source, x, tangent, d, y, work, s, moved)
    sums = s + NOTED * row[GROUPS]
    if row[WEIGHT] >= 0:
        sum_over_examples(work, sums, row[WIDE], gradient, row[WEIGHT])
    if row[BIAS] >= 0 and not moved:
        sum_over_examples(work, sums + row[WIDE], row[WIDE], gradient, row[BIAS])


def layernorm_tangent(row, weights, vector, epsilon, source, x, tangent, place, y, moved):
    """Set tangent[y:] to w·(change of x̂) + ẇ·x̂ + ḃ, for the input's tangent at `place`."""
    wide, q = row[WIDE], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * WIDTH:
        p, r, t = column_start(x, q, wide), column_start(y, q, wide), column_start(place, q, wide)
        mean, rate = column_moments(source, p, wide, epsilon)
        drift, slope = column_changes(source, p, tangent, t, wide, mean, rate, moved)
        for k in range(wide):
            hat, change = (source[uint32(p + k * WIDTH)] - mean) * rate, REAL(0)
            if moved:
                change = rate * (tangent[uint32(t + k * WIDTH)] - drift - hat * slope)
            value = weight_at(row, weights, k, 1) * change + bias_at(row, vector, k)
            tangent[uint32(r + k * WIDTH)] = value + weight_at(row, vector, k, 0) * hat
        q += THREADS


def bent_means(row, weights, vector, work, p, tangent, d, r, mean, rate, drift, slope):
    """Give a column's means of ẇ·d and of ẇ·d·x̂ + w·d·(change of x̂)."""
    share, third, fourth = REAL(1) / REAL(row[WIDE]), REAL(0), REAL(0)
    for k in range(row[WIDE]):
        f = k * WIDTH
        hat, value = (work[uint32(p + f)] - mean) * rate, d[uint32(r + f)]
        moved = rate * (tangent[uint32(p + f)] - drift - hat * slope)
        change = weight_at(row, vector, k, 0) * value
        third += change
        fourth += change * hat + weight_at(row, weights, k, 1) * value * moved
    return third * share, fourth * share


def layernorm_curved(row, weights, vector, epsilon, work, x, tangent, d, y, into):
    """Add the change of `layernorm_backward` along (ẋ, ẇ), the adjoint d held fixed, to into[x:].

    With D = w·d, h = x̂ and its change ḣ: r(ẇd − mean ẇd − ḣ·mean(Dh) − h·mean(ẇdh + Dḣ)) − r·mean(hẋ)·r(D − mean D − h·mean(Dh)).
    """
    wide, q = row[WIDE], int64(cuda.threadIdx.x)
    while q < row[GROUPS] * WIDTH:
        p, r = column_start(x, q, wide), column_start(y, q, wide)
        mean, rate = column_moments(work, p, wide, epsilon)
        drift, slope = column_changes(work, p, tangent, p, wide, mean, rate, True)
        first, second = column_means(row, weights, work, p, d, r, mean, rate)
        third, fourth = bent_means(row, weights, vector, work, p, tangent, d, r, mean, rate, drift, slope)
        for k in range(wide):
            f = k * WIDTH
            hat, value = (work[uint32(p + f)] - mean) * rate, d[uint32(r + f)]
            moved = rate * (tangent[uint32(p + f)] - drift - hat * slope)
            straight = rate * (weight_at(row, weights, k, 1) * value - first - hat * second)
            bent = rate * (weight_at(row, vector, k, 0) * value - third - moved * second - hat * fourth)
            into[uint32(p + f)] += bent - rate * slope * straight
        q += THREADS


DEVICE = (
    column_moments, column_changes, weight_at, bias_at, layernorm_value, column_means, layernorm_backward, note_column, note_columns,
    add_over_groups, layernorm_gradient, layernorm_tangent, bent_means, layernorm_curved,
)  # fmt: skip
ENTRIES = ()
