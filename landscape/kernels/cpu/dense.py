"""`dense`: Y = W X + b for each leading position, X [in, B] a block of features × examples."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.dots import SHALLOWEST, outer
from landscape.kernels.cpu.micro import USES_MICRO, affine, fits, product
from landscape.kernels.cpu.packed import pack_transposed, packed_product
from landscape.kernels.cpu.turned import panel_numbers, turned_outer
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
def dense_backward(row, weights, adjoint, y, into, x, scratch, width, fresh):
    """Add Wᵀ·adjoint[y:] to into[x:], or set it where `fresh`.

    Where there are many positions Wᵀ is packed once for all, since its columns lie far apart; zeros to start from follow it.
    """
    wide, out, packed = row[WIDE], row[OUT], scratch.reshape(-1)
    zeros = wide * out
    if row[GROUPS] > 1 and USES_MICRO and packed.size >= zeros + wide and fits(width, out, into.itemsize):
        pack_transposed(wide, out, weights, row[WEIGHT], packed)
        packed[zeros : zeros + wide] = 0
        for t in range(row[GROUPS]):
            packed_product(
                wide, width, out, packed, 0, out, 0, 0, 0, adjoint, (y + t * out) * width, 0, 0, 1, 1,
                zeros if fresh else -1, False,
                into, (x + t * wide) * width,
            )  # fmt: skip
        return
    for t in range(row[GROUPS]):
        product(True, wide, width, out, weights, row[WEIGHT], adjoint, (y + t * out) * width, 0.0 if fresh else 1.0, into, (x + t * wide) * width)  # fmt: skip


@kernel
def dense_gradient(row, source, x, adjoint, y, gradient, scratch, width):
    """Add adjoint[y:]·source[x:]ᵀ to the weight's part of the gradient."""
    wide, out, groups, flat = row[WIDE], row[OUT], row[GROUPS], scratch.reshape(-1)
    few = groups > 1 or width < SHALLOWEST
    if few and USES_MICRO and flat.size >= panel_numbers(groups, width, gradient.itemsize):
        turned_outer(groups, out, wide, width, adjoint, y * width, source, x * width, gradient, row[WEIGHT], flat)  # fmt: skip
        return
    for t in range(groups):
        outer(out, wide, width, adjoint, (y + t * out) * width, source, (x + t * wide) * width, gradient, row[WEIGHT])  # fmt: skip


@kernel
def dense_bias_gradient(row, adjoint, gradient):
    """Add the sums of an adjoint [F, B] over examples and positions to the bias's part of the gradient."""
    if row[BIAS] < 0:
        return
    for start in range(0, adjoint.shape[0], row[OUT]):
        for k in range(row[OUT]):
            total = adjoint.dtype.type(0)
            for j in range(adjoint.shape[1]):
                total += adjoint[start + k, j]
            gradient[row[BIAS] + k] += total


@kernel
def add_bias(row, weights, y):
    """Add the bias to an output [F, B]."""
    if row[BIAS] < 0:
        return
    for start in range(0, y.shape[0], row[OUT]):
        for k in range(row[OUT]):
            bias = weights[row[BIAS] + k]
            for j in range(y.shape[1]):
                y[start + k, j] += bias
