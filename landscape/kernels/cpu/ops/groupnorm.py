"""`groupnorm`: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), over the channels and pixels of a group, a column an example.

Images lie channels last: row p·C + c of a block is channel c of pixel p, so that a channel's rows are C apart. The derivatives are those of
`layernorm.py` with a weight and a bias a channel.
"""

from __future__ import annotations

import math

from landscape.jit import kernel
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.ops.batchnorm import parameter
from landscape.kernels.cpu.ops.layernorm import Changing
from landscape.kernels.cpu.rules import BACKWARD, CURVED, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

WEIGHT, BIAS, GROUPS, WIDE = int(Column.WEIGHT), int(Column.BIAS), int(Column.GROUPS), int(Column.WIDE)
SIZE, OUT, ADJOINT = int(Column.SIZE), int(Column.OUT), int(Column.ADJOINT)
ACTIVE, TRAINED = int(Column.ACTIVE), int(Column.TRAINED)


@kernel
def share_of(row, x):
    """Give one over the number of elements that a group has in an example."""
    return x.dtype.type(1) / x.dtype.type(row[SIZE] // row[GROUPS])


@kernel
def moments(row, g, x, epsilon, mean, rate, rest):
    """Set mean and rate [B] to μ and r of a group, in two passes; the second also finds what rounding left of μ, by way of `rest` [B]."""
    share = share_of(row, x)
    mean[:] = 0
    for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
        for f in range(c, x.shape[0], row[OUT]):
            for j in range(mean.size):
                mean[j] += x[f, j]
    for j in range(mean.size):
        mean[j] *= share
    rate[:] = 0
    rest[:] = 0
    for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
        for f in range(c, x.shape[0], row[OUT]):
            for j in range(mean.size):
                centred = x[f, j] - mean[j]
                rest[j] += centred
                rate[j] += centred * centred
    for j in range(mean.size):
        left = rest[j] * share
        mean[j] += left
        # A variance is not negative, whatever rounding does.
        rate[j] = x.dtype.type(1) / math.sqrt(max(rate[j] * share - left * left, x.dtype.type(0)) + epsilon)


@kernel
def groupnorm_value(row, weights, epsilon, x, y, scratch):
    """Set y [F, B]."""
    mean, rate = scratch[0], scratch[1]
    for g in range(row[GROUPS]):
        moments(row, g, x, epsilon, mean, rate, scratch[2])
        for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
            w, b = parameter(row[WEIGHT], weights, c, 1), parameter(row[BIAS], weights, c, 0)
            for f in range(c, x.shape[0], row[OUT]):
                for j in range(mean.size):
                    y[f, j] = w * ((x[f, j] - mean[j]) * rate[j]) + b


@kernel
def means(row, g, weights, x, d, moment, sums, gradient):
    """Set sums [2, B] to the group's means of w·d and of w·d·x̂, with moment μ and r; add Σ d·x̂ and Σ d to a gradient, unless it is empty."""
    share, mean, rate, first, second = share_of(row, x), moment[0], moment[1], sums[0], sums[1]
    first[:] = 0
    second[:] = 0
    for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
        w = parameter(row[WEIGHT], weights, c, 1)
        scaled, plain = x.dtype.type(0), x.dtype.type(0)
        for f in range(c, x.shape[0], row[OUT]):
            for j in range(mean.size):
                product = d[f, j] * ((x[f, j] - mean[j]) * rate[j])
                first[j] += w * d[f, j]
                second[j] += w * product
                scaled += product
                plain += d[f, j]
        if gradient.size > 0 and row[WEIGHT] >= 0:
            gradient[row[WEIGHT] + c] += scaled
        if gradient.size > 0 and row[BIAS] >= 0:
            gradient[row[BIAS] + c] += plain
    for j in range(mean.size):
        first[j] *= share
        second[j] *= share


@kernel
def groupnorm_backward(row, weights, epsilon, x, d, into, gradient, scratch):
    """Add r(w·d − mean(w·d) − x̂·mean(w·d·x̂)) to `into` for an adjoint d, and its part to a gradient; either may be empty."""
    mean, rate, first, second = scratch[0], scratch[1], scratch[2], scratch[3]
    for g in range(row[GROUPS]):
        moments(row, g, x, epsilon, mean, rate, first)
        means(row, g, weights, x, d, scratch, scratch[2:], gradient)
        for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
            w = parameter(row[WEIGHT], weights, c, 1)
            for f in range(c, into.shape[0], row[OUT]):
                for j in range(mean.size):
                    hat = (x[f, j] - mean[j]) * rate[j]
                    into[f, j] += rate[j] * (w * d[f, j] - first[j] - hat * second[j])


@kernel
def changes(row, g, x, dx, mean, rate, drift, slope):
    """Set drift and slope [B] to mean(ẋ) and mean(x̂ẋ), so that the change of x̂ is r(ẋ − drift − x̂·slope)."""
    share = share_of(row, x)
    drift[:] = 0
    slope[:] = 0
    for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
        for f in range(c, x.shape[0], row[OUT]):
            for j in range(mean.size):
                drift[j] += dx[f, j]
                slope[j] += (x[f, j] - mean[j]) * rate[j] * dx[f, j]
    for j in range(mean.size):
        drift[j] *= share
        slope[j] *= share


@kernel
def groupnorm_tangent(row, weights, vector, epsilon, x, dx, dy, scratch):
    """Set dy to w·(change of x̂) + ẇ·x̂ + ḃ."""
    mean, rate, drift, slope = scratch[0], scratch[1], scratch[2], scratch[3]
    for g in range(row[GROUPS]):
        moments(row, g, x, epsilon, mean, rate, drift)
        changes(row, g, x, dx, mean, rate, drift, slope)
        for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
            w = parameter(row[WEIGHT], weights, c, 1)
            dw, db = parameter(row[WEIGHT], vector, c, 0), parameter(row[BIAS], vector, c, 0)
            for f in range(c, x.shape[0], row[OUT]):
                for j in range(mean.size):
                    hat = (x[f, j] - mean[j]) * rate[j]
                    dy[f, j] = w * (rate[j] * (dx[f, j] - drift[j] - hat * slope[j])) + dw * hat + db


@kernel
def groupnorm_curved(row, weights, epsilon, x, d, into, gradient, scratch):
    """Add the derivative of `groupnorm_backward` along (ẋ, ẇ, ḋ) to `into` and to the gradient's change; either may be empty.

    With D = w·d, Ḋ = ẇ·d + w·ḋ, h = x̂ and its change ḣ, and ṙ/r = −r·mean(hẋ):
    r(Ḋ − mean Ḋ − ḣ·mean(Dh) − h(mean(Ḋh) + mean(Dḣ))) − r·mean(hẋ)·r(D − mean D − h·mean(Dh)).
    """
    mean, rate, drift, slope = scratch[0], scratch[1], scratch[2], scratch[3]
    first, second, third, fourth = scratch[4], scratch[5], scratch[6], scratch[7]
    share = share_of(row, x.value)
    for g in range(row[GROUPS]):
        moments(row, g, x.value, epsilon, mean, rate, drift)
        changes(row, g, x.value, x.change, mean, rate, drift, slope)
        means(row, g, weights.value, x.value, d.value, scratch, scratch[4:], gradient[:0])
        third[:] = 0
        fourth[:] = 0
        for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
            w, dw = parameter(row[WEIGHT], weights.value, c, 1), parameter(row[WEIGHT], weights.change, c, 0)
            scaled, plain = x.value.dtype.type(0), x.value.dtype.type(0)
            for f in range(c, x.value.shape[0], row[OUT]):
                for j in range(mean.size):
                    hat = (x.value[f, j] - mean[j]) * rate[j]
                    moved = rate[j] * (x.change[f, j] - drift[j] - hat * slope[j])
                    change = dw * d.value[f, j] + w * d.change[f, j]
                    third[j] += share * change
                    fourth[j] += share * (change * hat + w * d.value[f, j] * moved)
                    scaled += d.change[f, j] * hat + d.value[f, j] * moved
                    plain += d.change[f, j]
            if gradient.size > 0 and row[WEIGHT] >= 0:
                gradient[row[WEIGHT] + c] += scaled
            if gradient.size > 0 and row[BIAS] >= 0:
                gradient[row[BIAS] + c] += plain
        for c in range(g * row[WIDE], (g + 1) * row[WIDE]):
            w, dw = parameter(row[WEIGHT], weights.value, c, 1), parameter(row[WEIGHT], weights.change, c, 0)
            for f in range(c, into.shape[0], row[OUT]):
                for j in range(mean.size):
                    hat = (x.value[f, j] - mean[j]) * rate[j]
                    moved = rate[j] * (x.change[f, j] - drift[j] - hat * slope[j])
                    change = dw * d.value[f, j] + w * d.change[f, j]
                    straight = rate[j] * (w * d.value[f, j] - first[j] - hat * second[j])
                    bent = rate[j] * (change - third[j] - moved * second[j] - hat * fourth[j])
                    into[f, j] += bent - rate[j] * slope[j] * straight


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    groupnorm_value(row, frame.weights, network.attributes[i], x, y, frame.scratch)


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    clear_fresh(network, i, frame.into, frame.width)
    x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
    d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
    rows = row[SIZE] if network.rows[source, ACTIVE] else 0
    target = block(frame.into, network.rows[source, ADJOINT], rows, frame.width)
    part = frame.gradient[: frame.gradient.size if row[TRAINED] else 0]
    groupnorm_backward(row, frame.weights, network.attributes[i], x, d, target, part, frame.scratch)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    x = block(frame.work, frame.places[source], row[SIZE], frame.width)
    dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    groupnorm_tangent(row, frame.weights, frame.vector, network.attributes[i], x, dx, dy, frame.scratch)


def curved(i, pointer):
    """Push the change of an adjoint to its input's and to the gradient: the whole, the reverse rule included."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    clear_fresh(network, i, frame.into, frame.width)
    x = block(frame.work, frame.places[source], row[SIZE], frame.width)
    dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
    d = block(frame.adjoint, frame.places[i], row[SIZE], frame.width)
    dd = block(frame.into, frame.places[i], row[SIZE], frame.width)
    rows = row[SIZE] if network.rows[source, ACTIVE] else 0
    target = block(frame.into, frame.places[source], rows, frame.width)
    part = frame.gradient[: frame.gradient.size if row[TRAINED] else 0]
    epsilon = network.attributes[i]
    groupnorm_curved(
        row, Changing(frame.weights, frame.vector), epsilon, Changing(x, dx), Changing(d, dd), target, part, frame.scratch
    )  # fmt: skip


RULES = {VALUE: Rule(value), BACKWARD: Rule(backward), TANGENT: Rule(tangent), CURVED: Rule(curved)}
