"""The rules for the ops of images and of tokens, one a pass, which the interpreter calls by address.

Products (`CONVOLUTION`, `EMBEDDING`) are linear in their parameters and share what is done for `DENSE`.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.attention import (
    attention_backward,
    attention_curved,
    attention_tangent,
    attention_value,
)
from landscape.kernels.cpu.batch_statistics import (
    batch_backward,
    batch_curved,
    batch_gradient,
    batch_tangent,
    batch_value,
)
from landscape.kernels.cpu.batchnorm import batchnorm_gradient, batchnorm_linear, finish, normalize
from landscape.kernels.cpu.combine import add_rows, copy_rows
from landscape.kernels.cpu.convolution import (
    convolution_backward,
    convolution_gradient,
    convolution_line,
    convolution_value,
    pack_weights,
)
from landscape.kernels.cpu.dense import add_bias, dense_bias_gradient
from landscape.kernels.cpu.embedding import embedding_gradient, embedding_value
from landscape.kernels.cpu.pooling import avgpool_linear, maxpool_linear, maxpool_value
from landscape.kernels.cpu.reorder import mean_linear, pad_linear, transpose_linear
from landscape.kernels.cpu.rules import Rule, caller
from landscape.kernels.cpu.switches import activate
from landscape.kernels.cpu.views import block
from landscape.kernels.program import ACTIVATION_CODES, Column, Geometry, Op

OP, SIZE, FIRST, BIAS, GROUPS = (
    int(Column.OP),
    int(Column.SIZE),
    int(Column.FIRST),
    int(Column.BIAS),
    int(Column.GROUPS),
)
ACTIVE, TRAINED, OUT, CODE = int(Column.ACTIVE), int(Column.TRAINED), int(Column.OUT), int(Column.CODE)
ADJOINT = int(Column.ADJOINT)
RELU, MEAN_PLACE = ACTIVATION_CODES["relu"], int(Geometry.MEAN)
CONVOLUTION, BATCHNORM, EMBEDDING = int(Op.CONVOLUTION), int(Op.BATCHNORM), int(Op.EMBEDDING)
POSITION, ATTENTION, MAXPOOL, AVGPOOL = int(Op.POSITION), int(Op.ATTENTION), int(Op.MAXPOOL), int(Op.AVGPOOL)
TRANSPOSE, PAD_CHANNELS, MEAN = int(Op.TRANSPOSE), int(Op.PAD_CHANNELS), int(Op.MEAN)
BATCH_STATISTICS, OUT_HEIGHT = int(Op.BATCH_STATISTICS), int(Geometry.OUT_HEIGHT)
# In the place of an input's start: the product is there already.
NOTHING = -1


def linear_rule(i, network, weights, source, x, target, y, scratch, width):
    """Run a product, which is linear in its parameters: from source[x:] into target[y:]."""
    row = network.rows[i]
    if row[OP] == CONVOLUTION:
        convolution_value(row, network.geometry[i], weights, source, x, target, y, width, False, scratch)
    else:
        ids, out = block(source, x, row[GROUPS], width), block(target, y, row[SIZE], width)
        embedding_value(row, weights, ids, out)


@kernel
def reordered(i, network, row, d, into, reverse):
    """Add to `into` what a linear row without parameters makes of d, or its transpose in reverse."""
    if row[OP] == AVGPOOL:
        avgpool_linear(network.geometry[i], d, into, reverse)
    elif row[OP] == TRANSPOSE:
        transpose_linear(row, d, into, reverse)
    elif row[OP] == PAD_CHANNELS:
        pad_linear(network.geometry[i], d, into, reverse)
    elif row[OP] == MEAN:
        mean_linear(row, d, into, reverse)


def forward_rule(i, network, weights, memory, start, target, y, shared, scratch, width):
    """Set target[y:] from memory[start:], with what rides on the row; where start is `NOTHING` only that is missing."""
    row, shape, attribute = network.rows[i], network.geometry[i], network.attributes[i]
    out, bias = block(target, y, row[SIZE], width), row[BIAS] if start != NOTHING else -1
    if row[OP] == CONVOLUTION and start != NOTHING:
        line, packed = row[SIZE] // shape[OUT_HEIGHT], scratch.reshape(-1)
        pack_weights(row, shape, weights, shape[MEAN_PLACE] >= 0, network.epsilons[i], packed)
        for v in range(shape[OUT_HEIGHT]):
            convolution_line(v, shape, packed, memory, start, target, y, width, False, row[CODE] == RELU)
            if row[CODE] != 0 and row[CODE] != RELU:
                activate(row[CODE], out[v * line : (v + 1) * line], attribute)
        return
    if start != NOTHING:
        x = block(memory, start, network.rows[network.links[row[FIRST]], SIZE], width)
        mask = block(shared, network.rows[0, SIZE], 1, width)[0] if row[OP] == BATCH_STATISTICS else x[0]
        unfinished(i, network, weights, x, out, mask, scratch)
    finish(row, bias, shape, network.epsilons[i], attribute, weights, out, scratch)


@kernel
def unfinished(i, network, weights, x, y, mask, scratch):
    """Set y, without bias, running normalization and activation."""
    row = network.rows[i]
    if row[OP] == EMBEDDING:
        embedding_value(row, weights, x, y)
    elif row[OP] == BATCHNORM or row[OP] == POSITION:
        copy_rows(x, y)
    elif row[OP] == BATCH_STATISTICS:
        batch_value(row, network.geometry[i], weights, network.epsilons[i], x, y, mask)
    elif row[OP] == MAXPOOL:
        maxpool_value(network.geometry[i], x, y)
    elif row[OP] == ATTENTION:
        attention_value(row, network.geometry[i], x, y, scratch)
    else:
        y[:, :] = 0
        reordered(i, network, row, x, y, False)


def backward_rule(i, network, places, weights, work, shared, adjoint, into, gradient, scratch, width):
    """Push a row's adjoint to its input's part of `into` and its parameters' of the gradient."""
    row, source = network.rows[i], network.links[network.rows[i, FIRST]]
    rows = network.rows[source, SIZE]
    memory, start = (work, places[source]) if places[source] >= 0 else (shared, -1 - places[source])
    x, d = block(memory, start, rows, width), block(adjoint, row[ADJOINT], row[SIZE], width)
    if row[TRAINED] and gradient.size > 0:
        parameter_gradient(
            i, network, weights, shared, memory, start, x, adjoint, row[ADJOINT], d, gradient, scratch, width
        )
    if not network.rows[source, ACTIVE]:
        return
    place = network.rows[source, ADJOINT]
    target = block(into, place, rows, width)
    if row[OP] == CONVOLUTION:
        convolution_backward(row, network.geometry[i], weights, adjoint, row[ADJOINT], into, place, width)
    elif row[OP] == BATCHNORM:
        batchnorm_linear(
            row, network.geometry[i], weights, weights, 1, network.epsilons[i], d, target, scratch
        )
    elif row[OP] == BATCH_STATISTICS:
        mask = block(shared, network.rows[0, SIZE], 1, width)[0]
        batch_backward(row, network.geometry[i], weights, network.epsilons[i], x, d, target, mask)
    elif row[OP] == POSITION:
        add_rows(d, target)
    elif row[OP] == MAXPOOL:
        y = block(work, places[i], row[SIZE], width)
        maxpool_linear(network.geometry[i], x, y, d, target, scratch, True)
    elif row[OP] == ATTENTION:
        attention_backward(row, network.geometry[i], x, d, target, scratch)
    else:
        reordered(i, network, row, d, target, True)


@kernel
def parameter_gradient(
    i, network, weights, shared, memory, start, x, adjoint, y, d, gradient, scratch, width
):
    """Add an adjoint's part of the gradient of a row's own parameters."""
    row = network.rows[i]
    if row[OP] == CONVOLUTION:
        convolution_gradient(row, network.geometry[i], memory, start, adjoint, y, gradient, scratch, width)
        dense_bias_gradient(row, d, gradient)
    elif row[OP] == BATCHNORM:
        batchnorm_gradient(
            row, network.geometry[i], weights, network.epsilons[i], x, d, gradient, False, scratch
        )
    elif row[OP] == BATCH_STATISTICS:
        mask = block(shared, network.rows[0, SIZE], 1, width)[0]
        batch_gradient(row, network.geometry[i], network.epsilons[i], x, d, gradient, mask)
    elif row[OP] == EMBEDDING:
        embedding_gradient(row, x, d, gradient)
    else:
        dense_bias_gradient(row, d, gradient)


def tangent_rule(i, network, places, weights, vector, work, shared, x, tangent, scratch, width):
    """Set a row's tangent; of a product, the part of the input's change is added to that of its parameters'."""
    row, source = network.rows[i], network.links[network.rows[i, FIRST]]
    dy, moved = block(tangent, places[i], row[SIZE], width), network.rows[source, ACTIVE]
    if row[OP] == CONVOLUTION:
        if moved:
            convolution_value(
                row, network.geometry[i], weights, tangent, places[source], tangent, places[i], width, True, scratch
            )  # fmt: skip
        return
    if row[OP] == EMBEDDING:
        return
    dx = block(tangent, places[source], network.rows[source, SIZE], width) if moved else dy[:0]
    if row[OP] == ATTENTION:
        attention_tangent(row, network.geometry[i], x, dx, dy, scratch)
        return
    if row[OP] == BATCH_STATISTICS:
        mask, dx = (
            block(shared, network.rows[0, SIZE], 1, width)[0],
            block(tangent, places[source], row[SIZE], width),
        )
        batch_tangent(row, network.geometry[i], weights, vector, network.epsilons[i], x, dx, dy, mask)
        return
    dy[:, :] = 0
    if row[OP] == BATCHNORM:
        if row[TRAINED]:
            copy_rows(x, dy)
            normalize(network.geometry[i], weights, vector, 0, network.epsilons[i], -1, row[OUT], dy, scratch)
        if moved:
            batchnorm_linear(
                row, network.geometry[i], weights, weights, 1, network.epsilons[i], dx, dy, scratch
            )
    elif row[OP] == POSITION:
        if moved:
            add_rows(dx, dy)
        if row[TRAINED]:
            add_bias(row, vector, dy)
    elif row[OP] == MAXPOOL:
        y = block(work, places[i], row[SIZE], width)
        maxpool_linear(network.geometry[i], x, y, dx, dy, scratch, False)
    else:
        reordered(i, network, row, dx, dy, False)


def curved_rule(i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient, scratch, width):  # fmt: skip
    """Add the change of a row's reverse rule along the tangent, applied to its finished adjoint."""
    row, source = network.rows[i], network.links[network.rows[i, FIRST]]
    if not network.rows[source, ACTIVE]:
        return
    d, rows = block(adjoint, places[i], row[SIZE], width), network.rows[source, SIZE]
    target, dx = block(into, places[source], rows, width), block(tangent, places[source], rows, width)
    if row[OP] == CONVOLUTION and row[TRAINED]:
        convolution_gradient(
            row, network.geometry[i], tangent, places[source], adjoint, places[i], gradient, scratch, width
        )
        convolution_backward(
            row, network.geometry[i], vector, adjoint, places[i], into, places[source], width
        )
    elif row[OP] == BATCHNORM and row[TRAINED]:
        batchnorm_gradient(
            row, network.geometry[i], weights, network.epsilons[i], dx, d, gradient, True, scratch
        )
        batchnorm_linear(
            row, network.geometry[i], weights, vector, 0, network.epsilons[i], d, target, scratch
        )
    elif row[OP] == BATCH_STATISTICS:
        x, mask = block(work, places[source], rows, width), block(shared, network.rows[0, SIZE], 1, width)[0]
        batch_curved(
            row, network.geometry[i], weights, vector, network.epsilons[i], x, dx, d, target, gradient, mask
        )
    elif row[OP] == ATTENTION:
        x = block(work, places[source], rows, width)
        attention_curved(row, network.geometry[i], x, dx, d, target, scratch)


LINEAR = Rule(linear_rule, "inrririsi")
FORWARD = Rule(forward_rule, "inrririrsi")
BACKWARD = Rule(backward_rule, "invrrrrrrsi")
TANGENT = Rule(tangent_rule, "invrrrrsrsi")
CURVED = Rule(curved_rule, "invrrrrrrrrsi")
# In the order of the addresses that a network carries.
RULES = (LINEAR, FORWARD, BACKWARD, TANGENT, CURVED)
VALUE_RULES = RULES[:2]
call_linear, call_forward, call_backward, call_tangent, call_curved = (caller(rule) for rule in RULES)


@kernel
def wide_linear(i, network, weights, source, x, target, y, scratch, width):
    """Run `linear_rule`."""
    call_linear(network.rules[0], (i, network, weights, source, x, target, y, scratch, width))


@kernel
def wide_forward(i, network, weights, memory, start, target, y, shared, scratch, width):
    """Run `forward_rule`."""
    call_forward(network.rules[1], (i, network, weights, memory, start, target, y, shared, scratch, width))


@kernel
def wide_backward(i, network, places, weights, work, shared, adjoint, into, gradient, scratch, width):
    """Run `backward_rule`."""
    call_backward(
        network.rules[2], (i, network, places, weights, work, shared, adjoint, into, gradient, scratch, width)
    )


@kernel
def wide_tangent(i, network, places, weights, vector, work, shared, x, tangent, scratch, width):
    """Run `tangent_rule`."""
    call_tangent(
        network.rules[3], (i, network, places, weights, vector, work, shared, x, tangent, scratch, width)
    )


@kernel
def wide_curved(
    i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient, scratch, width
):
    """Run `curved_rule`."""
    call_curved(
        network.rules[4],
        (i, network, places, weights, vector, work, shared, tangent, adjoint, into, gradient, scratch, width),
    )
