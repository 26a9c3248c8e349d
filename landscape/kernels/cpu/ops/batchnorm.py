"""`batchnorm` with running statistics: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), a channel a row, channels last.

`vector` is [θ, constants] or a change of it, which gives the terms of a tangent; `missing` then is what an absent weight counts.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.links import input_of, is_fresh
from landscape.kernels.cpu.loops import activate
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, flat, output_block
from landscape.program.table import Column, Geometry

OUT, CODE, SIZE = int(Column.OUT), int(Column.CODE), int(Column.SIZE)
ADJOINT, ACTIVE, TRAINED = int(Column.ADJOINT), int(Column.ACTIVE), int(Column.TRAINED)
MEAN, VARIANCE = int(Geometry.MEAN), int(Geometry.VARIANCE)
SCALE, SHIFT = int(Geometry.SCALE), int(Geometry.SHIFT)


@kernel
def channel_rate(shape, weights, epsilon, c):
    """Give r of a channel."""
    return weights.dtype.type(1) / math.sqrt(weights[shape[VARIANCE] + c] + epsilon)


@kernel
def parameter(start, vector, c, missing):
    """Give a channel's parameter, or its default if the node has none."""
    return vector[start + c] if start >= 0 else vector.dtype.type(missing)


@kernel
def fill(line, c, width, value):
    """Set a channel's part of a line."""
    line[c * width : (c + 1) * width] = value


class Statistics(NamedTuple):
    """The statistics that normalize a row's channels: the row of the geometry, [θ, constants], ε, and the number of channels."""

    shape: NDArray
    weights: NDArray
    epsilon: float
    channels: int


@kernel(viewing=True)
def statistics_of(frame, i):
    """Return what normalizes row i's channels."""
    network = frame.network
    return Statistics(network.geometry[i], frame.weights, network.epsilons[i], network.rows[i, OUT])


@kernel
def set_factors(known, vector, missing, width, factors):
    """Set factors [3, channels·B] to each channel's scale, the vector's weight times its rate, to its mean, and to the vector's bias."""
    shape, weights = known.shape, known.weights
    for c in range(known.channels):
        rate = channel_rate(shape, weights, known.epsilon, c)
        fill(factors[0], c, width, parameter(shape[SCALE], vector, c, missing) * rate)
        fill(factors[1], c, width, weights[shape[MEAN] + c])
        fill(factors[2], c, width, parameter(shape[SHIFT], vector, c, 0))


@kernel
def normalize(known, vector, missing, y, scratch):
    """Turn y [F, B] into the vector's weight · x̂ + its bias for x = y."""
    factors = block(flat(scratch), 0, 3, known.channels * y.shape[1])
    set_factors(known, vector, missing, y.shape[1], factors)
    scale, mean, shift, out = factors[0], factors[1], factors[2], flat(y)
    for start in range(0, out.size, scale.size):
        pixel = out[start : start + scale.size]
        for q in range(pixel.size):
            pixel[q] = (pixel[q] - mean[q]) * scale[q] + shift[q]


@kernel
def normalize_into(known, vector, missing, x, y, scratch):
    """Set y [F, B] to the vector's weight · x̂ + its bias."""
    factors = block(flat(scratch), 0, 3, known.channels * y.shape[1])
    set_factors(known, vector, missing, y.shape[1], factors)
    scale, mean, shift, source, out = factors[0], factors[1], factors[2], flat(x), flat(y)
    for start in range(0, out.size, scale.size):
        given, pixel = source[start : start + scale.size], out[start : start + scale.size]
        for q in range(pixel.size):
            pixel[q] = (given[q] - mean[q]) * scale[q] + shift[q]


@kernel
def batchnorm_linear(known, vector, missing, d, into, fresh, scratch):
    """Add the vector's weight · r·d to `into`, or set it to that where `fresh`."""
    width, scale = d.shape[1], flat(scratch)[: known.channels * d.shape[1]]
    for c in range(known.channels):
        rate = channel_rate(known.shape, known.weights, known.epsilon, c)
        fill(scale, c, width, parameter(known.shape[SCALE], vector, c, missing) * rate)
    source, target = flat(d), flat(into)
    for start in range(0, source.size, scale.size):
        one, two = source[start : start + scale.size], target[start : start + scale.size]
        if fresh:
            for q in range(scale.size):
                two[q] = scale[q] * one[q]
        else:
            for q in range(scale.size):
                two[q] += scale[q] * one[q]


@kernel
def batchnorm_gradient(known, x, d, gradient, along, scratch):
    """Add Σ d·x̂ and Σ d to the gradients of weight and bias; `along` a tangent x, only Σ d·r·x."""
    shape, weights, channels = known.shape, known.weights, known.channels
    width, sums = d.shape[1], block(flat(scratch), 0, 3, channels * d.shape[1])
    mean, scaled, plain = sums[0], sums[1], sums[2]
    sums[:] = 0
    if not along:
        for c in range(channels):
            fill(mean, c, width, weights[shape[MEAN] + c])
    source, adjoint = flat(x), flat(d)
    for start in range(0, source.size, mean.size):
        one, two = source[start : start + mean.size], adjoint[start : start + mean.size]
        for q in range(mean.size):
            scaled[q] += two[q] * (one[q] - mean[q])
            plain[q] += two[q]
    for c in range(channels):
        part = slice(c * width, (c + 1) * width)
        if shape[SCALE] >= 0:
            gradient[shape[SCALE] + c] += scaled[part].sum() * channel_rate(shape, weights, known.epsilon, c)
        if shape[SHIFT] >= 0 and not along:
            gradient[shape[SHIFT] + c] += plain[part].sum()


def value(i, pointer):
    """Set a row's output, with the activation that rides on it."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    normalize_into(statistics_of(frame, i), frame.weights, 1, x, y, frame.scratch)
    if row[CODE] != 0:
        activate(network.rules, row[CODE], y, network.attributes[i])


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    known = statistics_of(frame, i)
    d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
    if row[TRAINED] and frame.gradient.size > 0:
        x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
        batchnorm_gradient(known, x, d, frame.gradient, False, frame.scratch)
    if network.rows[source, ACTIVE]:
        target = block(frame.into, network.rows[source, ADJOINT], row[SIZE], frame.width)
        batchnorm_linear(known, frame.weights, 1, d, target, is_fresh(network, i, 0), frame.scratch)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    known = statistics_of(frame, i)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    moved = row[TRAINED] and frame.vector.size > 0
    if moved:
        x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
        normalize_into(known, frame.vector, 0, x, dy, frame.scratch)
    if network.rows[source, ACTIVE]:
        dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
        batchnorm_linear(known, frame.weights, 1, dx, dy, not moved, frame.scratch)
    elif not moved:
        dy[:, :] = 0


def curved(i, pointer):
    """Add what the change of the weights and of the inputs does to the reverse rule."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if row[TRAINED] and network.rows[source, ACTIVE] and frame.vector.size > 0:
        d = block(frame.adjoint, frame.places[i], row[SIZE], frame.width)
        dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
        target = block(frame.into, frame.places[source], row[SIZE], frame.width)
        known = statistics_of(frame, i)
        batchnorm_gradient(known, dx, d, frame.gradient, True, frame.scratch)
        batchnorm_linear(known, frame.vector, 0, d, target, False, frame.scratch)


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}
