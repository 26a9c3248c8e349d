"""`dense`: Y = W X + b for each leading position; the products are those of `product.py`."""

from __future__ import annotations

from numpy import uint32

from landscape.kernels.cuda.arrays import Matrix, Part, Weight
from landscape.kernels.cuda.product import product
from landscape.kernels.cuda.rows import (
    ACTIVE,
    BIAS,
    CODE,
    GROUPS,
    OUT,
    SIZE,
    TRAINED,
    WEIGHT,
    WIDE,
    activate,
    clear_part,
    input_of,
    offset_of,
)
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.table import BACKWARD, CURVED, GRADIENT, LINEAR, TANGENT, VALUE
from landscape.kernels.cuda.target import cuda


def dense_product(row, weight, source, target, biased, more):
    """Set, or add to, a part of features W·source + b."""
    wide, out = row[WIDE], row[OUT]
    bias = row[BIAS] if biased else -1
    for t in range(row[GROUPS]):
        x = Matrix(source.numbers, (source.start + t * wide) * WIDTH, WIDTH, 1)
        y = Matrix(target.numbers, (target.start + t * out) * WIDTH, WIDTH, 1)
        product(out, WIDTH, wide, Matrix(weight.numbers, weight.start, wide, 1), x, y, bias, more)


def dense_pull(row, weight, adjoint, into):
    """Add Wᵀ·adjoint to a part of features for each leading position."""
    wide, out = row[WIDE], row[OUT]
    for t in range(row[GROUPS]):
        d = Matrix(adjoint.numbers, (adjoint.start + t * out) * WIDTH, WIDTH, 1)
        x = Matrix(into.numbers, (into.start + t * wide) * WIDTH, WIDTH, 1)
        product(wide, WIDTH, out, Matrix(weight.numbers, weight.start, 1, wide), d, x, -1, True)


def dense_outer(row, source, adjoint, gradient):
    """Add adjoint·sourceᵀ to a weight's gradient."""
    wide, out = row[WIDE], row[OUT]
    for t in range(row[GROUPS]):
        d = Matrix(adjoint.numbers, (adjoint.start + t * out) * WIDTH, WIDTH, 1)
        x = Matrix(source.numbers, (source.start + t * wide) * WIDTH, 1, WIDTH)
        product(out, wide, WIDTH, d, x, Matrix(gradient.numbers, gradient.start, wide, 1), -1, True)


def dense_bias_gradient(row, adjoint, y, gradient):
    """Add the sums of an adjoint over examples and positions to the bias's part of the gradient; a thread a feature."""
    if row[BIAS] >= 0:
        f = uint32(cuda.threadIdx.x)
        while f < row[OUT]:
            total = REAL(0)
            for t in range(row[GROUPS]):
                for j in range(WIDTH):
                    total += adjoint[uint32((y + t * row[OUT] + f) * WIDTH + j)]
            gradient[uint32(row[BIAS] + f)] += total
            f = uint32(f + THREADS)


def dense_value(i, frame):
    """Set a row's output, with the activation that rides on it."""
    network, row = frame.network, frame.network.rows[i]
    place, y = frame.places[input_of(network, i, 0)], frame.places[i]
    # Numba's device functions return no arrays, so the choice stands here and in other rules.
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    dense_product(row, Weight(frame.weights, row[WEIGHT]), x, Part(frame.work, y), True, False)
    if row[CODE] != 0:
        cuda.syncthreads()
        activate(row[CODE], frame.work, y * WIDTH, row[SIZE] * WIDTH, network.attributes[i])


def dense_linear(i, frame, y):
    """Set the tangent's features from y on to the product with `vector` in the place of the parameters."""
    row, place = frame.network.rows[i], frame.places[input_of(frame.network, i, 0)]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    dense_product(row, Weight(frame.vector, row[WEIGHT]), x, Part(frame.tangent, y), True, False)


def dense_gradient(i, frame):
    """Add an adjoint's part of the gradient of weight and bias."""
    row, place, y = frame.network.rows[i], frame.places[input_of(frame.network, i, 0)], frame.places[i]
    x = Part(frame.work if place >= 0 else frame.shared, offset_of(place))
    dense_outer(row, x, Part(frame.adjoint, y), Weight(frame.gradient, row[WEIGHT]))
    dense_bias_gradient(row, frame.adjoint, y, frame.gradient)


def dense_backward(i, frame):
    """Push a row's adjoint to its input's."""
    row, source = frame.network.rows[i], input_of(frame.network, i, 0)
    if frame.network.rows[source, ACTIVE]:
        d, into = Part(frame.adjoint, frame.places[i]), Part(frame.into, frame.places[source])
        dense_pull(row, Weight(frame.weights, row[WEIGHT]), d, into)


def dense_tangent(i, frame):
    """Set Ẏ = Ẇ X + W Ẋ + ḃ."""
    row, source, y = frame.network.rows[i], input_of(frame.network, i, 0), frame.places[i]
    if row[TRAINED]:
        dense_linear(i, frame, y)
    else:
        clear_part(frame.tangent, y * WIDTH, row[SIZE] * WIDTH)
    cuda.syncthreads()
    if frame.network.rows[source, ACTIVE]:
        change = Part(frame.tangent, frame.places[source])
        dense_product(row, Weight(frame.weights, row[WEIGHT]), change, Part(frame.tangent, y), False, True)


def dense_curved(i, frame):
    """Add what the change of the weights and of the input does to the reverse rule."""
    row, source = frame.network.rows[i], input_of(frame.network, i, 0)
    if row[TRAINED] and frame.network.rows[source, ACTIVE]:
        d, place = Part(frame.adjoint, frame.places[i]), frame.places[source]
        dense_outer(row, Part(frame.tangent, place), d, Weight(frame.gradient, row[WEIGHT]))
        dense_pull(row, Weight(frame.vector, row[WEIGHT]), d, Part(frame.into, place))


RULES = {
    VALUE: dense_value, LINEAR: dense_linear, GRADIENT: dense_gradient, BACKWARD: dense_backward, TANGENT: dense_tangent,
    CURVED: dense_curved,
}  # fmt: skip
DEVICE = (dense_product, dense_pull, dense_outer, dense_bias_gradient)
