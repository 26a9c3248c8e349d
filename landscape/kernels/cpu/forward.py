"""The interpreter: runs rows of a program on one tile of examples.

`places` says where each row's output lies: at places[i] (in features) of the work, or, where that is negative, at
−1 − places[i] of the shared memory: the data, and in a sweep all that does not depend on the point.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import add_rows, copy_rows, join, multiply_rows, sum_rows
from landscape.kernels.cpu.dense import dense_value
from landscape.kernels.cpu.layernorm import layernorm_value
from landscape.kernels.cpu.softmax import softmax_value
from landscape.kernels.cpu.switches import activate
from landscape.kernels.cpu.views import block, output_block
from landscape.kernels.cpu.wider import wide_forward, wide_linear
from landscape.kernels.program import WIDER, Column, Op

OP, SIZE, FIRST, INPUTS = int(Column.OP), int(Column.SIZE), int(Column.FIRST), int(Column.INPUTS)
GROUPS, CODE = int(Column.GROUPS), int(Column.CODE)
DENSE, ACTIVATION, SOFTMAX, LAYERNORM = int(Op.DENSE), int(Op.ACTIVATION), int(Op.SOFTMAX), int(Op.LAYERNORM)
ADD, MULTIPLY, CONCAT = int(Op.ADD), int(Op.MULTIPLY), int(Op.CONCAT)
FIRST_WIDER = int(WIDER)
# Numbers that are copied before an activation is applied to them.
TOGETHER = 2048


@kernel
def place_of(places, i, work, shared):
    """Give the memory in which row i's output lies, and where in it."""
    if places[i] >= 0:
        return work, places[i]
    return shared, -1 - places[i]


@kernel
def input_of(network, i, number):
    """Give the row that row i reads as its input of a number."""
    return network.links[network.rows[i, FIRST] + number]


@kernel
def forward(network, order, places, weights, work, shared, scratch, width):
    """Run the rows in `order`, whose places are in the work."""
    for i in order:
        forward_row(i, network, places, weights, work, shared, scratch, width)


@kernel
def forward_row(i, network, places, weights, work, shared, scratch, width):
    """Run one row, with the activation that rides on it."""
    row, attribute, source = network.rows[i], network.attributes[i], input_of(network, i, 0)
    y = block(work, places[i], row[SIZE], width)
    if row[OP] >= FIRST_WIDER:
        memory, x = place_of(places, source, work, shared)
        wide_forward(i, network, weights, memory, x, work, places[i], shared, scratch, width)
        return
    if row[OP] == DENSE:
        linear_row(i, network, places, weights, work, shared, work, places[i], scratch, width)
        if row[CODE] != 0:
            activate(row[CODE], y, attribute)
        return
    x = output_block(network, places, source, work, shared, width)
    if row[OP] == ACTIVATION:
        activated(x, y, row[CODE], attribute)
    elif row[OP] == SOFTMAX:
        softmax_value(x, y, row[GROUPS], scratch[0], scratch[1])
    elif row[OP] == LAYERNORM:
        layernorm_value(row, weights, attribute, x, y, scratch)
    elif row[OP] == MULTIPLY:
        other = output_block(network, places, input_of(network, i, 1), work, shared, width)
        multiply_rows(x, other, y)
    else:
        gather(i, network, places, work, shared, y, width)
        if row[CODE] != 0:
            activate(row[CODE], y, attribute)


@kernel
def activated(x, y, code, attribute):
    """Set y to an activation of x, some rows at a time, which the first cache holds between the copy and the function."""
    rows, step = y.shape[0], max(1, TOGETHER // y.shape[1])
    for f in range(0, rows, step):
        part = y[f : min(f + step, rows)]
        copy_rows(x[f : min(f + step, rows)], part)
        activate(code, part, attribute)


@kernel
def linear_row(i, network, places, weights, work, shared, target, y, scratch, width):
    """Run the part of a row that is linear in its parameters, without the activation, into target[y:]."""
    source = input_of(network, i, 0)
    if network.rows[i, OP] != DENSE:
        memory, x = place_of(places, source, work, shared)
        wide_linear(i, network, weights, memory, x, target, y, scratch, width)
    elif places[source] >= 0:
        dense_value(network.rows[i], weights, work, places[source], target, y, width)
    else:
        dense_value(network.rows[i], weights, shared, -1 - places[source], target, y, width)


@kernel
def gather(i, network, places, work, shared, y, width):
    """Run `add` or `concat`, which read any number of rows."""
    row, start, first = network.rows[i], 0, 0
    if row[OP] == ADD and row[INPUTS] > 1:
        one = output_block(network, places, input_of(network, i, 0), work, shared, width)
        sum_rows(one, output_block(network, places, input_of(network, i, 1), work, shared, width), y)
        first = 2
    for number in range(first, row[INPUTS]):
        x = output_block(network, places, input_of(network, i, number), work, shared, width)
        if row[OP] == CONCAT:
            join(x, y, row[GROUPS], start)
            start += x.shape[0] // row[GROUPS]
        elif number == 0:
            copy_rows(x, y)
        else:
            add_rows(x, y)
