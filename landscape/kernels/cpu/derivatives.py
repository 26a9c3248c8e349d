"""Entry points for derivatives: gradients at many parameter vectors, Hessian-vector products at one.

Tiles are divided into a fixed number of slots, each summed in order into a float64 part of its own, so that the bits do not
depend on how many threads share the work.
"""

from __future__ import annotations

from typing import Any

from numba.extending import overload

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Task
from landscape.kernels.cpu.losses import add_tile, loss_adjoint, loss_adjoint_tangent
from landscape.kernels.cpu.passes import (
    alike,
    backward,
    forward,
    frame_for_values,
    tangent_backward,
    tangent_forward,
    with_adjoints,
    with_tangents,
)
from landscape.kernels.cpu.views import block, flat, output_block
from landscape.program.table import Column

SIZE, ADJOINT = int(Column.SIZE), int(Column.ADJOINT)


def begin_sum(out: Any, part: Any) -> Any:
    """Give where tiles are summed: the float64 `out` itself where that is the kernels' dtype, else a part that starts from zero."""
    if out.dtype == part.dtype:
        return out
    part[:] = 0
    return part


def end_sum(out: Any, part: Any) -> None:
    """Add a part to the float64 `out`, unless it is summed there."""
    if out.dtype != part.dtype:
        out += part


@overload(begin_sum)
def begin_sum_compiled(out: Any, part: Any) -> Any:
    """Choose by the dtypes."""

    def in_place(out: Any, part: Any) -> Any:
        return out

    def apart(out: Any, part: Any) -> Any:
        part[:] = 0
        return part

    return in_place if out.dtype == part.dtype else apart


@overload(end_sum)
def end_sum_compiled(out: Any, part: Any) -> Any:
    """Choose by the dtypes."""

    def in_place(out: Any, part: Any) -> None:
        return

    def apart(out: Any, part: Any) -> None:
        for q in range(out.size):
            out[q] += part[q]

    return in_place if out.dtype == part.dtype else apart


@kernel
def primal(task, t, first, weights, work, adjoint, gradient, scratch):
    """Run a tile forward, from a place in the order on, and in reverse; the gradient (unless empty) is added to."""
    network, batch = task.network, task.batch
    width, data, last = batch.x.shape[2], flat(batch.x[t]), network.rows.shape[0] - 1
    forward(network, task.order[first:], task.places, weights, work, data, scratch, width)
    z = output_block(network, task.places, last, work, data, width)
    row = network.rows[last]
    delta = block(adjoint, row[ADJOINT], row[SIZE], width)
    loss_adjoint(network.rules, task.criterion, batch, t, z, scratch, delta)
    frame = frame_for_values(network, task.places, weights, work, data, scratch, width)
    backward(with_adjoints(frame, adjoint, adjoint, gradient))


@kernel
def gradients(worker, workers, network, order, places, batch, criterion, thetas, slots, buffers, out, sums):
    """Add to out [K, slots, P] the gradients of the summed loss at each θ, and its sums to sums [K, slots, 6].

    This worker does its share of the (θ, slot) pairs.
    """
    tiles, last, width = batch.x.shape[0], network.rows.shape[0] - 1, batch.x.shape[2]
    work, adjoint, scratch = buffers.work[worker], buffers.adjoint[worker], buffers.scratch[worker]
    task, items = Task(network, order, places, batch, criterion), thetas.shape[0] * slots
    once, at = alike(network), -1
    for item in range(items * worker // workers, items * (worker + 1) // workers):
        k, s = item // slots, item % slots
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            gradient = begin_sum(out[k, s], buffers.gradient[worker])
            primal(task, t, 0 if k != at else once, thetas[k], work, adjoint, gradient, scratch)
            at = k
            z = block(work, places[last], network.rows[last, SIZE], width)
            add_tile(network.rules, criterion, batch, t, z, scratch, buffers.sums[worker], sums[k, s])
            end_sum(out[k, s], gradient)


@kernel
def keep_primals(worker, workers, network, order, places, batch, criterion, weights, buffers, kept):
    """Run this worker's share of the tiles forward and in reverse, into `kept`."""
    tiles, nothing, scratch = batch.x.shape[0], buffers.gradient[worker][:0], buffers.scratch[worker]
    task = Task(network, order, places, batch, criterion)
    for t in range(tiles * worker // workers, tiles * (worker + 1) // workers):
        primal(task, t, 0, weights, kept.work[t], kept.adjoint[t], nothing, scratch)


@kernel
def primal_of(task, t, first, weights, worker, buffers, kept):
    """Give a tile's outputs and adjoints: those kept, or computed now, from a place in the order on."""
    if kept.work.shape[0] > 0:
        return kept.work[t], kept.adjoint[t]
    work, adjoint, scratch = buffers.work[worker], buffers.adjoint[worker], buffers.scratch[worker]
    nothing = buffers.gradient[worker][:0]
    primal(task, t, first, weights, work, adjoint, nothing, scratch)
    return work, adjoint


@kernel
def one_product(frame, criterion, batch, t):
    """Add the product of the tile's Hessian with the frame's vector to its gradient; the outputs and adjoints are the tile's."""
    network, width, last = frame.network, frame.width, frame.network.rows.shape[0] - 1
    rows, place = network.rows[last, SIZE], frame.places[last]
    tangent_forward(frame, 0)
    z, dz = block(frame.work, place, rows, width), block(frame.tangent, place, rows, width)
    change = block(frame.into, place, rows, width)
    loss_adjoint_tangent(network.rules, criterion, batch, t, z, dz, frame.scratch, change)
    tangent_backward(frame, 0)


@kernel
def products(worker, workers, network, order, places, batch, criterion, weights, vectors, chunk, slots, buffers, kept, out):  # fmt: skip
    """Add to out [K, slots, P] the products of the summed loss's Hessian at `weights` with vectors [K, P].

    This worker does its share of the (chunk of vectors, slot) pairs; where no primal is kept, one serves a whole chunk.
    """
    tiles, count, task = batch.x.shape[0], vectors.shape[0], Task(network, order, places, batch, criterion)
    tangent, into, scratch = buffers.tangent[worker], buffers.into[worker], buffers.scratch[worker]
    items, first = (count + chunk - 1) // chunk * slots, 0
    for item in range(items * worker // workers, items * (worker + 1) // workers):
        c, s = item // slots, item % slots
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            work, adjoint = primal_of(task, t, first, weights, worker, buffers, kept)
            first = alike(network)
            data = flat(batch.x[t])
            at_tile = frame_for_values(network, places, weights, work, data, scratch, batch.x.shape[2])
            for k in range(c * chunk, min(count, (c + 1) * chunk)):
                gradient = begin_sum(out[k, s], buffers.gradient[worker])
                along = with_tangents(at_tile, vectors[k], tangent)
                one_product(with_adjoints(along, adjoint, into, gradient), criterion, batch, t)
                end_sum(out[k, s], gradient)
