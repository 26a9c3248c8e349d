"""`batchnorm` with running statistics: y = w·x̂ + b with x̂ = (x − μ)·r, r = (σ² + ε)^(−½), a channel a row, channels last.

`vector` is [θ, constants] or a change of it, which gives the terms of a tangent; `missing` then is what an absent weight counts.
"""

from __future__ import annotations

import math

from landscape.jit import kernel
from landscape.kernels.program import Column, Geometry

WEIGHT, BIAS, OUT = int(Column.WEIGHT), int(Column.BIAS), int(Column.OUT)
MEAN, VARIANCE = int(Geometry.MEAN), int(Geometry.VARIANCE)


@kernel
def channel_rate(shape, weights, epsilon, c):
    """Give r of a channel."""
    return weights.dtype.type(1) / math.sqrt(weights[shape[VARIANCE] + c] + epsilon)


@kernel
def parameter(start, vector, c, missing):
    """Give a channel's parameter, or what stands for it where the node has none."""
    return vector[start + c] if start >= 0 else vector.dtype.type(missing)


@kernel
def batchnorm_value(row, shape, weights, vector, missing, epsilon, x, y):
    """Set y [F, B] to the vector's weight · x̂ + its bias; x may be y."""
    for f in range(y.shape[0]):
        c = f % row[OUT]
        scale = parameter(row[WEIGHT], vector, c, missing) * channel_rate(shape, weights, epsilon, c)
        mean, bias = weights[shape[MEAN] + c], parameter(row[BIAS], vector, c, 0)
        for j in range(y.shape[1]):
            y[f, j] = (x[f, j] - mean) * scale + bias


@kernel
def batchnorm_linear(row, shape, weights, vector, missing, epsilon, d, into):
    """Add the vector's weight · r·d to `into`."""
    for f in range(d.shape[0]):
        c = f % row[OUT]
        scale = parameter(row[WEIGHT], vector, c, missing) * channel_rate(shape, weights, epsilon, c)
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
        if row[WEIGHT] >= 0:
            gradient[row[WEIGHT] + c] += scaled * rate
        if row[BIAS] >= 0 and not along:
            gradient[row[BIAS] + c] += plain
