"""`layernorm`: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), over groups of features; formulas as on the CPU.

A thread takes a column. For the gradients of weight and bias the columns' μ, r and changes are noted in scratch, four rows a group, and behind them
the features' sums over groups, which then are summed over the examples.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Part
from landscape.kernels.cuda.columns import column_start, scratch_start, sum_over_examples
from landscape.kernels.cuda.rows import ACTIVE, BIAS, GROUPS, TRAINED, WEIGHT, WIDE, input_of, offset_of
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, GRADIENT, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda

# Rows of scratch a group (μ, r, and what changes x̂ along a tangent) and a feature (its two sums).
NOTED, SUMMED = 4, 2


class Moments(NamedTuple):
    """A column's μ and r, and what changes x̂ along a tangent: mean(ẋ) and mean(x̂ẋ)."""

    mean: float
    rate: float
    drift: float
    slope: float


def scratch_rows(row, shape):
    """Count the rows of scratch that a row notes things in."""
    return NOTED * row[GROUPS] + SUMMED * row[WIDE]


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


def moving_column(source, p, tangent, t, wide, epsilon, moved):
    """Give a column and what changes it: x̂ by r(ẋ − drift − x̂·slope); both zero where x does not move."""
    mean, rate = column_moments(source, p, wide, epsilon)
    share, drift, slope = REAL(1) / REAL(wide), REAL(0), REAL(0)
    if moved:
        for f in range(0, wide * WIDTH, WIDTH):
            change = tangent[uint32(t + f)]
            drift += change
            slope += (source[uint32(p + f)] - mean) * rate * change
    return Moments(mean, rate, drift * share, slope * share)


def weight_at(row, vector, k, missing):
    """Give the vector's scale of feature k, or what stands for it where the node has none."""
    return vector[uint32(row[WEIGHT] + k)] if row[WEIGHT] >= 0 else REAL(missing)


def bias_at(row, vector, k):
    """Give the vector's shift of feature k, zero where the node has none."""
    return vector[uint32(row[BIAS] + k)] if row[BIAS] >= 0 else REAL(0)


def layernorm_value(i, frame):
    """Set a row's output."""
    row, y, q = frame.network.rows[i], frame.places[i], int64(cuda.threadIdx.x)
    place, wide = frame.places[input_of(frame.network, i, 0)], row[WIDE]
    source, x = frame.work if place >= 0 else frame.shared, offset_of(place)
    while q < row[GROUPS] * WIDTH:
        p, r = column_start(x, q, wide), column_start(y, q, wide)
        mean, rate = column_moments(source, p, wide, frame.network.attributes[i])
        for k in range(wide):
            hat = (source[uint32(p + k * WIDTH)] - mean) * rate
            value = weight_at(row, frame.weights, k, 1) * hat + bias_at(row, frame.weights, k)
            frame.work[uint32(r + k * WIDTH)] = value
        q += THREADS


def column_means(i, frame, p, r, mean, rate):
    """Give a column's means of w·d and of w·d·x̂, x from p and the adjoint d from r on."""
    row = frame.network.rows[i]
    share, first, second = REAL(1) / REAL(row[WIDE]), REAL(0), REAL(0)
    for k in range(row[WIDE]):
        scaled = weight_at(row, frame.weights, k, 1) * frame.adjoint[uint32(r + k * WIDTH)]
        first += scaled
        second += scaled * ((frame.work[uint32(p + k * WIDTH)] - mean) * rate)
    return first * share, second * share


def layernorm_backward(i, frame):
    """Add r(w·d − mean(w·d) − x̂·mean(w·d·x̂)) to the input's part of `into` for an adjoint d."""
    row, source, q = frame.network.rows[i], input_of(frame.network, i, 0), int64(cuda.threadIdx.x)
    if frame.network.rows[source, ACTIVE]:
        wide, x, y = row[WIDE], frame.places[source], frame.places[i]
        while q < row[GROUPS] * WIDTH:
            p, r = column_start(x, q, wide), column_start(y, q, wide)
            mean, rate = column_moments(frame.work, p, wide, frame.network.attributes[i])
            first, second = column_means(i, frame, p, r, mean, rate)
            for k in range(wide):
                hat = (frame.work[uint32(p + k * WIDTH)] - mean) * rate
                scaled = weight_at(row, frame.weights, k, 1) * frame.adjoint[uint32(r + k * WIDTH)]
                frame.into[uint32(p + k * WIDTH)] += rate * (scaled - first - hat * second)
            q += THREADS


def note_columns(i, frame, x, s, moved):
    """Note what the gradients of weight and bias need of every column of a part."""
    row, q = frame.network.rows[i], int64(cuda.threadIdx.x)
    each = row[GROUPS] * WIDTH
    while q < each:
        p, n = column_start(x.start, q, row[WIDE]), s * WIDTH + q
        of = moving_column(x.numbers, p, frame.tangent, p, row[WIDE], frame.network.attributes[i], moved)
        frame.work[uint32(n)], frame.work[uint32(n + each)] = of.mean, of.rate
        frame.work[uint32(n + 2 * each)], frame.work[uint32(n + 3 * each)] = of.drift, of.slope
        q += THREADS
    cuda.syncthreads()


def add_over_groups(i, frame, x, s, moved):
    """Set two rows a feature behind the notes to the sums over groups of d·x̂, or of d times its change where `moved`, and of d."""
    row, y, q, work = frame.network.rows[i], frame.places[i], int64(cuda.threadIdx.x), frame.work
    wide, each = row[WIDE], row[GROUPS] * WIDTH
    sums = (s + NOTED * row[GROUPS]) * WIDTH
    while q < wide * WIDTH:
        scaled, plain = REAL(0), REAL(0)
        for g in range(row[GROUPS]):
            n = s * WIDTH + g * WIDTH + q % WIDTH
            p, value = (x.start + g * wide) * WIDTH + q, frame.adjoint[uint32((y + g * wide) * WIDTH + q)]
            hat = (x.numbers[uint32(p)] - work[uint32(n)]) * work[uint32(n + each)]
            if moved:
                change = frame.tangent[uint32(p)] - work[uint32(n + 2 * each)] - hat * work[uint32(n + 3 * each)]  # fmt: skip
                hat = work[uint32(n + each)] * change
            scaled += value * hat
            plain += value
        work[uint32(sums + q)], work[uint32(sums + wide * WIDTH + q)] = scaled, plain
        q += THREADS
    cuda.syncthreads()


def add_gradient(i, frame, x, moved):
    """Add Σ d·x̂ and Σ d to the gradients of weight and bias; where `moved`, Σ d·(change of x̂) to the weight's alone."""
    row, s = frame.network.rows[i], scratch_start(frame.network, frame.places)
    note_columns(i, frame, x, s, moved)
    add_over_groups(i, frame, x, s, moved)
    sums = s + NOTED * row[GROUPS]
    if row[WEIGHT] >= 0:
        sum_over_examples(frame.work, sums, row[WIDE], frame.gradient, row[WEIGHT])
    if row[BIAS] >= 0 and not moved:
        sum_over_examples(frame.work, sums + row[WIDE], row[WIDE], frame.gradient, row[BIAS])


def layernorm_gradient(i, frame):
    """Add an adjoint's part of the gradients of weight and bias."""
    place = frame.places[input_of(frame.network, i, 0)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    add_gradient(i, frame, x, False)


def layernorm_tangent(i, frame):
    """Set a row's tangent to w·(change of x̂) + ẇ·x̂ + ḃ."""
    row, source, q = frame.network.rows[i], input_of(frame.network, i, 0), int64(cuda.threadIdx.x)
    wide, place, y, moved = row[WIDE], frame.places[source], frame.places[i], frame.network.rows[source, ACTIVE] != 0  # fmt: skip
    memory, x = frame.work if place >= 0 else frame.shared, offset_of(place)
    while q < row[GROUPS] * WIDTH:
        p, r, t = column_start(x, q, wide), column_start(y, q, wide), column_start(place, q, wide)
        of = moving_column(memory, p, frame.tangent, t, wide, frame.network.attributes[i], moved)
        for k in range(wide):
            hat, change = (memory[uint32(p + k * WIDTH)] - of.mean) * of.rate, REAL(0)
            if moved:
                change = of.rate * (frame.tangent[uint32(t + k * WIDTH)] - of.drift - hat * of.slope)
            value = weight_at(row, frame.weights, k, 1) * change + bias_at(row, frame.vector, k)
            frame.tangent[uint32(r + k * WIDTH)] = value + weight_at(row, frame.vector, k, 0) * hat
        q += THREADS


def bent_means(i, frame, p, r, of):
    """Give a column's means of ẇ·d and of ẇ·d·x̂ + w·d·(change of x̂)."""
    row = frame.network.rows[i]
    share, third, fourth = REAL(1) / REAL(row[WIDE]), REAL(0), REAL(0)
    for k in range(row[WIDE]):
        f = k * WIDTH
        hat, value = (frame.work[uint32(p + f)] - of.mean) * of.rate, frame.adjoint[uint32(r + f)]
        moved = of.rate * (frame.tangent[uint32(p + f)] - of.drift - hat * of.slope)
        change = weight_at(row, frame.vector, k, 0) * value
        third += change
        fourth += change * hat + weight_at(row, frame.weights, k, 1) * value * moved
    return third * share, fourth * share


def bend(i, frame, x):
    """Add the change of `layernorm_backward` along (ẋ, ẇ), the adjoint d held fixed, to the input's part of `into`, which starts at feature x.

    With D = w·d, h = x̂ and its change ḣ: r(ẇd − mean ẇd − ḣ·mean(Dh) − h·mean(ẇdh + Dḣ)) − r·mean(hẋ)·r(D − mean D − h·mean(Dh)).
    """
    row, y, q = frame.network.rows[i], frame.places[i], int64(cuda.threadIdx.x)
    wide = row[WIDE]
    while q < row[GROUPS] * WIDTH:
        p, r = column_start(x, q, wide), column_start(y, q, wide)
        of = moving_column(frame.work, p, frame.tangent, p, wide, frame.network.attributes[i], True)
        first, second = column_means(i, frame, p, r, of.mean, of.rate)
        third, fourth = bent_means(i, frame, p, r, of)
        for k in range(wide):
            f = k * WIDTH
            hat, value = (frame.work[uint32(p + f)] - of.mean) * of.rate, frame.adjoint[uint32(r + f)]
            moved = of.rate * (frame.tangent[uint32(p + f)] - of.drift - hat * of.slope)
            straight = of.rate * (weight_at(row, frame.weights, k, 1) * value - first - hat * second)
            bent = of.rate * (weight_at(row, frame.vector, k, 0) * value - third - moved * second - hat * fourth)  # fmt: skip
            frame.into[uint32(p + f)] += bent - of.rate * of.slope * straight
        q += THREADS


def layernorm_curved(i, frame):
    """Add what the change of the weights and of the input does to the reverse rule."""
    source = input_of(frame.network, i, 0)
    if frame.network.rows[source, ACTIVE]:
        if frame.network.rows[i, TRAINED]:
            add_gradient(i, frame, Part(frame.work, frame.places[source]), True)
        bend(i, frame, frame.places[source])


RULES = {
    VALUE: layernorm_value, GRADIENT: layernorm_gradient, BACKWARD: layernorm_backward, TANGENT: layernorm_tangent,
    CURVED: layernorm_curved,
}  # fmt: skip
DEVICE = (
    column_moments, moving_column, weight_at, bias_at, column_means, note_columns, add_over_groups, add_gradient, bent_means, bend,
)  # fmt: skip
