"""`dense`: Y = W X + b for each leading position, X [in, B] a block of features × examples."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.dots import outer
from landscape.kernels.cpu.micro import affine, product
from landscape.kernels.program import Column

WEIGHT, BIAS = int(Column.WEIGHT), int(Column.BIAS)
GROUPS, WIDE, OUT = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT)


@kernel
def dense_value(row, weights, source, x, target, y, width):
    """Set target[y:] to W·source[x:] + b; offsets in features."""
    wide, out = row[WIDE], row[OUT]
    for t in range(row[GROUPS]):
        affine(out, width, wide, weights, row[WEIGHT], row[BIAS], source, (x + t * wide) * width, target, (y + t * out) * width)  # fmt: skip


@kernel
def add_dense(row, weights, source, x, target, y, width):
    """Add W·source[x:] to target[y:]."""
    wide, out = row[WIDE], row[OUT]
    for t in range(row[GROUPS]):
        product(False, out, width, wide, weights, row[WEIGHT], source, (x + t * wide) * width, 1.0, target, (y + t * out) * width)  # fmt: skip


@kernel
def dense_backward(row, weights, adjoint, y, into, x, width):
    """Add Wᵀ·adjoint[y:] to into[x:]."""
    wide, out = row[WIDE], row[OUT]
    for t in range(row[GROUPS]):
        product(True, wide, width, out, weights, row[WEIGHT], adjoint, (y + t * out) * width, 1.0, into, (x + t * wide) * width)  # fmt: skip


@kernel
def dense_gradient(row, source, x, adjoint, y, gradient, width):
    """Add adjoint[y:]·source[x:]ᵀ to the weight's part of the gradient."""
    wide, out = row[WIDE], row[OUT]
    for t in range(row[GROUPS]):
        outer(
            out,
            wide,
            width,
            adjoint,
            (y + t * out) * width,
            source,
            (x + t * wide) * width,
            gradient,
            row[WEIGHT],
        )


@kernel
def dense_bias_gradient(row, adjoint, gradient):
    """Add the sums of an adjoint [F, B] over examples and positions to the bias's part of the gradient."""
    if row[BIAS] < 0:
        return
    for f in range(adjoint.shape[0]):
        total = adjoint.dtype.type(0)
        for j in range(adjoint.shape[1]):
            total += adjoint[f, j]
        gradient[row[BIAS] + f % row[OUT]] += total


@kernel
def add_bias(row, weights, y):
    """Add the bias to an output [F, B]."""
    if row[BIAS] < 0:
        return
    for f in range(y.shape[0]):
        bias = weights[row[BIAS] + f % row[OUT]]
        for j in range(y.shape[1]):
            y[f, j] += bias
