"""`dense`: Y = W X + b for each leading position, X [in, B] a block of features × examples."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.dots import SHALLOWEST, outer
from landscape.kernels.cpu.links import input_of, is_fresh, place_of
from landscape.kernels.cpu.loops import activate
from landscape.kernels.cpu.micro import USES_MICRO, affine, fits, product
from landscape.kernels.cpu.packed import pack_transposed, packed_product
from landscape.kernels.cpu.rules import BACKWARD, CURVED, LINEAR, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.turned import panel_numbers, turned_outer
from landscape.kernels.cpu.views import block
from landscape.kernels.program import Column

WEIGHT, BIAS = int(Column.WEIGHT), int(Column.BIAS)
GROUPS, WIDE, OUT = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT)
SIZE, CODE, ADJOINT = int(Column.SIZE), int(Column.CODE), int(Column.ADJOINT)
ACTIVE, TRAINED = int(Column.ACTIVE), int(Column.TRAINED)


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


def value(i, pointer):
    """Set a row's output, with the activation that rides on it."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    memory, x = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared)
    dense_value(row, frame.weights, memory, x, frame.work, frame.places[i], frame.width)
    if row[CODE] != 0:
        y = block(frame.work, frame.places[i], row[SIZE], frame.width)
        activate(network.rules, row[CODE], y, network.attributes[i])


def linear(i, pointer):
    """Set the row's part of `tangent` to the product with `vector` in the place of the parameters."""
    frame = frame_of(pointer)
    memory, x = place_of(frame.places, input_of(frame.network, i, 0), frame.work, frame.shared)
    dense_value(frame.network.rows[i], frame.vector, memory, x, frame.tangent, frame.targets[i], frame.width)


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if row[TRAINED] and frame.gradient.size > 0:
        memory, x = place_of(frame.places, source, frame.work, frame.shared)
        dense_gradient(
            row, memory, x, frame.adjoint, row[ADJOINT], frame.gradient, frame.scratch, frame.width
        )
        dense_bias_gradient(row, block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width), frame.gradient)
    if network.rows[source, ACTIVE]:
        dense_backward(
            row, frame.weights, frame.adjoint, row[ADJOINT], frame.into, network.rows[source, ADJOINT], frame.scratch, frame.width,
            is_fresh(network, i, 0),
        )  # fmt: skip


def tangent(i, pointer):
    """Set Ẏ = Ẇ X + W Ẋ + ḃ."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if row[TRAINED] and frame.vector.size > 0:
        memory, x = place_of(frame.places, source, frame.work, frame.shared)
        dense_value(row, frame.vector, memory, x, frame.tangent, frame.places[i], frame.width)
    else:
        block(frame.tangent, frame.places[i], row[SIZE], frame.width)[:, :] = 0
    if network.rows[source, ACTIVE]:
        add_dense(
            row, frame.weights, frame.tangent, frame.places[source], frame.tangent, frame.places[i], frame.width
        )  # fmt: skip


def curved(i, pointer):
    """Add what the change of the weights and of the inputs does to the reverse rule."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if row[TRAINED] and network.rows[source, ACTIVE] and frame.vector.size > 0:
        dense_gradient(
            row, frame.tangent, frame.places[source], frame.adjoint, frame.places[i], frame.gradient, frame.scratch, frame.width
        )  # fmt: skip
        dense_backward(
            row, frame.vector, frame.adjoint, frame.places[i], frame.into, frame.places[source], frame.scratch, frame.width, False
        )  # fmt: skip


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value), LINEAR: Rule(linear), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED, CURVED: Rule(curved)
}  # fmt: skip
