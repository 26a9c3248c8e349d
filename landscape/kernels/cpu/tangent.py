"""Pearlmutter's R-operator: the forward and the reverse rules along a tangent (ẇ of the parameters).

Barak Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994). `tangent` holds the change of every
output, `adjoint` the finished adjoints, `into` the changes of the adjoints. An empty `vector` is zero.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.backward import backward_row, is_fresh
from landscape.kernels.cpu.combine import add_product, add_rows, join
from landscape.kernels.cpu.dense import add_dense, dense_backward, dense_gradient
from landscape.kernels.cpu.forward import input_of, linear_row
from landscape.kernels.cpu.layernorm import layernorm_curved, layernorm_gradient_tangent, layernorm_tangent
from landscape.kernels.cpu.softmax import softmax_curved, softmax_linear
from landscape.kernels.cpu.switches import add_bent, set_slope
from landscape.kernels.cpu.views import block, output_block
from landscape.kernels.cpu.wider import wide_curved, wide_tangent
from landscape.kernels.program import WIDER, Column, Op

OP, SIZE, INPUTS, GROUPS = int(Column.OP), int(Column.SIZE), int(Column.INPUTS), int(Column.GROUPS)
CODE, ACTIVE, TRAINED = int(Column.CODE), int(Column.ACTIVE), int(Column.TRAINED)
DENSE, ACTIVATION, SOFTMAX, LAYERNORM = int(Op.DENSE), int(Op.ACTIVATION), int(Op.SOFTMAX), int(Op.LAYERNORM)
ADD, MULTIPLY, CONCAT = int(Op.ADD), int(Op.MULTIPLY), int(Op.CONCAT)
CONVOLUTION, EMBEDDING, FIRST_WIDER = int(Op.CONVOLUTION), int(Op.EMBEDDING), int(WIDER)


@kernel
def tangent_forward(network, places, weights, vector, work, shared, tangent, scratch, width):
    """Set the tangent of every active row; those of the others must be zero already."""
    for i in range(1, network.rows.shape[0]):
        if network.rows[i, ACTIVE]:
            tangent_row(i, network, places, weights, vector, work, shared, tangent, scratch, width)


@kernel
def tangent_row(i, network, places, weights, vector, work, shared, tangent, scratch, width):
    """Set one row's tangent."""
    row, source = network.rows[i], input_of(network, i, 0)
    dy = block(tangent, places[i], row[SIZE], width)
    if row[OP] == DENSE or row[OP] == CONVOLUTION or row[OP] == EMBEDDING:
        product_tangent(i, network, places, weights, vector, work, shared, tangent, scratch, width)
    elif row[OP] == ADD or row[OP] == CONCAT or row[OP] == MULTIPLY:
        gather_tangent(i, network, places, work, shared, tangent, dy, width)
    elif row[OP] >= FIRST_WIDER:
        x = output_block(network, places, source, work, shared, width)
        wide_tangent(i, network, places, weights, vector, work, shared, x, tangent, scratch, width)
    else:
        x, y = block(work, places[source], row[SIZE], width), block(work, places[i], row[SIZE], width)
        dx = block(tangent, places[source], row[SIZE], width)
        one_input_tangent(row, network.attributes[i], weights, vector, x, dx, y, dy, scratch)


@kernel
def one_input_tangent(row, attribute, weights, vector, x, dx, y, dy, scratch):
    """Set the tangent of an activation, a softmax or a layer normalization."""
    if row[OP] == LAYERNORM:
        layernorm_tangent(row, weights, vector, attribute, x, dx, dy, scratch)
        return
    if row[OP] == SOFTMAX:
        dy[:, :] = 0
        softmax_linear(y, dx, dy, row[GROUPS], scratch)
    else:
        set_slope(row[CODE], x, y, dx, dy, attribute)


@kernel
def product_tangent(i, network, places, weights, vector, work, shared, tangent, scratch, width):
    """Set Ẏ = Ẇ X + W Ẋ + ḃ."""
    row, source = network.rows[i], input_of(network, i, 0)
    dy = block(tangent, places[i], row[SIZE], width)
    if row[TRAINED] and vector.size > 0:
        linear_row(i, network, places, vector, work, shared, tangent, places[i], scratch, width)
    else:
        dy[:, :] = 0
    if row[OP] != DENSE:
        wide_tangent(i, network, places, weights, vector, work, shared, dy, tangent, scratch, width)
    elif network.rows[source, ACTIVE]:
        add_dense(row, weights, tangent, places[source], tangent, places[i], width)


@kernel
def gather_tangent(i, network, places, work, shared, tangent, dy, width):
    """Set the tangent of `add`, `concat` or `multiply`."""
    row, start = network.rows[i], 0
    dy[:, :] = 0
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        rows = network.rows[source, SIZE]
        if network.rows[source, ACTIVE]:
            dx = block(tangent, places[source], rows, width)
            if row[OP] == CONCAT:
                join(dx, dy, row[GROUPS], start)
            elif row[OP] == ADD:
                add_rows(dx, dy)
            else:
                other = input_of(network, i, 1 - number)
                add_product(dx, output_block(network, places, other, work, shared, width), dy)
        start += rows // row[GROUPS] if row[OP] == CONCAT else 0


@kernel
def tangent_backward(network, places, weights, vector, work, shared, tangent, adjoint, into, gradient, scratch, width):  # fmt: skip
    """Run all rows in reverse; `into` holds the output's change, the gradient's is added to."""
    for i in range(network.rows.shape[0] - 1, 0, -1):
        if network.rows[i, ACTIVE]:
            curved_row(i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient, scratch, width)  # fmt: skip


@kernel
def curved_row(i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient, scratch, width):  # fmt: skip
    """Push the change of a row's adjoint to its inputs and parameters: the rule itself, and the rule's own change."""
    row, source = network.rows[i], input_of(network, i, 0)
    if row[OP] == LAYERNORM:
        layernorm_row(
            i, network, places, weights, vector, work, tangent, adjoint, into, gradient, scratch, width
        )
        return
    d = block(adjoint, places[i], row[SIZE], width)
    if row[OP] == ACTIVATION:
        x, y = block(work, places[source], row[SIZE], width), block(work, places[i], row[SIZE], width)
        dx, dd = block(tangent, places[source], row[SIZE], width), block(into, places[i], row[SIZE], width)
        target = block(into, places[source], row[SIZE], width)
        if is_fresh(network, i, 0):
            target[:, :] = 0
        add_bent(row[CODE], x, y, d, dx, dd, target, network.attributes[i])
        return
    backward_row(i, network, places, weights, work, shared, into, into, gradient, scratch, width)
    if row[OP] == MULTIPLY:
        multiply_curved(i, network, places, tangent, d, into, width)
    elif row[OP] == DENSE:
        if row[TRAINED] and network.rows[source, ACTIVE] and vector.size > 0:
            dense_gradient(row, tangent, places[source], adjoint, places[i], gradient, scratch, width)
            dense_backward(row, vector, adjoint, places[i], into, places[source], scratch, width, False)
    elif row[OP] >= FIRST_WIDER:
        wide_curved(
            i,
            network,
            places,
            weights,
            vector,
            work,
            shared,
            tangent,
            adjoint,
            into,
            gradient,
            scratch,
            width,
        )
    elif row[OP] == SOFTMAX:
        y, dy = block(work, places[i], row[SIZE], width), block(tangent, places[i], row[SIZE], width)
        target = block(into, places[source], row[SIZE], width)
        softmax_curved(y, dy, d, target, row[GROUPS], scratch[0], scratch[1])


@kernel
def multiply_curved(i, network, places, tangent, d, into, width):
    """Add the adjoint times the change of the other factor."""
    for number in range(2):
        source, other = input_of(network, i, number), input_of(network, i, 1 - number)
        if network.rows[source, ACTIVE] and network.rows[other, ACTIVE]:
            target = block(into, places[source], d.shape[0], width)
            add_product(d, block(tangent, places[other], d.shape[0], width), target)


@kernel
def layernorm_row(
    i, network, places, weights, vector, work, tangent, adjoint, into, gradient, scratch, width
):
    """Push the change of an adjoint through a layer normalization."""
    row, source, epsilon = network.rows[i], input_of(network, i, 0), network.attributes[i]
    x, dx = block(work, places[source], row[SIZE], width), block(tangent, places[source], row[SIZE], width)
    d, dd = block(adjoint, places[i], row[SIZE], width), block(into, places[i], row[SIZE], width)
    if row[TRAINED]:
        layernorm_gradient_tangent(row, epsilon, x, dx, d, dd, gradient, scratch)
    if network.rows[source, ACTIVE]:
        target = block(into, places[source], row[SIZE], width)
        if is_fresh(network, i, 0):
            target[:, :] = 0
        layernorm_curved(row, weights, vector, epsilon, x, dx, d, dd, target, scratch)
