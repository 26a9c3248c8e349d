"""`layernorm`: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), over groups of rows, a column an example.

Its Jacobian in x̂'s place is r(d − mean d − x̂·mean(x̂ d)), symmetric; both it and its derivative along a tangent are below.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.rules import BACKWARD, CURVED, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

WEIGHT, BIAS, GROUPS, WIDE = int(Column.WEIGHT), int(Column.BIAS), int(Column.GROUPS), int(Column.WIDE)
SIZE, ADJOINT, ACTIVE, TRAINED = (
    int(Column.SIZE),
    int(Column.ADJOINT),
    int(Column.ACTIVE),
    int(Column.TRAINED),
)


class Means(NamedTuple):
    """μ, r and two means of each column of a group, [B]."""

    mean: NDArray
    rate: NDArray
    first: NDArray
    second: NDArray


class Changing(NamedTuple):
    """A block, and its change along a tangent."""

    value: NDArray
    change: NDArray


@kernel
def moments(x, first, last, epsilon, mean, rate):
    """Set mean and rate [B] to μ and r of rows first … last − 1, in two passes."""
    share = x.dtype.type(1) / x.dtype.type(last - first)
    mean[:] = 0
    rate[:] = 0
    # Four rows at a time, for fewer loads and stores of the sums, then those that are left.
    fours = last - (last - first) % 4
    for f in range(first, fours, 4):
        for j in range(mean.size):
            mean[j] += (x[f, j] + x[f + 1, j]) + (x[f + 2, j] + x[f + 3, j])
    for f in range(fours, last):
        for j in range(mean.size):
            mean[j] += x[f, j]
    for j in range(mean.size):
        mean[j] *= share
    for f in range(first, fours, 4):
        for j in range(mean.size):
            a, b = x[f, j] - mean[j], x[f + 1, j] - mean[j]
            c, d = x[f + 2, j] - mean[j], x[f + 3, j] - mean[j]
            rate[j] += (a * a + b * b) + (c * c + d * d)
    for f in range(fours, last):
        for j in range(mean.size):
            rate[j] += (x[f, j] - mean[j]) * (x[f, j] - mean[j])
    for j in range(mean.size):
        rate[j] = x.dtype.type(1) / math.sqrt(rate[j] * share + epsilon)


@kernel
def weight_at(row, weights, k):
    """Give the scale of feature k, one where the node has no weight."""
    return weights[row[WEIGHT] + k] if row[WEIGHT] >= 0 else weights.dtype.type(1)


@kernel
def layernorm_value(row, weights, epsilon, x, y, scratch):
    """Set y [F, B]."""
    wide, mean, rate = row[WIDE], scratch[0], scratch[1]
    for g in range(row[GROUPS]):
        moments(x, g * wide, (g + 1) * wide, epsilon, mean, rate)
        for k in range(wide):
            w = weight_at(row, weights, k)
            b = weights[row[BIAS] + k] if row[BIAS] >= 0 else weights.dtype.type(0)
            f = g * wide + k
            for j in range(mean.size):
                y[f, j] = w * ((x[f, j] - mean[j]) * rate[j]) + b


@kernel
def means(row, weights, x, d, g, of):
    """Set first and second [B] to the group's mean of w·d and of w·d·x̂."""
    wide, mean, rate, first, second = row[WIDE], of.mean, of.rate, of.first, of.second
    share = x.dtype.type(1) / x.dtype.type(wide)
    first[:] = 0
    second[:] = 0
    for k in range(wide):
        w = weight_at(row, weights, k)
        f = g * wide + k
        for j in range(mean.size):
            scaled = w * d[f, j]
            first[j] += scaled
            second[j] += scaled * ((x[f, j] - mean[j]) * rate[j])
    for j in range(mean.size):
        first[j] *= share
        second[j] *= share


@kernel
def means_and_gradient(row, weights, x, d, g, of, gradient):
    """Do what `means` does, and add Σ d·x̂ and Σ d to the gradients of weight and bias."""
    wide, mean, rate, first, second = row[WIDE], of.mean, of.rate, of.first, of.second
    share = x.dtype.type(1) / x.dtype.type(wide)
    first[:] = 0
    second[:] = 0
    for k in range(wide):
        w = weight_at(row, weights, k)
        f = g * wide + k
        scaled, plain = x.dtype.type(0), x.dtype.type(0)
        for j in range(mean.size):
            product = d[f, j] * ((x[f, j] - mean[j]) * rate[j])
            first[j] += w * d[f, j]
            second[j] += w * product
            scaled += product
            plain += d[f, j]
        if row[WEIGHT] >= 0:
            gradient[row[WEIGHT] + k] += scaled
        if row[BIAS] >= 0:
            gradient[row[BIAS] + k] += plain
    for j in range(mean.size):
        first[j] *= share
        second[j] *= share


@kernel
def layernorm_backward(row, weights, epsilon, x, d, into, gradient, scratch):
    """Add r(w·d − mean(w·d) − x̂·mean(w·d·x̂)) to `into` for an adjoint d, and its part to a gradient; either may be empty."""
    wide, mean, rate, first, second = row[WIDE], scratch[0], scratch[1], scratch[2], scratch[3]
    of = Means(mean, rate, first, second)
    for g in range(row[GROUPS]):
        moments(x, g * wide, (g + 1) * wide, epsilon, mean, rate)
        if gradient.size > 0:
            means_and_gradient(row, weights, x, d, g, of, gradient)
        else:
            means(row, weights, x, d, g, of)
        if into.shape[0] == 0:
            continue
        for k in range(wide):
            w = weight_at(row, weights, k)
            f = g * wide + k
            for j in range(mean.size):
                hat = (x[f, j] - mean[j]) * rate[j]
                into[f, j] += rate[j] * (w * d[f, j] - first[j] - hat * second[j])


@kernel
def changes(x, dx, first, last, mean, rate, drift, slope):
    """Set drift and slope [B] to mean(ẋ) and mean(x̂ẋ), so that the change of x̂ is r(ẋ − drift − x̂·slope)."""
    share = x.dtype.type(1) / x.dtype.type(last - first)
    drift[:] = 0
    slope[:] = 0
    for f in range(first, last):
        for j in range(mean.size):
            drift[j] += dx[f, j]
            slope[j] += (x[f, j] - mean[j]) * rate[j] * dx[f, j]
    for j in range(mean.size):
        drift[j] *= share
        slope[j] *= share


@kernel
def layernorm_tangent(row, weights, tangent, epsilon, x, dx, dy, scratch):
    """Set dy to w·(change of x̂) + ẇ·x̂ + ḃ."""
    wide, mean, rate, drift, slope = row[WIDE], scratch[0], scratch[1], scratch[2], scratch[3]
    zero = x.dtype.type(0)
    for g in range(row[GROUPS]):
        moments(x, g * wide, (g + 1) * wide, epsilon, mean, rate)
        changes(x, dx, g * wide, (g + 1) * wide, mean, rate, drift, slope)
        for k in range(wide):
            w = weight_at(row, weights, k)
            dw = tangent[row[WEIGHT] + k] if row[WEIGHT] >= 0 else zero
            db = tangent[row[BIAS] + k] if row[BIAS] >= 0 else zero
            f = g * wide + k
            for j in range(mean.size):
                hat = (x[f, j] - mean[j]) * rate[j]
                dy[f, j] = w * (rate[j] * (dx[f, j] - drift[j] - hat * slope[j])) + dw * hat + db


@kernel
def layernorm_curved(row, weights, tangent, epsilon, given, adjoint, into, scratch):
    """Add the derivative of `layernorm_backward` along (ẋ, ẇ, ḋ) to `into`.

    With D = w·d, Ḋ = ẇ·d + w·ḋ, h = x̂ and its change ḣ, and ṙ/r = −r·mean(hẋ):
    r(Ḋ − mean Ḋ − ḣ·mean(Dh) − h(mean(Ḋh) + mean(Dḣ))) − r·mean(hẋ)·r(D − mean D − h·mean(Dh)).
    """
    x, dx, d, dd = given.value, given.change, adjoint.value, adjoint.change
    wide, mean, rate, drift, slope = row[WIDE], scratch[0], scratch[1], scratch[2], scratch[3]
    first, second, third, fourth = scratch[4], scratch[5], scratch[6], scratch[7]
    share, zero = x.dtype.type(1) / x.dtype.type(wide), x.dtype.type(0)
    for g in range(row[GROUPS]):
        moments(x, g * wide, (g + 1) * wide, epsilon, mean, rate)
        changes(x, dx, g * wide, (g + 1) * wide, mean, rate, drift, slope)
        means(row, weights, x, d, g, Means(mean, rate, first, second))
        third[:] = 0
        fourth[:] = 0
        for k in range(wide):
            w = weight_at(row, weights, k)
            dw = tangent[row[WEIGHT] + k] if row[WEIGHT] >= 0 else zero
            f = g * wide + k
            for j in range(mean.size):
                hat = (x[f, j] - mean[j]) * rate[j]
                moved = rate[j] * (dx[f, j] - drift[j] - hat * slope[j])
                change = dw * d[f, j] + w * dd[f, j]
                third[j] += share * change
                fourth[j] += share * (change * hat + w * d[f, j] * moved)
        for k in range(wide):
            w = weight_at(row, weights, k)
            dw = tangent[row[WEIGHT] + k] if row[WEIGHT] >= 0 else zero
            f = g * wide + k
            for j in range(mean.size):
                hat = (x[f, j] - mean[j]) * rate[j]
                moved = rate[j] * (dx[f, j] - drift[j] - hat * slope[j])
                change = dw * d[f, j] + w * dd[f, j]
                straight = rate[j] * (w * d[f, j] - first[j] - hat * second[j])
                bent = rate[j] * (change - third[j] - moved * second[j] - hat * fourth[j])
                into[f, j] += bent - rate[j] * slope[j] * straight


@kernel
def layernorm_gradient_tangent(row, epsilon, x, dx, d, dd, gradient, scratch):
    """Add Σ (ḋ·x̂ + d·change of x̂) and Σ ḋ to the tangents of the gradients of weight and bias."""
    wide, mean, rate, drift, slope = row[WIDE], scratch[0], scratch[1], scratch[2], scratch[3]
    for g in range(row[GROUPS]):
        moments(x, g * wide, (g + 1) * wide, epsilon, mean, rate)
        changes(x, dx, g * wide, (g + 1) * wide, mean, rate, drift, slope)
        for k in range(wide):
            f = g * wide + k
            scaled, plain = x.dtype.type(0), x.dtype.type(0)
            for j in range(mean.size):
                hat = (x[f, j] - mean[j]) * rate[j]
                moved = rate[j] * (dx[f, j] - drift[j] - hat * slope[j])
                scaled += dd[f, j] * hat + d[f, j] * moved
                plain += dd[f, j]
            if row[WEIGHT] >= 0:
                gradient[row[WEIGHT] + k] += scaled
            if row[BIAS] >= 0:
                gradient[row[BIAS] + k] += plain


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    layernorm_value(row, frame.weights, network.attributes[i], x, y, frame.scratch)


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
    layernorm_backward(row, frame.weights, network.attributes[i], x, d, target, part, frame.scratch)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    x = block(frame.work, frame.places[source], row[SIZE], frame.width)
    dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    layernorm_tangent(row, frame.weights, frame.vector, network.attributes[i], x, dx, dy, frame.scratch)


def curved(i, pointer):
    """Push the change of an adjoint to its input's and to the gradient: the whole, the reverse rule included."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    x = block(frame.work, frame.places[source], row[SIZE], frame.width)
    dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
    d = block(frame.adjoint, frame.places[i], row[SIZE], frame.width)
    dd = block(frame.into, frame.places[i], row[SIZE], frame.width)
    epsilon = network.attributes[i]
    if row[TRAINED]:
        layernorm_gradient_tangent(row, epsilon, x, dx, d, dd, frame.gradient, frame.scratch)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        target = block(frame.into, frame.places[source], row[SIZE], frame.width)
        given, adjoint = Changing(x, dx), Changing(d, dd)
        layernorm_curved(row, frame.weights, frame.vector, epsilon, given, adjoint, target, frame.scratch)


RULES = {VALUE: Rule(value), BACKWARD: Rule(backward), TANGENT: Rule(tangent), CURVED: Rule(curved)}
