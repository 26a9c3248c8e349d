"""`embedding`: each token's vector is the row of the weight that its id names; linear in the weight."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.links import input_of
from landscape.kernels.cpu.rules import BACKWARD, LINEAR, REVERSE, TANGENT, VALUE, Rule, frame_of
from landscape.kernels.cpu.views import block, output_block
from landscape.program.table import Column

WEIGHT, GROUPS, OUT = int(Column.WEIGHT), int(Column.GROUPS), int(Column.OUT)
SIZE, ADJOINT, TRAINED = int(Column.SIZE), int(Column.ADJOINT), int(Column.TRAINED)


@kernel
def embedding_value(row, vector, ids, y):
    """Set y [T·D, B] to the rows of `vector`'s weight that ids [T, B], whole numbers in the data's dtype, name."""
    wide = row[OUT]
    for t in range(row[GROUPS]):
        for j in range(ids.shape[1]):
            start = row[WEIGHT] + int(ids[t, j]) * wide
            for k in range(wide):
                y[t * wide + k, j] = vector[start + k]


@kernel
def embedding_gradient(row, ids, d, gradient):
    """Add an adjoint d to the gradients of the rows that were read."""
    wide = row[OUT]
    for t in range(row[GROUPS]):
        for j in range(ids.shape[1]):
            start = row[WEIGHT] + int(ids[t, j]) * wide
            for k in range(wide):
                gradient[start + k] += d[t * wide + k, j]


def value(i, pointer):
    """Set a row's output."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    ids = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    embedding_value(row, frame.weights, ids, block(frame.work, frame.places[i], row[SIZE], frame.width))


def linear(i, pointer):
    """Set the row's part of `tangent` to the vectors that `vector` has in the place of the parameters."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    ids = output_block(network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width)
    embedding_value(row, frame.vector, ids, block(frame.tangent, frame.targets[i], row[SIZE], frame.width))


def backward(i, pointer):
    """Add a row's adjoint to the gradient; ids have none."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    if row[TRAINED] and frame.gradient.size > 0:
        ids = output_block(
            network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width
        )
        embedding_gradient(
            row, ids, block(frame.adjoint, row[ADJOINT], row[SIZE], frame.width), frame.gradient
        )


def tangent(i, pointer):
    """Set a row's tangent."""
    frame = frame_of(pointer)
    network, row = frame.network, frame.network.rows[i]
    dy = block(frame.tangent, frame.places[i], row[SIZE], frame.width)
    if row[TRAINED] and frame.vector.size > 0:
        ids = output_block(
            network, frame.places, input_of(network, i, 0), frame.work, frame.shared, frame.width
        )
        embedding_value(row, frame.vector, ids, dy)
    else:
        dy[:, :] = 0


REVERSED = Rule(backward)
RULES = {
    VALUE: Rule(value),
    LINEAR: Rule(linear),
    BACKWARD: REVERSED,
    TANGENT: Rule(tangent),
    REVERSE: REVERSED,
}
