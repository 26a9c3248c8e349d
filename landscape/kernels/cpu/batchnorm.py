"""`batchnorm` with running statistics: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), a channel a row, channels last.

`vector` is [θ, constants] or a change of it, which gives the terms of a tangent; `missing` then is what an absent weight counts.
"""

from __future__ import annotations

import math

from landscape.jit import kernel
from landscape.kernels.cpu.dense import add_bias
from landscape.kernels.cpu.switches import activate
from landscape.kernels.program import Column, Geometry

OUT, CODE = int(Column.OUT), int(Column.CODE)
MEAN, VARIANCE = int(Geometry.MEAN), int(Geometry.VARIANCE)
SCALE, SHIFT = int(Geometry.SCALE), int(Geometry.SHIFT)


@kernel
def channel_rate(shape, weights, epsilon, c):
    """Give r of a channel."""
    return weights.dtype.type(1) / math.sqrt(weights[shape[VARIANCE] + c] + epsilon)


@kernel
def parameter(start, vector, c, missing):
    """Give a channel's parameter, or what stands for it where the node has none."""
    return vector[start + c] if start >= 0 else vector.dtype.type(missing)


@kernel
def normalize(shape, weights, vector, missing, epsilon, offset, channels, x, y):
    """Set y [F, B] to the vector's weight · x̂ + its bias for x + the weights' offset (−1: none); x may be y."""
    for c in range(channels):
        scale = parameter(shape[SCALE], vector, c, missing) * channel_rate(shape, weights, epsilon, c)
        mean = weights[shape[MEAN] + c] - parameter(offset, weights, c, 0)
        shift = parameter(shape[SHIFT], vector, c, 0)
        for f in range(c, y.shape[0], channels):
            for j in range(y.shape[1]):
                y[f, j] = (x[f, j] - mean) * scale + shift


@kernel
def finish(row, bias, shape, epsilon, attribute, weights, y):
    """Give an output [F, B] its bias (−1: none is missing), and the normalization and the activation that ride on it."""
    if shape[MEAN] >= 0:
        normalize(shape, weights, weights, 1, epsilon, bias, row[OUT], y, y)
    elif bias >= 0:
        add_bias(row, weights, y)
    if row[CODE] != 0:
        activate(row[CODE], y, attribute)


@kernel
def batchnorm_linear(row, shape, weights, vector, missing, epsilon, d, into):
    """Add the vector's weight · r·d to `into`."""
    for c in range(row[OUT]):
        scale = parameter(shape[SCALE], vector, c, missing) * channel_rate(shape, weights, epsilon, c)
        for f in range(c, d.shape[0], row[OUT]):
            for j in range(d.shape[1]):
                into[f, j] += scale * d[f, j]


@kernel
def batchnorm_gradient(row, shape, weights, epsilon, x, d, gradient, along):
    """Add Σ d·x̂ and Σ d to the gradients of weight and bias; `along` a tangent x, only Σ d·r·x."""
    for f in range(d.shape[0]):
        c = f % row[OUT]
        rate = channel_rate(shape, weights, epsilon, c)
        mean = weights.dtype.type(0) if along else weights[shape[MEAN] + c]
        scaled, plain = d.dtype.type(0), d.dtype.type(0)
        for j in range(d.shape[1]):
            scaled += d[f, j] * (x[f, j] - mean)
            plain += d[f, j]
        if shape[SCALE] >= 0:
            gradient[shape[SCALE] + c] += scaled * rate
        if shape[SHIFT] >= 0 and not along:
            gradient[shape[SHIFT] + c] += plain
