"""`dense`: Y = W X + b for each leading position, X [in, B] a block of features × examples."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.dots import SHALLOWEST, outer
from landscape.kernels.cpu.gathered import Window
from landscape.kernels.cpu.links import input_of, is_fresh, place_of
from landscape.kernels.cpu.loops import activate
from landscape.kernels.cpu.micro import USES_MICRO, affine, fits, product
from landscape.kernels.cpu.packed import Columns, Packed, pack_transposed, packed_product
from landscape.kernels.cpu.rules import BACKWARD, CURVED, LINEAR, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.turned import panel_numbers, turned_outer
from landscape.kernels.cpu.views import block
from landscape.program.table import Column

WEIGHT, BIAS = int(Column.WEIGHT), int(Column.BIAS)
GROUPS, WIDE, OUT = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT)
SIZE, CODE, ADJOINT = int(Column.SIZE), int(Column.CODE), int(Column.ADJOINT)
ACTIVE, TRAINED = int(Column.ACTIVE), int(Column.TRAINED)


@kernel
def dense_value(row, weights, source, target, width):
    """Set a part of features to W·source + b."""
    wide, out, x, y = row[WIDE], row[OUT], source.start, target.start
    for t in range(row[GROUPS]):
        affine(
            out, width, wide, weights, row[WEIGHT], row[BIAS], source.numbers, (x + t * wide) * width, target.numbers,
            (y + t * out) * width,
        )  # fmt: skip


@kernel
def add_dense(row, weights, source, target, width):
    """Add W·source to a part of features."""
    wide, out, x, y = row[WIDE], row[OUT], source.start, target.start
    for t in range(row[GROUPS]):
        product(
            False, out, width, wide, weights, row[WEIGHT], source.numbers, (x + t * wide) * width, 1.0, target.numbers,
            (y + t * out) * width,
        )  # fmt: skip


@kernel
def dense_backward(row, weights, adjoint, into, scratch, width, fresh):
    """Add Wᵀ·adjoint to a part of features, or set it where `fresh`.

    Where there are many positions Wᵀ is packed once for all, since its columns lie far apart; zeros to start from follow it.
    """
    wide, out, packed = row[WIDE], row[OUT], scratch.reshape(-1)
    y, x = adjoint.start, into.start
    zeros = wide * out
    if row[GROUPS] > 1 and USES_MICRO and packed.size >= zeros + wide and fits(width, out, packed.itemsize):
        pack_transposed(wide, out, weights, row[WEIGHT], packed)
        packed[zeros : zeros + wide] = 0
        transposed, window = Packed(packed, 0, out, 0, 0, 0), Window(1, 1, out)
        for t in range(row[GROUPS]):
            delta = Columns(adjoint.numbers, (y + t * out) * width, 0, 0)
            target = Part(into.numbers, (x + t * wide) * width)
            packed_product(wide, width, window, transposed, delta, zeros if fresh else -1, False, target)
        return
    for t in range(row[GROUPS]):
        product(
            True, wide, width, out, weights, row[WEIGHT], adjoint.numbers, (y + t * out) * width, 0.0 if fresh else 1.0,
            into.numbers, (x + t * wide) * width,
        )  # fmt: skip


@kernel
def dense_gradient(row, source, adjoint, gradient, scratch, width):
    """Add adjoint·sourceᵀ to the weight's part of the gradient."""
    wide, out, groups, flat = row[WIDE], row[OUT], row[GROUPS], scratch.reshape(-1)
    x, y = source.start, adjoint.start
    few = groups > 1 or width < SHALLOWEST
    if few and USES_MICRO and flat.size >= panel_numbers(groups, width, gradient.itemsize):
        delta, given = Part(adjoint.numbers, y * width), Part(source.numbers, x * width)
        turned_outer(groups, out, wide, width, delta, given, Part(gradient, row[WEIGHT]), flat)
        return
    for t in range(groups):
        left, right = (y + t * out) * width, (x + t * wide) * width
        outer(out, wide, width, adjoint.numbers, left, source.numbers, right, gradient, row[WEIGHT])


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
    x = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared)
    dense_value(row, frame.weights, x, Part(frame.work, frame.places[i]), frame.width)
    if row[CODE] != 0:
        y = block(frame.work, frame.places[i], row[SIZE], frame.width)
        activate(network.rules, row[CODE], y, network.attributes[i])


def linear(i, pointer):
    """Set the row's part of `tangent` to the product with `vector` in the place of the parameters."""
    frame = frame_of(pointer)
    x = place_of(frame.places, input_of(frame.network, i, 0), frame.work, frame.shared)
    target = Part(frame.tangent, frame.targets[i])
    dense_value(frame.network.rows[i], frame.vector, x, target, frame.width)


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    delta = Part(frame.adjoint, row[ADJOINT])
    if row[TRAINED] and frame.gradient.size > 0:
        x = place_of(frame.places, source, frame.work, frame.shared)
        dense_gradient(row, x, delta, frame.gradient, frame.scratch, frame.width)
        dense_bias_gradient(row, block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width), frame.gradient)
    if network.rows[source, ACTIVE]:
        into, fresh = Part(frame.into, network.rows[source, ADJOINT]), is_fresh(network, i, 0)
        dense_backward(row, frame.weights, delta, into, frame.scratch, frame.width, fresh)


def tangent(i, pointer):
    """Set Ẏ = Ẇ X + W Ẋ + ḃ."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    target = Part(frame.tangent, frame.places[i])
    if row[TRAINED] and frame.vector.size > 0:
        x = place_of(frame.places, source, frame.work, frame.shared)
        dense_value(row, frame.vector, x, target, frame.width)
    else:
        block(frame.tangent, frame.places[i], row[SIZE], frame.width)[:, :] = 0
    if network.rows[source, ACTIVE]:
        add_dense(row, frame.weights, Part(frame.tangent, frame.places[source]), target, frame.width)


def curved(i, pointer):
    """Add what the change of the weights and of the inputs does to the reverse rule."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if row[TRAINED] and network.rows[source, ACTIVE] and frame.vector.size > 0:
        delta, change = Part(frame.adjoint, frame.places[i]), Part(frame.tangent, frame.places[source])
        into = Part(frame.into, frame.places[source])
        dense_gradient(row, change, delta, frame.gradient, frame.scratch, frame.width)
        dense_backward(row, frame.vector, delta, into, frame.scratch, frame.width, False)


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value), LINEAR: Rule(linear), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED, CURVED: Rule(curved)
}  # fmt: skip
