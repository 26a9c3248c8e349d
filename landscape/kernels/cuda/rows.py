"""The interpreter of a block: its threads run the rows of a program on one tile of examples, one row after another.

As on the CPU a row's output lies at places[i] (in features) of the block's workspace or, where that is negative, at −1 − places[i] of the memory
that points share: the data, and in a sweep all that does not depend on the point. Every function ends with the threads together.
"""

from __future__ import annotations

from numpy import uint32

from landscape.formulas.activations import ACTIVATIONS
from landscape.kernels.cuda.narrow import is_wide, wide_forward
from landscape.kernels.cuda.product import product
from landscape.kernels.cuda.shape import REAL, THREADS, WIDTH
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.text import choice
from landscape.kernels.program import Column, Op

OP, OUTPUT, SIZE, FIRST = int(Column.OP), int(Column.OUTPUT), int(Column.SIZE), int(Column.FIRST)
INPUTS, WEIGHT, BIAS, GROUPS = int(Column.INPUTS), int(Column.WEIGHT), int(Column.BIAS), int(Column.GROUPS)
WIDE, OUT, CODE = int(Column.WIDE), int(Column.OUT), int(Column.CODE)
ACTIVE, TRAINED = int(Column.ACTIVE), int(Column.TRAINED)
DENSE, ACTIVATION, ADD = int(Op.DENSE), int(Op.ACTIVATION), int(Op.ADD)
MULTIPLY, CONCAT = int(Op.MULTIPLY), int(Op.CONCAT)


activation_value = choice("activation_value", [row.value for row in ACTIVATIONS.values()], "z, p")


def clear(memory, count):
    """Set the first elements of a block's memory to zero."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        memory[q] = REAL(0)
        q = uint32(q + THREADS)
    cuda.syncthreads()


def input_of(network, i, number):
    """Give the row that row i reads as its input of a number."""
    return network.links[network.rows[i, FIRST] + number]


def offset_of(place):
    """Give where an output lies in its memory, in features: in the work, or where that is negative in the shared one."""
    return place if place >= 0 else -1 - place


def activate(code, memory, start, count, parameter):
    """Set count numbers to f of themselves."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        p = uint32(start + q)
        memory[p] = activation_value(code, memory[p], parameter)
        q = uint32(q + THREADS)
    cuda.syncthreads()


def copy_numbers(source, x, target, y, count, more):
    """Set, or add to, target[y:] count numbers of source[x:]; offsets in numbers."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        p = uint32(y + q)
        value = source[uint32(x + q)]
        target[p] = target[p] + value if more else value
        q = uint32(q + THREADS)


def multiply_numbers(left, l0, right, r0, target, y, count, more):
    """Set, or add to, target[y:] the products of left[l0:] and right[r0:]."""
    q = uint32(cuda.threadIdx.x)
    while q < count:
        p = uint32(y + q)
        value = left[uint32(l0 + q)] * right[uint32(r0 + q)]
        target[p] = target[p] + value if more else value
        q = uint32(q + THREADS)


def dense_value(row, weights, source, x, target, y, biased, more):
    """Set, or add to, target[y:] W·source[x:] + b for each leading position; offsets in features."""
    wide, out = row[WIDE], row[OUT]
    bias = row[BIAS] if biased else -1
    for t in range(row[GROUPS]):
        start, into = (x + t * wide) * WIDTH, (y + t * out) * WIDTH
        product(out, WIDTH, wide, weights, row[WEIGHT], wide, 1, source, start, WIDTH, 1, target, into, WIDTH, bias, more)  # fmt: skip


def join_part(source, x, rows, target, y, step, groups, start):
    """Copy a part of `rows` features into a whole that has `step` a group, from feature `start` of each group on."""
    part = rows // groups
    for g in range(groups):
        copy_numbers(source, (x + g * part) * WIDTH, target, (y + g * step + start) * WIDTH, part * WIDTH, False)  # fmt: skip


def gather_row(i, network, places, work, shared):
    """Run `add` or `concat`, which read any number of rows."""
    row, start, y = network.rows[i], 0, places[i]
    for number in range(row[INPUTS]):
        source = input_of(network, i, number)
        # Numba's device functions return no arrays, so the choice stands here and below.
        memory, x = work if places[source] >= 0 else shared, offset_of(places[source])
        size = network.rows[source, SIZE]
        if row[OP] == CONCAT:
            join_part(memory, x, size, work, y, row[SIZE] // row[GROUPS], row[GROUPS], start)
            start += size // row[GROUPS]
        else:
            copy_numbers(memory, x * WIDTH, work, y * WIDTH, size * WIDTH, number > 0)
    cuda.syncthreads()


def forward_row(i, network, places, weights, work, shared):
    """Run one row, with what rides on it."""
    if is_wide(network.rows[i, OP]):
        wide_forward(i, network, places, weights, work, shared)
    else:
        dense_row(i, network, places, weights, work, shared)


def dense_row(i, network, places, weights, work, shared):
    """Run one row of a dense network, with the activation that rides on it."""
    row, count, y = network.rows[i], network.rows[i, SIZE] * WIDTH, places[i] * WIDTH
    place = places[input_of(network, i, 0)]
    memory, x = work if place >= 0 else shared, offset_of(place)
    if row[OP] == DENSE:
        dense_value(row, weights, memory, x, work, places[i], True, False)
        cuda.syncthreads()
        if row[CODE] != 0:
            activate(row[CODE], work, y, count, network.attributes[i])
    elif row[OP] == ACTIVATION:
        copy_numbers(memory, x * WIDTH, work, y, count, False)
        cuda.syncthreads()
        activate(row[CODE], work, y, count, network.attributes[i])
    elif row[OP] == MULTIPLY:
        place = places[input_of(network, i, 1)]
        other, z = work if place >= 0 else shared, offset_of(place)
        multiply_numbers(memory, x * WIDTH, other, z * WIDTH, work, y, count, False)
        cuda.syncthreads()
    else:
        gather_row(i, network, places, work, shared)
        if row[CODE] != 0:
            activate(row[CODE], work, y, count, network.attributes[i])


def forward(network, order, places, weights, work, shared):
    """Run the rows in `order`, whose places are in the work."""
    for number in range(order.size):
        forward_row(order[number], network, places, weights, work, shared)


DEVICE = (
    activation_value, clear, input_of, offset_of, activate, copy_numbers, multiply_numbers, dense_value, join_part, gather_row, dense_row, forward_row,
    forward,
)  # fmt: skip
ENTRIES = ()
