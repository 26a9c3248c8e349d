"""`batchnorm` with running statistics: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), channels last; it may ride on a convolution.

`vector` is [θ, constants] or a change of it, which gives the terms of a tangent; `missing` then is what an absent weight counts.
"""

from __future__ import annotations

import math

from numba import int64
from numpy import uint32

from landscape.kernels.cuda.columns import sum_over_examples
from landscape.kernels.cuda.geometry import MEAN_PLACE, SCALE_PLACE, SHIFT_PLACE, VARIANCE_PLACE
from landscape.kernels.cuda.rows import OUT, SIZE
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda


def channel_rate(shape, weights, c, epsilon):
    """Give r of a channel."""
    return REAL(1) / math.sqrt(weights[uint32(shape[VARIANCE_PLACE] + c)] + epsilon)


def parameter(start, vector, c, missing):
    """Give a channel's parameter, or what stands for it where the node has none."""
    return vector[uint32(start + c)] if start >= 0 else REAL(missing)


def channel_scale(shape, weights, vector, c, missing, epsilon):
    """Give a channel's scale of the vector times r."""
    return parameter(shape[SCALE_PLACE], vector, c, missing) * channel_rate(shape, weights, c, epsilon)


def normalized(shape, weights, vector, c, missing, epsilon, value):
    """Give the vector's weight · x̂ + its bias for a channel's number."""
    away = value - weights[uint32(shape[MEAN_PLACE] + c)]
    return away * channel_scale(shape, weights, vector, c, missing, epsilon) + parameter(shape[SHIFT_PLACE], vector, c, 0)  # fmt: skip


def batchnorm_linear(row, shape, weights, vector, missing, epsilon, d, start, into, target):
    """Add the vector's weight · r·d to into[target:]; offsets in features."""
    q = int64(cuda.threadIdx.x)
    while q < row[SIZE] * WIDTH:
        scale = channel_scale(shape, weights, vector, q // WIDTH % row[OUT], missing, epsilon)
        into[uint32(target * WIDTH + q)] += scale * d[uint32(start * WIDTH + q)]
        q += THREADS


def batchnorm_tangent(row, shape, weights, vector, epsilon, source, x, tangent, place, y, moved):
    """Set tangent[y:] to ẇ·x̂ + ḃ, and where the input moves w·r·ẋ more, ẋ at `place`."""
    q = int64(cuda.threadIdx.x)
    while q < row[SIZE] * WIDTH:
        c = q // WIDTH % row[OUT]
        value = normalized(shape, weights, vector, c, 0, epsilon, source[uint32(x * WIDTH + q)])
        if moved:
            value += channel_scale(shape, weights, weights, c, 1, epsilon) * tangent[uint32(place * WIDTH + q)]  # fmt: skip
        tangent[uint32(y * WIDTH + q)] = value
        q += THREADS


def add_channels(row, shape, weights, epsilon, source, x, d, y, work, s, along):
    """Set a row of scratch a channel to the sums over pixels of d·x̂, or of d·r·x where x is a change `along` a tangent."""
    channels, q = row[OUT], int64(cuda.threadIdx.x)
    while q < channels * WIDTH:
        mean = REAL(0) if along else weights[uint32(shape[MEAN_PLACE] + q // WIDTH)]
        total = REAL(0)
        for pixel in range(row[SIZE] // channels):
            p = pixel * channels * WIDTH + q
            total += d[uint32(y * WIDTH + p)] * (source[uint32(x * WIDTH + p)] - mean)
        work[uint32(s * WIDTH + q)] = total * channel_rate(shape, weights, q // WIDTH, epsilon)
        q += THREADS
    cuda.syncthreads()


def batchnorm_gradient(row, shape, weights, epsilon, source, x, d, y, gradient, work, s, along):
    """Add Σ d·x̂ to the gradient of the weight; `along` a tangent x, Σ d·r·x."""
    if shape[SCALE_PLACE] >= 0:
        add_channels(row, shape, weights, epsilon, source, x, d, y, work, s, along)
        sum_over_examples(work, s, row[OUT], gradient, shape[SCALE_PLACE])


DEVICE = (
    channel_rate, parameter, channel_scale, normalized, batchnorm_linear, batchnorm_tangent, add_channels, batchnorm_gradient,
)  # fmt: skip
ENTRIES = ()
