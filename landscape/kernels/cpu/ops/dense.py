"""`dense`: Y = W X + b for each leading position, X [in, B] a block of features × examples."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import FROM_OUT, FROM_ZERO, Depth, Out, Part, Product
from landscape.kernels.cpu.links import input_of, is_fresh, place_of
from landscape.kernels.cpu.loops import activate
from landscape.kernels.cpu.products import add_outer, columns_of, examples_of, multiply_each, rows_of
from landscape.kernels.cpu.rules import BACKWARD, CURVED, LINEAR, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block
from landscape.program.codes import ACTIVATION_CODES
from landscape.program.table import Column

WEIGHT, BIAS = int(Column.WEIGHT), int(Column.BIAS)
GROUPS, WIDE, OUT = int(Column.GROUPS), int(Column.WIDE), int(Column.OUT)
SIZE, CODE, ADJOINT = int(Column.SIZE), int(Column.CODE), int(Column.ADJOINT)
ACTIVE, TRAINED = int(Column.ACTIVE), int(Column.TRAINED)
RELU = ACTIVATION_CODES["relu"]


@kernel
def dense_value(rules, row, weight, source, target, width, start, cut):
    """Set a part of features to start + W·source at each position, its positive part where `cut`; W is a part of an array, `start` as in a product."""
    wide, out = row[WIDE], row[OUT]
    left = rows_of(weight.numbers, weight.start, wide)
    right = examples_of(source.numbers, source.start * width, width)
    into = Out(target.numbers, target.start * width, width)
    one = Product(out, width, Depth(1, 1, wide), left, right, start, cut, into)
    multiply_each(rules, one, row[GROUPS], wide * width, out * width)


@kernel
def dense_backward(rules, row, weight, adjoint, into, width, fresh):
    """Add Wᵀ·adjoint to a part of features, or set it where `fresh`."""
    wide, out = row[WIDE], row[OUT]
    left = columns_of(weight.numbers, weight.start, wide)
    right = examples_of(adjoint.numbers, adjoint.start * width, width)
    target = Out(into.numbers, into.start * width, width)
    one = Product(wide, width, Depth(1, 1, out), left, right, FROM_ZERO if fresh else FROM_OUT, 0, target)
    multiply_each(rules, one, row[GROUPS], out * width, wide * width)


@kernel
def dense_gradient(rules, row, source, adjoint, gradient, width):
    """Add adjoint·sourceᵀ, summed over positions, to the weight's gradient, a part of an array."""
    delta, given = Part(adjoint.numbers, adjoint.start * width), Part(source.numbers, source.start * width)
    add_outer(rules, row[GROUPS], (row[OUT], row[WIDE]), width, delta, given, gradient)


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
    x, y = (
        place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared),
        Part(frame.work, frame.places[i]),
    )
    cut = 1 if row[CODE] == RELU else 0
    dense_value(network.rules, row, Part(frame.weights, row[WEIGHT]), x, y, frame.width, row[BIAS], cut)
    if row[CODE] != 0 and cut == 0:
        activate(
            network.rules,
            row[CODE],
            block(frame.work, frame.places[i], row[SIZE], frame.width),
            network.attributes[i],
        )


def linear(i, pointer):
    """Set the row's part of `tangent` to the product with `vector` in the place of the parameters."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    x = place_of(frame.places, input_of(network, i, 0), frame.work, frame.shared)
    target = Part(frame.tangent, frame.targets[i])
    dense_value(network.rules, row, Part(frame.vector, row[WEIGHT]), x, target, frame.width, row[BIAS], 0)


def backward(i, pointer):
    """Push a row's adjoint to its input's and to the gradient."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    delta = Part(frame.adjoint, row[ADJOINT])
    if row[TRAINED] and frame.gradient.size > 0:
        x = place_of(frame.places, source, frame.work, frame.shared)
        dense_gradient(network.rules, row, x, delta, Part(frame.gradient, row[WEIGHT]), frame.width)
        dense_bias_gradient(row, block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width), frame.gradient)
    if network.rows[source, ACTIVE]:
        into, fresh = Part(frame.into, network.rows[source, ADJOINT]), is_fresh(network, i, 0)
        dense_backward(network.rules, row, Part(frame.weights, row[WEIGHT]), delta, into, frame.width, fresh)


def tangent(i, pointer):
    """Set Ẏ = Ẇ X + W Ẋ + ḃ."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    target = Part(frame.tangent, frame.places[i])
    if row[TRAINED] and frame.vector.size > 0:
        x = place_of(frame.places, source, frame.work, frame.shared)
        dense_value(network.rules, row, Part(frame.vector, row[WEIGHT]), x, target, frame.width, row[BIAS], 0)
    else:
        block(frame.tangent, frame.places[i], row[SIZE], frame.width)[:, :] = 0
    if network.rows[source, ACTIVE]:
        dx = Part(frame.tangent, frame.places[source])
        dense_value(
            network.rules, row, Part(frame.weights, row[WEIGHT]), dx, target, frame.width, FROM_OUT, 0
        )


def curved(i, pointer):
    """Add what the change of the weights and of the inputs does to the reverse rule."""
    frame = frame_of(pointer)
    network, row, source = frame.network, frame.network.rows[i], input_of(frame.network, i, 0)
    if row[TRAINED] and network.rows[source, ACTIVE] and frame.vector.size > 0:
        delta, change = Part(frame.adjoint, frame.places[i]), Part(frame.tangent, frame.places[source])
        into = Part(frame.into, frame.places[source])
        dense_gradient(network.rules, row, change, delta, Part(frame.gradient, row[WEIGHT]), frame.width)
        dense_backward(network.rules, row, Part(frame.vector, row[WEIGHT]), delta, into, frame.width, False)


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value), LINEAR: Rule(linear), BACKWARD: REVERSED, TANGENT: Rule(tangent), REVERSE: REVERSED, CURVED: Rule(curved)
}  # fmt: skip
