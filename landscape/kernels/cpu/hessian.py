"""The whole Hessian of a network whose parameters are those of dense nodes, without a product for every parameter.

A weight w_ab of node l changes nothing but the pre-activation z_a by x_b. So of each example one pass along z_a gives the change of every later
parameter's gradient, M_a [P, B], and rows (a, ·) of the Hessian are X M_aᵀ: a product of matrices. Later parameters are those of l from
unit a on, and of all nodes after it; the rest is the transpose.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.dots import outer
from landscape.kernels.cpu.links import input_of
from landscape.kernels.cpu.losses import loss_adjoint_tangent
from landscape.kernels.cpu.passes import tangent_backward, tangent_forward
from landscape.kernels.cpu.views import block, flat, output_block
from landscape.kernels.program import Column, Op

OP, SIZE, WIDE, OUT = int(Column.OP), int(Column.SIZE), int(Column.WIDE), int(Column.OUT)
WEIGHT, BIAS, ACTIVE, TRAINED = int(Column.WEIGHT), int(Column.BIAS), int(Column.ACTIVE), int(Column.TRAINED)
DENSE = int(Op.DENSE)
# Parameters whose changes are multiplied at once, unless one unit has more.
TOGETHER = 64


class Pairs(NamedTuple):
    """What a worker has to itself, a row each: inputs and ones, changes of gradients, and their products, all flat."""

    left: NDArray
    right: NDArray
    part: NDArray


@kernel
def pass_along(
    seed, unit, network, places, batch, t, criterion, weights, work, adjoint, tangent, into, scratch
):
    """Set the tangents of all outputs, and the changes of all adjoints, along one pre-activation of a row."""
    width, data, last = batch.x.shape[2], flat(batch.x[t]), network.rows.shape[0] - 1
    nothing = weights[:0]
    tangent[:] = 0
    into[:] = 0
    block(tangent, places[seed] + unit, 1, width)[:, :] = 1
    tangent_forward(network, places, weights, nothing, work, data, tangent, scratch, width, seed)
    rows = network.rows[last, SIZE]
    z, dz = block(work, places[last], rows, width), block(tangent, places[last], rows, width)
    loss_adjoint_tangent(
        network.rules, criterion, batch, t, z, dz, scratch, block(into, places[last], rows, width)
    )
    tangent_backward(
        network, places, weights, nothing, work, data, tangent, adjoint, into, nothing, scratch, width, seed
    )


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
def add_pairs(
    seed, unit, i, network, places, data, work, adjoint, tangent, into, width, left, rights, parts, out
):
    """Add the products of a unit's inputs with the changes that its pass made in row i's gradient."""
    row, other, source = network.rows[seed], network.rows[i], input_of(network, i, 0)
    wide, across = row[WIDE], other[WIDE]
    x, has_change = output_block(network, places, source, work, data, width), network.rows[source, ACTIVE] > 0
    dx = block(tangent, places[source] if has_change else 0, across if has_change else 0, width)
    d, dd = block(adjoint, places[i], other[OUT], width), block(into, places[i], other[OUT], width)
    step, first = max(1, TOGETHER // (across + 1)), unit if i == seed else 0
    while first < other[OUT]:
        count = min(step, other[OUT] - first)
        for c in range(count):
            right = block(rights, c * (across + 1), across + 1, width)
            changes_of(x, dx, has_change, d[first + c], dd[first + c], right)
        part = parts[: (wide + 1) * count * (across + 1)]
        part[:] = 0
        outer(wide + 1, count * (across + 1), width, left, 0, rights, 0, part, 0)
        add_block(row, unit, other, first, count, part, out)
        first += count


@kernel
def hessian_rows(
    worker, workers, network, places, batch, criterion, weights, items, buffers, kept, memory, out
):
    """Add to out [P, P] the rows of this worker's share of the (row, unit) items; the whole is out + outᵀ.

    `kept` holds the primal of every tile; items write to rows of their own, tiles in their order.
    """
    width, rows = batch.x.shape[2], network.rows
    tangent, into, scratch = buffers.tangent[worker], buffers.into[worker], buffers.scratch[worker]
    left, rights, parts = memory.left[worker], memory.right[worker], memory.part[worker]
    for item in range(worker, items.shape[0], workers):
        seed, unit = items[item, 0], items[item, 1]
        for t in range(batch.x.shape[0]):
            work, adjoint, data = kept.work[t], kept.adjoint[t], flat(batch.x[t])
            pass_along(seed, unit, network, places, batch, t, criterion, weights, work, adjoint, tangent, into, scratch)  # fmt: skip
            x = output_block(network, places, input_of(network, seed, 0), work, data, width)
            inputs_and_one(x, block(left, 0, rows[seed, WIDE] + 1, width))
            for i in range(seed, rows.shape[0]):
                if rows[i, OP] == DENSE and rows[i, TRAINED]:
                    add_pairs(seed, unit, i, network, places, data, work, adjoint, tangent, into, width, left, rights, parts, out)  # fmt: skip
