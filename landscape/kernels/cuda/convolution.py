"""`conv2d` and `conv1d`, channels last: a thread sums a few channels of one pixel of one example over the taps that meet the image.

A result is summed by one thread in the order of its taps and channels. The weight's gradient is a sum over pixels and examples, a thread a weight.
"""

from __future__ import annotations

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.geometry import (
    CHANNELS,
    DILATION_X,
    DILATION_Y,
    HEIGHT,
    IMAGE_GROUPS,
    IMAGE_WIDTH,
    KERNEL_X,
    KERNEL_Y,
    OUT_CHANNELS,
    OUT_HEIGHT,
    OUT_WIDTH,
    PADDING_X,
    PADDING_Y,
    STRIDE_X,
    STRIDE_Y,
)
from landscape.kernels.cuda.rows import BIAS, WEIGHT
from landscape.kernels.cuda.shape import KIND, REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda

# Channels that a thread sums at once, so that what they share is read once.
FEW = 4


def meeting(position, tap, stride, padding, dilation, size):
    """Give the pixel that a tap of an output position meets, −1 where that is padding."""
    pixel = position * stride - padding + tap * dilation
    return pixel if 0 <= pixel < size else -1


def met_by(pixel, tap, stride, padding, dilation, size):
    """Give the output position whose tap meets a pixel, −1 where there is none."""
    start = pixel + padding - tap * dilation
    return start // stride if start >= 0 and start % stride == 0 and start // stride < size else -1


def few_of(q, channels, groups):
    """Cut a thread's number into pixel, group of channels and first of its channels there."""
    each = (channels // groups + FEW - 1) // FEW
    rest = q // WIDTH
    return rest // each // groups, rest // each % groups, rest % each * FEW


def few_items(pixels, channels, groups):
    """Count what threads share: pixels × few channels × examples."""
    return pixels * groups * ((channels // groups + FEW - 1) // FEW) * WIDTH


def add_taps(shape, vector, weight, step, depth, across, left, source, p, sums):
    """Add to sums Σ_k vector[weight + r·step + k·across]·source[p + k], k < depth, for the first `left` of the few r."""
    for k in range(depth):
        value = source[uint32(p + k * WIDTH)]
        for r in range(FEW):
            if r < left:
                sums[r] += vector[uint32(weight + r * step + k * across)] * value


def convolve_few(row, shape, vector, source, x, pixel, g, first, j, sums):
    """Add to sums the few output channels from `first` of a group at an output pixel."""
    taps, channels = shape[KERNEL_Y] * shape[KERNEL_X], shape[CHANNELS] // shape[IMAGE_GROUPS]
    outs, v, u = shape[OUT_CHANNELS] // shape[IMAGE_GROUPS], pixel // shape[OUT_WIDTH], pixel % shape[OUT_WIDTH]  # fmt: skip
    start = row[WEIGHT] + (g * outs + first) * channels * taps
    for a in range(shape[KERNEL_Y]):
        top = meeting(v, a, shape[STRIDE_Y], shape[PADDING_Y], shape[DILATION_Y], shape[HEIGHT])
        for b in range(shape[KERNEL_X]):
            left = meeting(u, b, shape[STRIDE_X], shape[PADDING_X], shape[DILATION_X], shape[IMAGE_WIDTH])
            if top >= 0 and left >= 0:
                there = x + (top * shape[IMAGE_WIDTH] + left) * shape[CHANNELS] + g * channels
                weight = start + a * shape[KERNEL_X] + b
                add_taps(shape, vector, weight, channels * taps, channels, taps, outs - first, source, there * WIDTH + j, sums)  # fmt: skip


def convolution_value(row, shape, vector, source, x, target, y, biased, more):
    """Set, or add to, target[y:] the vector's weight over source[x:], with its bias where `biased`; offsets in features."""
    sums = cuda.local.array(FEW, KIND)
    groups, outs = shape[IMAGE_GROUPS], shape[OUT_CHANNELS] // shape[IMAGE_GROUPS]
    pixels, q = shape[OUT_HEIGHT] * shape[OUT_WIDTH], int64(cuda.threadIdx.x)
    while q < few_items(pixels, shape[OUT_CHANNELS], groups):
        pixel, g, first = few_of(q, shape[OUT_CHANNELS], groups)
        o, j = g * outs + first, q % WIDTH
        for r in range(FEW):
            sums[r] = vector[uint32(row[BIAS] + o + r)] if biased and row[BIAS] >= 0 and first + r < outs else REAL(0)  # fmt: skip
        convolve_few(row, shape, vector, source, x, pixel, g, first, j, sums)
        for r in range(FEW):
            if first + r < outs:
                p = uint32((y + pixel * shape[OUT_CHANNELS] + o + r) * WIDTH + j)
                target[p] = target[p] + sums[r] if more else sums[r]
        q += THREADS


def gather_few(row, shape, vector, adjoint, y, pixel, g, first, j, sums):
    """Add to sums what all taps that meet an input pixel push to its few channels from `first` of a group."""
    taps, channels = shape[KERNEL_Y] * shape[KERNEL_X], shape[CHANNELS] // shape[IMAGE_GROUPS]
    outs, above, beside = shape[OUT_CHANNELS] // shape[IMAGE_GROUPS], pixel // shape[IMAGE_WIDTH], pixel % shape[IMAGE_WIDTH]  # fmt: skip
    start = row[WEIGHT] + (g * outs * channels + first) * taps
    for a in range(shape[KERNEL_Y]):
        v = met_by(above, a, shape[STRIDE_Y], shape[PADDING_Y], shape[DILATION_Y], shape[OUT_HEIGHT])
        for b in range(shape[KERNEL_X]):
            u = met_by(beside, b, shape[STRIDE_X], shape[PADDING_X], shape[DILATION_X], shape[OUT_WIDTH])
            if v >= 0 and u >= 0:
                there = y + (v * shape[OUT_WIDTH] + u) * shape[OUT_CHANNELS] + g * outs
                weight = start + a * shape[KERNEL_X] + b
                add_taps(shape, vector, weight, taps, outs, channels * taps, channels - first, adjoint, there * WIDTH + j, sums)  # fmt: skip


def convolution_backward(row, shape, vector, adjoint, y, into, x):
    """Add to into[x:] what the vector's weight makes of an adjoint."""
    sums = cuda.local.array(FEW, KIND)
    groups, channels = shape[IMAGE_GROUPS], shape[CHANNELS] // shape[IMAGE_GROUPS]
    pixels, q = shape[HEIGHT] * shape[IMAGE_WIDTH], int64(cuda.threadIdx.x)
    while q < few_items(pixels, shape[CHANNELS], groups):
        pixel, g, first = few_of(q, shape[CHANNELS], groups)
        for r in range(FEW):
            sums[r] = REAL(0)
        gather_few(row, shape, vector, adjoint, y, pixel, g, first, q % WIDTH, sums)
        for r in range(FEW):
            if first + r < channels:
                p = uint32((x + pixel * shape[CHANNELS] + g * channels + first + r) * WIDTH + q % WIDTH)
                into[p] += sums[r]
        q += THREADS


def tap_sum(shape, source, x, adjoint, y, o, c, a, b):
    """Give Σ of an adjoint's channel o times the channel c that a tap meets, over pixels and examples."""
    total = REAL(0)
    for v in range(shape[OUT_HEIGHT]):
        top = meeting(v, a, shape[STRIDE_Y], shape[PADDING_Y], shape[DILATION_Y], shape[HEIGHT])
        for u in range(shape[OUT_WIDTH]):
            left = meeting(u, b, shape[STRIDE_X], shape[PADDING_X], shape[DILATION_X], shape[IMAGE_WIDTH])
            if top >= 0 and left >= 0:
                p = (x + (top * shape[IMAGE_WIDTH] + left) * shape[CHANNELS] + c) * WIDTH
                r = (y + (v * shape[OUT_WIDTH] + u) * shape[OUT_CHANNELS] + o) * WIDTH
                for j in range(WIDTH):
                    total += source[uint32(p + j)] * adjoint[uint32(r + j)]
    return total


def convolution_gradient(row, shape, source, x, adjoint, y, gradient):
    """Add an adjoint's part of the weight's gradient; a thread a weight."""
    taps, channels = shape[KERNEL_Y] * shape[KERNEL_X], shape[CHANNELS] // shape[IMAGE_GROUPS]
    outs, q = shape[OUT_CHANNELS] // shape[IMAGE_GROUPS], int64(cuda.threadIdx.x)
    while q < shape[OUT_CHANNELS] * channels * taps:
        o, tap = q // (channels * taps), q % taps
        c = o // outs * channels + q // taps % channels
        gradient[uint32(row[WEIGHT] + q)] += tap_sum(shape, source, x, adjoint, y, o, c, tap // shape[KERNEL_X], tap % shape[KERNEL_X])  # fmt: skip
        q += THREADS


DEVICE = (
    meeting, met_by, few_of, few_items, add_taps, convolve_few, convolution_value, gather_few, convolution_backward, tap_sum,
    convolution_gradient,
)  # fmt: skip
ENTRIES = ()
