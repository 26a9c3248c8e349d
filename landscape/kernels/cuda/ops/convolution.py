"""`conv2d` and `conv1d`, channels last: a thread sums a few channels of one pixel of one example over the taps that meet the image.

A result is summed by one thread in the order of its taps and channels. The weight's gradient is a sum over pixels and examples, a thread a weight.
"""

from __future__ import annotations

from typing import NamedTuple

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.arrays import Matrix, Part, Weight
from landscape.kernels.cuda.columns import scratch_start, sum_over_examples, sum_over_pixels
from landscape.kernels.cuda.geometry import (
    CHANNELS,
    DILATION_X,
    DILATION_Y,
    HEIGHT,
    IMAGE_GROUPS,
    IMAGE_WIDTH,
    KERNEL_X,
    KERNEL_Y,
    MEAN_PLACE,
    OUT_CHANNELS,
    OUT_HEIGHT,
    OUT_WIDTH,
    PADDING_X,
    PADDING_Y,
    STRIDE_X,
    STRIDE_Y,
)
from landscape.kernels.cuda.ops.batchnorm import finish, riding
from landscape.kernels.cuda.rows import (
    ACTIVE,
    BIAS,
    CODE,
    OUT,
    SIZE,
    TRAINED,
    WEIGHT,
    clear_part,
    input_of,
    offset_of,
)
from landscape.kernels.cuda.shape import KIND, REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, FINISH, GRADIENT, LINEAR, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.windows import meeting, met_by

# Channels that a thread sums at once, so that what they share is read once.
FEW = 4


class Few(NamedTuple):
    """What a thread sums: a pixel, a group of channels, the first of its few channels there, and an example."""

    pixel: int
    group: int
    first: int
    example: int


def scratch_rows(row, shape):
    """Count the rows of scratch that a row notes things in."""
    return row[OUT]


def few_of(q, channels, groups):
    """Cut a thread's number into what it sums."""
    each = (channels // groups + FEW - 1) // FEW
    rest = q // WIDTH
    return Few(rest // each // groups, rest // each % groups, rest % each * FEW, q % WIDTH)


def few_items(pixels, channels, groups):
    """Count what threads share: pixels × few channels × examples."""
    return pixels * groups * ((channels // groups + FEW - 1) // FEW) * WIDTH


def add_taps(weights, depth, left, source, p, sums):
    """Add to sums Σ_k weights[r, k]·source[p + k], k < depth, for the first `left` of the few r."""
    for k in range(depth):
        value = source[uint32(p + k * WIDTH)]
        for r in range(FEW):
            if r < left:
                sums[r] += weights.numbers[uint32(weights.start + r * weights.row + k * weights.column)] * value  # fmt: skip


def convolve_few(shape, weight, source, few, sums):
    """Add to sums the few output channels of a group at an output pixel."""
    pixel, g, first = few.pixel, few.group, few.first
    taps, channels = shape[KERNEL_Y] * shape[KERNEL_X], shape[CHANNELS] // shape[IMAGE_GROUPS]
    outs, v, u = shape[OUT_CHANNELS] // shape[IMAGE_GROUPS], pixel // shape[OUT_WIDTH], pixel % shape[OUT_WIDTH]  # fmt: skip
    start = weight.start + (g * outs + first) * channels * taps
    for a in range(shape[KERNEL_Y]):
        top = meeting(v, a, shape[STRIDE_Y], shape[PADDING_Y], shape[DILATION_Y], shape[HEIGHT])
        for b in range(shape[KERNEL_X]):
            left = meeting(u, b, shape[STRIDE_X], shape[PADDING_X], shape[DILATION_X], shape[IMAGE_WIDTH])
            if top >= 0 and left >= 0:
                there = source.start + (top * shape[IMAGE_WIDTH] + left) * shape[CHANNELS] + g * channels
                weights = Matrix(weight.numbers, start + a * shape[KERNEL_X] + b, channels * taps, taps)
                add_taps(weights, channels, outs - first, source.numbers, there * WIDTH + few.example, sums)


def convolve(row, shape, weight, source, target, biased, more):
    """Set, or add to, a part of features a weight over the source, with the row's bias, of the same memory, where `biased`."""
    sums = cuda.local.array(FEW, KIND)
    groups, outs = shape[IMAGE_GROUPS], shape[OUT_CHANNELS] // shape[IMAGE_GROUPS]
    pixels, q = shape[OUT_HEIGHT] * shape[OUT_WIDTH], int64(cuda.threadIdx.x)
    while q < few_items(pixels, shape[OUT_CHANNELS], groups):
        few = few_of(q, shape[OUT_CHANNELS], groups)
        o, first = few.group * outs + few.first, few.first
        for r in range(FEW):
            sums[r] = weight.numbers[uint32(row[BIAS] + o + r)] if biased and row[BIAS] >= 0 and first + r < outs else REAL(0)  # fmt: skip
        convolve_few(shape, weight, source, few, sums)
        for r in range(FEW):
            if first + r < outs:
                p = uint32((target.start + few.pixel * shape[OUT_CHANNELS] + o + r) * WIDTH + few.example)
                target.numbers[p] = target.numbers[p] + sums[r] if more else sums[r]
        q += THREADS


def gather_few(shape, weight, adjoint, few, sums):
    """Add to sums what all taps that meet an input pixel push to its few channels of a group."""
    pixel, g, first = few.pixel, few.group, few.first
    taps, channels = shape[KERNEL_Y] * shape[KERNEL_X], shape[CHANNELS] // shape[IMAGE_GROUPS]
    outs, above, beside = shape[OUT_CHANNELS] // shape[IMAGE_GROUPS], pixel // shape[IMAGE_WIDTH], pixel % shape[IMAGE_WIDTH]  # fmt: skip
    start = weight.start + (g * outs * channels + first) * taps
    for a in range(shape[KERNEL_Y]):
        v = met_by(above, a, shape[STRIDE_Y], shape[PADDING_Y], shape[DILATION_Y], shape[OUT_HEIGHT])
        for b in range(shape[KERNEL_X]):
            u = met_by(beside, b, shape[STRIDE_X], shape[PADDING_X], shape[DILATION_X], shape[OUT_WIDTH])
            if v >= 0 and u >= 0:
                there = adjoint.start + (v * shape[OUT_WIDTH] + u) * shape[OUT_CHANNELS] + g * outs
                weights = Matrix(weight.numbers, start + a * shape[KERNEL_X] + b, taps, channels * taps)
                add_taps(weights, outs, channels - first, adjoint.numbers, there * WIDTH + few.example, sums)


def pull_pixels(shape, weight, adjoint, into):
    """Add to a part of features what a weight makes of an adjoint."""
    sums = cuda.local.array(FEW, KIND)
    groups, channels = shape[IMAGE_GROUPS], shape[CHANNELS] // shape[IMAGE_GROUPS]
    pixels, q = shape[HEIGHT] * shape[IMAGE_WIDTH], int64(cuda.threadIdx.x)
    while q < few_items(pixels, shape[CHANNELS], groups):
        few = few_of(q, shape[CHANNELS], groups)
        for r in range(FEW):
            sums[r] = REAL(0)
        gather_few(shape, weight, adjoint, few, sums)
        for r in range(FEW):
            if few.first + r < channels:
                f = into.start + few.pixel * shape[CHANNELS] + few.group * channels + few.first + r
                into.numbers[uint32(f * WIDTH + few.example)] += sums[r]
        q += THREADS


def tap_sum(shape, source, adjoint, o, c, a, b):
    """Give Σ of an adjoint's channel o times the channel c that a tap meets, over pixels and examples."""
    total = REAL(0)
    for v in range(shape[OUT_HEIGHT]):
        top = meeting(v, a, shape[STRIDE_Y], shape[PADDING_Y], shape[DILATION_Y], shape[HEIGHT])
        for u in range(shape[OUT_WIDTH]):
            left = meeting(u, b, shape[STRIDE_X], shape[PADDING_X], shape[DILATION_X], shape[IMAGE_WIDTH])
            if top >= 0 and left >= 0:
                p = (source.start + (top * shape[IMAGE_WIDTH] + left) * shape[CHANNELS] + c) * WIDTH
                r = (adjoint.start + (v * shape[OUT_WIDTH] + u) * shape[OUT_CHANNELS] + o) * WIDTH
                for j in range(WIDTH):
                    total += source.numbers[uint32(p + j)] * adjoint.numbers[uint32(r + j)]
    return total


def add_weight_gradient(shape, source, adjoint, gradient):
    """Add an adjoint's part of a weight's gradient; a thread a number of it."""
    taps, channels = shape[KERNEL_Y] * shape[KERNEL_X], shape[CHANNELS] // shape[IMAGE_GROUPS]
    outs, q = shape[OUT_CHANNELS] // shape[IMAGE_GROUPS], int64(cuda.threadIdx.x)
    while q < shape[OUT_CHANNELS] * channels * taps:
        o, tap = q // (channels * taps), q % taps
        c = o // outs * channels + q // taps % channels
        total = tap_sum(shape, source, adjoint, o, c, tap // shape[KERNEL_X], tap % shape[KERNEL_X])
        gradient.numbers[uint32(gradient.start + q)] += total
        q += THREADS


def convolution_value(i, frame):
    """Set a row's output, with the normalization and the activation that ride on it."""
    row, shape, place = frame.network.rows[i], frame.network.geometry[i], frame.places[input_of(frame.network, i, 0)]  # fmt: skip
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    convolve(
        row, shape, Weight(frame.weights, row[WEIGHT]), x, Part(frame.work, frame.places[i]), True, False
    )
    if shape[MEAN_PLACE] >= 0 or row[CODE] != 0:
        cuda.syncthreads()
        finish(i, frame)


def convolution_linear(i, frame, y):
    """Set the tangent's features from y on to the product with `vector` in the place of the parameters."""
    row, shape, place = frame.network.rows[i], frame.network.geometry[i], frame.places[input_of(frame.network, i, 0)]  # fmt: skip
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    convolve(row, shape, Weight(frame.vector, row[WEIGHT]), x, Part(frame.tangent, y), True, False)


def convolution_gradient(i, frame):
    """Add an adjoint's part of the gradients of weight and bias."""
    row, shape, y = frame.network.rows[i], frame.network.geometry[i], frame.places[i]
    place, s = frame.places[input_of(frame.network, i, 0)], scratch_start(frame.network, frame.places)
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    add_weight_gradient(shape, x, Part(frame.adjoint, y), Weight(frame.gradient, row[WEIGHT]))
    if row[BIAS] >= 0:
        sum_over_pixels(frame.adjoint, y, row[SIZE], shape[OUT_CHANNELS], frame.work, s)
        sum_over_examples(frame.work, s, shape[OUT_CHANNELS], frame.gradient, row[BIAS])


def convolution_backward(i, frame):
    """Push a row's adjoint to its input's."""
    row, source = frame.network.rows[i], input_of(frame.network, i, 0)
    if frame.network.rows[source, ACTIVE]:
        d, into = Part(frame.adjoint, frame.places[i]), Part(frame.into, frame.places[source])
        pull_pixels(frame.network.geometry[i], Weight(frame.weights, row[WEIGHT]), d, into)


def convolution_tangent(i, frame):
    """Set Ẏ = Ẇ X + W Ẋ + ḃ."""
    row, source, y = frame.network.rows[i], input_of(frame.network, i, 0), frame.places[i]
    if row[TRAINED]:
        convolution_linear(i, frame, y)
    else:
        clear_part(frame.tangent, y * WIDTH, row[SIZE] * WIDTH)
    cuda.syncthreads()
    if frame.network.rows[source, ACTIVE]:
        dx, dy = Part(frame.tangent, frame.places[source]), Part(frame.tangent, y)
        convolve(row, frame.network.geometry[i], Weight(frame.weights, row[WEIGHT]), dx, dy, False, True)


def convolution_curved(i, frame):
    """Add what the change of the weights and of the input does to the reverse rule."""
    row, shape, source = frame.network.rows[i], frame.network.geometry[i], input_of(frame.network, i, 0)
    if row[TRAINED] and frame.network.rows[source, ACTIVE]:
        d, place = Part(frame.adjoint, frame.places[i]), frame.places[source]
        add_weight_gradient(shape, Part(frame.tangent, place), d, Weight(frame.gradient, row[WEIGHT]))
        pull_pixels(shape, Weight(frame.vector, row[WEIGHT]), d, Part(frame.into, place))


RULES = {
    VALUE: convolution_value, LINEAR: convolution_linear, FINISH: riding, GRADIENT: convolution_gradient,
    BACKWARD: convolution_backward, TANGENT: convolution_tangent, CURVED: convolution_curved,
}  # fmt: skip
DEVICE = (
    few_of, few_items, add_taps, convolve_few, convolve, gather_few, pull_pixels, tap_sum, add_weight_gradient,
)  # fmt: skip
