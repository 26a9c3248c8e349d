"""`batchnorm` with the statistics of the batch: y = w·h + b, h = (x − μ)·r, μ and r = (σ² + ε)^(−½) of a channel over the tile's examples and pixels.

A tile is a batch. Its padding is masked: `mask` [B] is 1 for examples and 0 after them, `share` one over the count of a channel's elements.
Derivatives are those of `layernorm.py` with a channel's rows and columns in the place of a group's rows. Row sums are in the dtype, their sums
in float64.
"""

from __future__ import annotations

import math

from landscape.jit import kernel
from landscape.kernels.cpu.links import clear_fresh, input_of
from landscape.kernels.cpu.loops import activate
from landscape.kernels.cpu.ops.batchnorm import parameter
from landscape.kernels.cpu.rules import BACKWARD, CURVED, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column, Geometry

OUT, SIZE, CODE = int(Column.OUT), int(Column.SIZE), int(Column.CODE)
ADJOINT, ACTIVE, TRAINED = int(Column.ADJOINT), int(Column.ACTIVE), int(Column.TRAINED)
SCALE, SHIFT = int(Geometry.SCALE), int(Geometry.SHIFT)
FOLLOWED_MEAN, FOLLOWED_VARIANCE = int(Geometry.FOLLOWED_MEAN), int(Geometry.FOLLOWED_VARIANCE)


@kernel
def share_of(x, channels, mask):
    """Give one over the number of elements that a channel has in the batch."""
    total = 0.0
    for j in range(mask.size):
        total += mask[j]
    return 1.0 / (total * (x.shape[0] // channels))


@kernel
def center_and_variance(x, c, channels, mask, share):
    """Give μ and σ² of a channel, in two passes."""
    mean, square = 0.0, 0.0
    for f in range(c, x.shape[0], channels):
        part = x.dtype.type(0)
        for j in range(mask.size):
            part += mask[j] * x[f, j]
        mean += part
    centre = x.dtype.type(mean * share)
    for f in range(c, x.shape[0], channels):
        part = x.dtype.type(0)
        for j in range(mask.size):
            part += mask[j] * (x[f, j] - centre) * (x[f, j] - centre)
        square += part
    return centre, square * share


@kernel
def moments(x, c, channels, mask, share, epsilon):
    """Give μ and r of a channel."""
    centre, variance = center_and_variance(x, c, channels, mask, share)
    return centre, x.dtype.type(1.0 / math.sqrt(variance + epsilon))


@kernel
def follow(row, shape, momentum, weights, x, mask):
    """Move the running statistics among the weights toward those of a batch x, the variance as an unbiased one; where a row has none, do nothing."""
    if shape[FOLLOWED_MEAN] < 0:
        return
    channels, share, part = row[OUT], share_of(x, row[OUT], mask), float(momentum)
    for c in range(channels):
        centre, variance = center_and_variance(x, c, channels, mask, share)
        i, j = shape[FOLLOWED_MEAN] + c, shape[FOLLOWED_VARIANCE] + c
        weights[i] = (1.0 - part) * weights[i] + part * centre
        weights[j] = (1.0 - part) * weights[j] + part * variance / (1.0 - share)


@kernel
def means(x, d, c, channels, mask, share, mean, rate):
    """Give a channel's mean of d and of d·h."""
    first, second = 0.0, 0.0
    for f in range(c, x.shape[0], channels):
        plain, scaled = x.dtype.type(0), x.dtype.type(0)
        for j in range(mask.size):
            plain += mask[j] * d[f, j]
            scaled += mask[j] * d[f, j] * ((x[f, j] - mean) * rate)
        first += plain
        second += scaled
    return x.dtype.type(first * share), x.dtype.type(second * share)


@kernel
def batch_value(row, shape, weights, epsilon, x, y, mask):
    """Set y [F, B]."""
    channels, share = row[OUT], share_of(x, row[OUT], mask)
    for c in range(channels):
        mean, rate = moments(x, c, channels, mask, share, epsilon)
        scale, shift = parameter(shape[SCALE], weights, c, 1) * rate, parameter(shape[SHIFT], weights, c, 0)
        for f in range(c, x.shape[0], channels):
            for j in range(mask.size):
                y[f, j] = (x[f, j] - mean) * scale + shift


@kernel
def batch_backward(row, shape, weights, epsilon, x, d, into, mask):
    """Add r·w(d − mean(d) − h·mean(d·h)) to `into` for an adjoint d."""
    channels, share = row[OUT], share_of(x, row[OUT], mask)
    for c in range(channels):
        mean, rate = moments(x, c, channels, mask, share, epsilon)
        first, second = means(x, d, c, channels, mask, share, mean, rate)
        scale = parameter(shape[SCALE], weights, c, 1) * rate
        for f in range(c, x.shape[0], channels):
            for j in range(mask.size):
                hat = (x[f, j] - mean) * rate
                into[f, j] += mask[j] * scale * (d[f, j] - first - hat * second)


@kernel
def batch_gradient(row, shape, epsilon, x, d, gradient, mask):
    """Add Σ d·h and Σ d to the gradients of weight and bias."""
    channels, share = row[OUT], share_of(x, row[OUT], mask)
    for c in range(channels):
        mean, rate = moments(x, c, channels, mask, share, epsilon)
        first, second = means(x, d, c, channels, mask, 1.0, mean, rate)
        if shape[SCALE] >= 0:
            gradient[shape[SCALE] + c] += second
        if shape[SHIFT] >= 0:
            gradient[shape[SHIFT] + c] += first


@kernel
def batch_tangent(row, shape, weights, vector, epsilon, x, dx, dy, mask):
    """Set dy to w·(change of h) + ẇ·h + ḃ; h changes by r(ẋ − mean(ẋ) − h·mean(hẋ))."""
    channels, share = row[OUT], share_of(x, row[OUT], mask)
    for c in range(channels):
        mean, rate = moments(x, c, channels, mask, share, epsilon)
        drift, slope = means(x, dx, c, channels, mask, share, mean, rate)
        w, dw = parameter(shape[SCALE], weights, c, 1), parameter(shape[SCALE], vector, c, 0)
        db = parameter(shape[SHIFT], vector, c, 0)
        for f in range(c, x.shape[0], channels):
            for j in range(mask.size):
                hat = (x[f, j] - mean) * rate
                dy[f, j] = w * rate * (dx[f, j] - drift - hat * slope) + dw * hat + db


@kernel
def crossed(x, dx, d, c, channels, mask, share, mean, rate, drift, slope):
    """Give a channel's mean of d·(change of h)."""
    total = 0.0
    for f in range(c, x.shape[0], channels):
        part = x.dtype.type(0)
        for j in range(mask.size):
            hat = (x[f, j] - mean) * rate
            part += mask[j] * d[f, j] * rate * (dx[f, j] - drift - hat * slope)
        total += part
    return x.dtype.type(total * share)


@kernel
def batch_curved(row, shape, weights, vector, epsilon, x, dx, d, into, gradient, mask):
    """Add the change of `batch_backward` and of `batch_gradient` along (ẋ, ẇ), the adjoint d held fixed.

    With ḣ the change of h: r·ẇ(d − mean d − h·mean(dh)) − r·w(ḣ·mean(dh) + h·mean(dḣ)) − r·mean(hẋ)·r·w(d − mean d − h·mean(dh)), and Σ dḣ.
    """
    channels, share = row[OUT], share_of(x, row[OUT], mask)
    for c in range(channels):
        mean, rate = moments(x, c, channels, mask, share, epsilon)
        first, second = means(x, d, c, channels, mask, share, mean, rate)
        drift, slope = means(x, dx, c, channels, mask, share, mean, rate)
        cross = crossed(x, dx, d, c, channels, mask, share, mean, rate, drift, slope)
        w, dw = parameter(shape[SCALE], weights, c, 1), parameter(shape[SCALE], vector, c, 0)
        if shape[SCALE] >= 0:
            gradient[shape[SCALE] + c] += x.dtype.type(cross / share)
        for f in range(c, x.shape[0], channels):
            for j in range(mask.size):
                hat = (x[f, j] - mean) * rate
                moved = rate * (dx[f, j] - drift - hat * slope)
                straight = rate * (d[f, j] - first - hat * second)
                bent = rate * w * (moved * second + hat * cross)
                into[f, j] += mask[j] * (dw * straight - bent - rate * slope * w * straight)


def value(i, pointer):
    """Set a row's output, with the activation that rides on it."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    y = block(frame.work, frame.places[i], row[SIZE], frame.width)
    mask = block(frame.shared, network.rows[0, SIZE], 1, frame.width)[0]
    batch_value(row, network.geometry[i], frame.weights, network.epsilons[i], x, y, mask)
    if row[CODE] != 0:
        activate(network.rules, row[CODE], y, network.attributes[i])


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, shape = frame.network, frame.network.rows[i], frame.network.geometry[i]
    source, epsilon = input_of(network, i, 0), network.epsilons[i]
    x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
    d = block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width)
    mask = block(frame.shared, network.rows[0, SIZE], 1, frame.width)[0]
    if row[TRAINED] and frame.gradient.size > 0:
        batch_gradient(row, shape, epsilon, x, d, frame.gradient, mask)
    if network.rows[source, ACTIVE]:
        clear_fresh(network, i, frame.into, frame.width)
        target = block(frame.into, network.rows[source, ADJOINT], row[SIZE], frame.width)
        batch_backward(row, shape, frame.weights, epsilon, x, d, target, mask)


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    x = output_block(network, frame.places, source, frame.work, frame.shared, frame.width)
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    # The input's change; an input that nothing moves may have no place there, so zeros lie where the result comes.
    dx = dy
    if network.rows[source, ACTIVE]:
        dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
    else:
        dy[:, :] = 0
    mask = block(frame.shared, network.rows[0, SIZE], 1, frame.width)[0]
    batch_tangent(row, network.geometry[i], frame.weights, frame.vector, network.epsilons[i], x, dx, dy, mask)


def curved(i, pointer):
    """Add what the change of the weights and of the inputs does to the reverse rule."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if network.rows[source, ACTIVE]:
        x = block(frame.work, frame.places[source], row[SIZE], frame.width)
        dx = block(frame.tangent, frame.places[source], row[SIZE], frame.width)
        d = block(frame.adjoint, frame.places[i], row[SIZE], frame.width)
        target = block(frame.into, frame.places[source], row[SIZE], frame.width)
        mask = block(frame.shared, network.rows[0, SIZE], 1, frame.width)[0]
        batch_curved(
            row, network.geometry[i], frame.weights, frame.vector, network.epsilons[i], x, dx, d, target, frame.gradient, mask
        )  # fmt: skip


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
    CURVED: Rule(curved),
}
