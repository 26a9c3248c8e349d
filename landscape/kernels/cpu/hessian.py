"""The whole Hessian of a network whose parameters are those of dense nodes, without a product for every parameter.

A weight w_ab of node l changes nothing but the pre-activation z_a by x_b. So of each example one pass along z_a gives the change of every later
parameter's gradient, M_a [P, B], and rows (a, ·) of the Hessian are X M_aᵀ: a product of matrices. Later parameters are those of l from
unit a on, and of all nodes after it; the rest is the transpose.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Part
from landscape.kernels.cpu.links import input_of
from landscape.kernels.cpu.losses import loss_adjoint_tangent
from landscape.kernels.cpu.passes import (
    frame_for_values,
    tangent_backward,
    tangent_forward,
    with_adjoints,
    with_tangents,
)
from landscape.kernels.cpu.products import add_outer
from landscape.kernels.cpu.views import block, flat, output_block
from landscape.program.codes import Op
from landscape.program.table import Column

OP, SIZE, WIDE, OUT = int(Column.OP), int(Column.SIZE), int(Column.WIDE), int(Column.OUT)
WEIGHT, BIAS, ACTIVE, TRAINED = int(Column.WEIGHT), int(Column.BIAS), int(Column.ACTIVE), int(Column.TRAINED)
DENSE = int(Op.DENSE)
# Parameters whose changes are multiplied at once, unless one unit has more.
TOGETHER = 64


class Pairs(NamedTuple):
    """Memory of each worker, a row for each: inputs and ones, changes of gradients, and their products, all flat.

    Of all workers together a matrix each, of one worker a vector.
    """

    left: NDArray
    right: NDArray
    part: NDArray


@kernel
def pass_along(seed, unit, frame, criterion, batch, t):
    """Set the tangents of all outputs, and the changes of all adjoints, along one pre-activation of a row."""
    network, places, width = frame.network, frame.places, frame.width
    last = network.rows.shape[0] - 1
    frame.tangent[:] = 0
    frame.into[:] = 0
    block(frame.tangent, places[seed] + unit, 1, width)[:, :] = 1
    tangent_forward(frame, seed)
    rows = network.rows[last, SIZE]
    z, dz = block(frame.work, places[last], rows, width), block(frame.tangent, places[last], rows, width)
    change = block(frame.into, places[last], rows, width)
    loss_adjoint_tangent(network.rules, criterion, batch, t, z, dz, frame.scratch, change)
    tangent_backward(frame, seed)


@kernel
def inputs_and_one(x, left):
    """Set left [F + 1, B] to an input [F, B] and a row of ones, the bias's input."""
    for f in range(x.shape[0]):
        for j in range(x.shape[1]):
            left[f, j] = x[f, j]
    left[x.shape[0]] = 1


@kernel
def changes_of(x, dx, has_change, d, dd, right):
    """Set right [F + 1, B] to the change of the gradient in one unit's weights, d ẋ + ḋ x, and in its bias, ḋ."""
    for f in range(x.shape[0]):
        for j in range(x.shape[1]):
            right[f, j] = dd[j] * x[f, j]
        if has_change:
            for j in range(x.shape[1]):
                right[f, j] += d[j] * dx[f, j]
    for j in range(x.shape[1]):
        right[x.shape[0], j] = dd[j]


@kernel
def add_block(row, unit, other, first, count, part, out):
    """Add part, [inputs + 1] × count·[other's inputs + 1], to the rows of a unit and the columns of `other`'s units from `first` on.

    What is on the diagonal is halved, since the transpose is added at the end.
    """
    wide, across, half = row[WIDE], other[WIDE], part.dtype.type(0.5)
    columns = count * (across + 1)
    for b in range(wide + 1 if row[BIAS] >= 0 else wide):
        target = out[row[BIAS] + unit if b == wide else row[WEIGHT] + unit * wide + b]
        for c in range(count):
            start, factor = b * columns + c * (across + 1), part.dtype.type(1)
            if row[WEIGHT] == other[WEIGHT] and first + c == unit:
                factor = half
            place = other[WEIGHT] + (first + c) * across
            for d in range(across):
                target[place + d] += factor * part[start + d]
            if other[BIAS] >= 0:
                target[other[BIAS] + first + c] += factor * part[start + across]


@kernel
def add_pairs(seed, unit, i, frame, memory, out):
    """Add the products of a unit's inputs with the changes that its pass made in row i's gradient."""
    network, places, width = frame.network, frame.places, frame.width
    row, other, source = network.rows[seed], network.rows[i], input_of(network, i, 0)
    wide, across = row[WIDE], other[WIDE]
    x = output_block(network, places, source, frame.work, frame.shared, width)
    has_change = network.rows[source, ACTIVE] > 0
    dx = block(frame.tangent, places[source] if has_change else 0, across if has_change else 0, width)
    d, dd = (
        block(frame.adjoint, places[i], other[OUT], width),
        block(frame.into, places[i], other[OUT], width),
    )
    step, first = max(1, TOGETHER // (across + 1)), unit if i == seed else 0
    while first < other[OUT]:
        count = min(step, other[OUT] - first)
        for c in range(count):
            right = block(memory.right, c * (across + 1), across + 1, width)
            changes_of(x, dx, has_change, d[first + c], dd[first + c], right)
        part = memory.part[: (wide + 1) * count * (across + 1)]
        part[:] = 0
        shape = (wide + 1, count * (across + 1))
        add_outer(network.rules, 1, shape, width, Part(memory.left, 0), Part(memory.right, 0), Part(part, 0))
        add_block(row, unit, other, first, count, part, out)
        first += count


@kernel
def hessian_rows(
    worker, workers, network, places, batch, criterion, weights, items, buffers, kept, memory, out
):
    """Add to out [P, P] the rows of this worker's share of the (row, unit) items; the whole is out + outᵀ.

    `kept` holds the primal of every tile; items write to rows of their own, tiles in their order.
    """
    width, rows, nothing = batch.x.shape[2], network.rows, weights[:0]
    tangent, into, scratch = buffers.tangent[worker], buffers.into[worker], buffers.scratch[worker]
    ours = Pairs(memory.left[worker], memory.right[worker], memory.part[worker])
    for item in range(worker, items.shape[0], workers):
        seed, unit = items[item, 0], items[item, 1]
        for t in range(batch.x.shape[0]):
            work, data = kept.work[t], flat(batch.x[t])
            at_tile = frame_for_values(network, places, weights, work, data, scratch, width)
            along = with_tangents(at_tile, nothing, tangent)
            frame = with_adjoints(along, kept.adjoint[t], into, nothing)
            pass_along(seed, unit, frame, criterion, batch, t)
            x = output_block(network, places, input_of(network, seed, 0), work, data, width)
            inputs_and_one(x, block(ours.left, 0, rows[seed, WIDE] + 1, width))
            for i in range(seed, rows.shape[0]):
                if rows[i, OP] == DENSE and rows[i, TRAINED]:
                    add_pairs(seed, unit, i, frame, ours, out)
