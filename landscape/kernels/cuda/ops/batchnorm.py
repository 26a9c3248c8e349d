"""`batchnorm` with running statistics: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), channels last; it may ride on a convolution.

`vector` is [θ, constants] or a change of it, which gives the terms of a tangent; `missing` then is what an absent weight counts.
"""

from __future__ import annotations

import math

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Part
from landscape.kernels.cuda.columns import scratch_start, sum_over_examples, sum_over_pixels
from landscape.kernels.cuda.geometry import MEAN_PLACE, SCALE_PLACE, SHIFT_PLACE, VARIANCE_PLACE
from landscape.kernels.cuda.rows import (
    ACTIVE,
    CODE,
    OUT,
    SIZE,
    TRAINED,
    activation_value,
    copy_numbers,
    input_of,
    offset_of,
)
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, GRADIENT, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def scratch_rows(row, shape):
    """Count the rows of scratch that a row notes things in."""
    return row[OUT]


def channel_rate(shape, weights, c, epsilon):
    """Give r of a channel."""
    return REAL(1) / math.sqrt(weights[uint32(shape[VARIANCE_PLACE] + c)] + epsilon)


def parameter(start, vector, c, missing):
    """Give a channel's parameter, or what stands for it where the node has none."""
    return vector[uint32(start + c)] if start >= 0 else REAL(missing)


def channel_scale(i, frame, vector, c, missing):
    """Give a channel's scale of the vector times r."""
    shape, epsilon = frame.network.geometry[i], frame.network.epsilons[i]
    return parameter(shape[SCALE_PLACE], vector, c, missing) * channel_rate(shape, frame.weights, c, epsilon)


def normalized(i, frame, vector, c, missing, value):
    """Give the vector's weight · x̂ + its bias for a channel's number."""
    shape = frame.network.geometry[i]
    away = value - frame.weights[uint32(shape[MEAN_PLACE] + c)]
    return away * channel_scale(i, frame, vector, c, missing) + parameter(shape[SHIFT_PLACE], vector, c, 0)


def riding(i, frame, f, value):
    """Give a feature's number with the running normalization that rides on its row, if one does."""
    if frame.network.geometry[i, MEAN_PLACE] < 0:
        return value
    return normalized(i, frame, frame.weights, f % frame.network.rows[i, OUT], 1, value)


def finish(i, frame):
    """Give a row's output the normalization and the activation that ride on it."""
    network, row, q = frame.network, frame.network.rows[i], uint32(cuda.threadIdx.x)
    while q < row[SIZE] * WIDTH:
        p = uint32(frame.places[i] * WIDTH + q)
        value = riding(i, frame, q // WIDTH, frame.work[p])
        frame.work[p] = activation_value(row[CODE], value, network.attributes[i])
        q = uint32(q + THREADS)


def pull_channels(i, frame, vector, missing):
    """Add the vector's weight · r·adjoint to the input's part of `into`."""
    row, q, y = frame.network.rows[i], int64(cuda.threadIdx.x), frame.places[i] * WIDTH
    x = frame.places[input_of(frame.network, i, 0)] * WIDTH
    while q < row[SIZE] * WIDTH:
        scale = channel_scale(i, frame, vector, q // WIDTH % row[OUT], missing)
        frame.into[uint32(x + q)] += scale * frame.adjoint[uint32(y + q)]
        q += THREADS


def add_channels(i, frame, source, s, along):
    """Set a row of scratch a channel to the sums over pixels of d·x̂, or of d·r·x where x is a change `along` a tangent."""
    row, shape, y = frame.network.rows[i], frame.network.geometry[i], frame.places[i]
    channels, q, epsilon = row[OUT], int64(cuda.threadIdx.x), frame.network.epsilons[i]
    while q < channels * WIDTH:
        mean = REAL(0) if along else frame.weights[uint32(shape[MEAN_PLACE] + q // WIDTH)]
        total = REAL(0)
        for pixel in range(row[SIZE] // channels):
            p = pixel * channels * WIDTH + q
            value = source.numbers[uint32(source.start * WIDTH + p)] - mean
            total += frame.adjoint[uint32(y * WIDTH + p)] * value
        rate = channel_rate(shape, frame.weights, q // WIDTH, epsilon)
        frame.work[uint32(s * WIDTH + q)] = total * rate
        q += THREADS
    cuda.syncthreads()


def add_scale_gradient(i, frame, source, along):
    """Add Σ d·x̂ to the gradient of the weight; `along` a tangent x, Σ d·r·x."""
    scale, s = frame.network.geometry[i, SCALE_PLACE], scratch_start(frame.network, frame.places)
    if scale >= 0:
        add_channels(i, frame, source, s, along)
        sum_over_examples(frame.work, s, frame.network.rows[i, OUT], frame.gradient, scale)


def batchnorm_value(i, frame):
    """Set a row's output, with the activation that rides on it."""
    network, place = frame.network, frame.places[input_of(frame.network, i, 0)]
    memory = frame.work if place >= 0 else frame.shared
    count = network.rows[i, SIZE] * WIDTH
    copy_numbers(memory, offset_of(place) * WIDTH, frame.work, frame.places[i] * WIDTH, count, False)
    cuda.syncthreads()
    finish(i, frame)


def batchnorm_gradient(i, frame):
    """Add an adjoint's part of the gradients of weight and bias."""
    row, shift, y = frame.network.rows[i], frame.network.geometry[i, SHIFT_PLACE], frame.places[i]
    place, s = frame.places[input_of(frame.network, i, 0)], scratch_start(frame.network, frame.places)
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    add_scale_gradient(i, frame, x, False)
    if shift >= 0:
        sum_over_pixels(frame.adjoint, y, row[SIZE], row[OUT], frame.work, s)
        sum_over_examples(frame.work, s, row[OUT], frame.gradient, shift)


def batchnorm_backward(i, frame):
    """Push a row's adjoint to its input's."""
    if frame.network.rows[input_of(frame.network, i, 0), ACTIVE]:
        pull_channels(i, frame, frame.weights, 1)


def batchnorm_tangent(i, frame):
    """Set a row's tangent to ẇ·x̂ + ḃ, and where the input moves w·r·ẋ more."""
    row, source, q = frame.network.rows[i], input_of(frame.network, i, 0), int64(cuda.threadIdx.x)
    place, y, moved = frame.places[source], frame.places[i] * WIDTH, frame.network.rows[source, ACTIVE] != 0
    memory, x = frame.work if place >= 0 else frame.shared, offset_of(place) * WIDTH
    while q < row[SIZE] * WIDTH:
        c = q // WIDTH % row[OUT]
        value = normalized(i, frame, frame.vector, c, 0, memory[uint32(x + q)])
        if moved:
            scale = channel_scale(i, frame, frame.weights, c, 1)
            value += scale * frame.tangent[uint32(place * WIDTH + q)]
        frame.tangent[uint32(y + q)] = value
        q += THREADS


def batchnorm_curved(i, frame):
    """Add what the change of the weights and of the input does to the reverse rule."""
    source = input_of(frame.network, i, 0)
    if frame.network.rows[i, TRAINED] and frame.network.rows[source, ACTIVE]:
        add_scale_gradient(i, frame, Part(frame.tangent, frame.places[source]), True)
        pull_channels(i, frame, frame.vector, 0)


RULES = {
    VALUE: batchnorm_value, GRADIENT: batchnorm_gradient, BACKWARD: batchnorm_backward, TANGENT: batchnorm_tangent,
    CURVED: batchnorm_curved,
}  # fmt: skip
DEVICE = (
    channel_rate, parameter, channel_scale, normalized, riding, finish, pull_channels, add_channels, add_scale_gradient,
)  # fmt: skip
