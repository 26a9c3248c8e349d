"""Reverse rules: from the adjoint of a row's output to those of its inputs and to the gradient of its parameters.

An adjoint is a sum over the rows that read an output. The first of them that the reverse pass meets sets it, the others add to it.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_part, add_product, add_rows, copy_rows
from landscape.kernels.cpu.dense import dense_backward, dense_bias_gradient, dense_gradient
from landscape.kernels.cpu.forward import input_of
from landscape.kernels.cpu.layernorm import layernorm_backward
from landscape.kernels.cpu.softmax import softmax_linear
from landscape.kernels.cpu.switches import add_slope, set_slope
from landscape.kernels.cpu.views import block, output_block
from landscape.kernels.cpu.wider import wide_backward
from landscape.kernels.program import WIDER, Column, Op

OP, SIZE, INPUTS, GROUPS = int(Column.OP), int(Column.SIZE), int(Column.INPUTS), int(Column.GROUPS)
CODE, ACTIVE, TRAINED = int(Column.CODE), int(Column.ACTIVE), int(Column.TRAINED)
LAST_READER, ADJOINT = int(Column.LAST_READER), int(Column.ADJOINT)
DENSE, ACTIVATION, LAYERNORM = int(Op.DENSE), int(Op.ACTIVATION), int(Op.LAYERNORM)
ADD, MULTIPLY, CONCAT, ATTENTION = int(Op.ADD), int(Op.MULTIPLY), int(Op.CONCAT), int(Op.ATTENTION)
FIRST_WIDER = int(WIDER)


@kernel
def backward(network, places, weights, work, shared, adjoint, gradient, scratch, width):
    """Run all rows in reverse; `adjoint` holds the output's.

    The gradient is added to; an empty one is not computed.
    """
    for i in range(network.rows.shape[0] - 1, 0, -1):
        if network.rows[i, ACTIVE]:
            backward_row(
                i, network, places, weights, work, shared, adjoint, adjoint, gradient, scratch, width
            )


@kernel
def is_fresh(network, i, number):
    """Say whether nothing stands yet in the adjoint of row i's input of a number."""
    source = input_of(network, i, number)
    for earlier in range(number):
        if input_of(network, i, earlier) == source:
            return False
    return network.rows[source, LAST_READER] == i


@kernel
def backward_row(i, network, places, weights, work, shared, adjoint, into, gradient, scratch, width):
    """Push a row's adjoint to its inputs' parts of `into` and its parameters' of the gradient."""
    row, source = network.rows[i], input_of(network, i, 0)
    if row[OP] == DENSE:
        dense_row(i, network, places, weights, work, shared, adjoint, into, gradient, scratch, width)
        return
    if row[OP] >= FIRST_WIDER:
        # Attention is the only reader of its projections, and sets their adjoint.
        if network.rows[source, ACTIVE] and row[OP] != ATTENTION and is_fresh(network, i, 0):
            block(into, network.rows[source, ADJOINT], network.rows[source, SIZE], width)[:, :] = 0
        wide_backward(
            i,
            network,
            places,
            weights,
            work,
            shared,
            adjoint,
            into,
            gradient,
            scratch,
            width,
        )
        return
    x, d = (
        output_block(network, places, source, work, shared, width),
        block(adjoint, row[ADJOINT], row[SIZE], width),
    )
    if row[OP] == LAYERNORM:
        layernorm_row(i, network, weights, x, d, into, gradient, scratch, width)
    elif row[OP] == ADD or row[OP] == CONCAT or row[OP] == MULTIPLY:
        spread(i, network, places, work, shared, d, into, width)
    elif network.rows[source, ACTIVE]:
        y = block(work, places[i], row[SIZE], width)
        target = block(into, network.rows[source, ADJOINT], row[SIZE], width)
        elementwise_row(row, network.attributes[i], x, y, d, target, is_fresh(network, i, 0), scratch)


@kernel
def layernorm_row(i, network, weights, x, d, into, gradient, scratch, width):
    """Push an adjoint d through a layer normalization."""
    row, source = network.rows[i], input_of(network, i, 0)
    target = block(
        into, network.rows[source, ADJOINT], row[SIZE] if network.rows[source, ACTIVE] else 0, width
    )
    if target.shape[0] > 0 and is_fresh(network, i, 0):
        target[:, :] = 0
    part = gradient[: gradient.size if row[TRAINED] else 0]
    layernorm_backward(row, weights, network.attributes[i], x, d, target, part, scratch)


@kernel
def elementwise_row(row, attribute, x, y, d, target, fresh, scratch):
    """Push an adjoint d through an activation or a softmax."""
    if row[OP] == ACTIVATION:
        if fresh:
            set_slope(row[CODE], x, y, d, target, attribute)
        else:
            add_slope(row[CODE], x, y, d, target, attribute)
        return
    if fresh:
        target[:, :] = 0
    softmax_linear(y, d, target, row[GROUPS], scratch)


@kernel
def dense_row(i, network, places, weights, work, shared, adjoint, into, gradient, scratch, width):
    """Push an adjoint through a product."""
    row, source = network.rows[i], input_of(network, i, 0)
    if row[TRAINED] and gradient.size > 0:
        if places[source] >= 0:
            dense_gradient(row, work, places[source], adjoint, row[ADJOINT], gradient, scratch, width)
        else:
            dense_gradient(row, shared, -1 - places[source], adjoint, row[ADJOINT], gradient, scratch, width)
        dense_bias_gradient(row, block(adjoint, row[ADJOINT], row[SIZE], width), gradient)
    if network.rows[source, ACTIVE]:
        fresh, target = is_fresh(network, i, 0), network.rows[source, ADJOINT]
        dense_backward(row, weights, adjoint, row[ADJOINT], into, target, scratch, width, fresh)


@kernel
def spread(i, network, places, work, shared, d, into, width):
    """Push an adjoint d to the several inputs of `add`, `concat` or `multiply`."""
    row, start = network.rows[i], 0
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        rows = network.rows[source, SIZE]
        if network.rows[source, ACTIVE]:
            target = block(into, network.rows[source, ADJOINT], rows, width)
            fresh = is_fresh(network, i, number)
            if fresh and row[OP] != ADD:
                target[:, :] = 0
            if row[OP] == CONCAT:
                add_part(d, target, row[GROUPS], start)
            elif row[OP] == ADD and fresh:
                copy_rows(d, target)
            elif row[OP] == ADD:
                add_rows(d, target)
            else:
                other = input_of(network, i, 1 - number)
                add_product(d, output_block(network, places, other, work, shared, width), target)
        start += rows // row[GROUPS] if row[OP] == CONCAT else 0
