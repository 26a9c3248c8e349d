"""Entry points for derivatives: gradients at many parameter vectors, Hessian-vector products at one.

Tiles are divided into a fixed number of slots, each summed in order into a float64 part of its own, so that the bits do not
depend on how many threads share the work.
"""

from __future__ import annotations

from typing import Any

from numba.extending import overload

from landscape.jit import kernel
from landscape.kernels.cpu.losses import add_tile, loss_adjoint, loss_adjoint_tangent
from landscape.kernels.cpu.passes import backward, forward, tangent_backward, tangent_forward
from landscape.kernels.cpu.views import block, flat, output_block
from landscape.kernels.program import Column

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
def primal(network, order, places, batch, t, criterion, weights, work, adjoint, gradient, scratch):
    """Run a tile forward and in reverse; the gradient (unless empty) is added to."""
    width, data, last = batch.x.shape[2], flat(batch.x[t]), network.rows.shape[0] - 1
    forward(network, order, places, weights, work, data, scratch, width)
    z = output_block(network, places, last, work, data, width)
    row = network.rows[last]
    loss_adjoint(
        network.rules, criterion, batch, t, z, scratch, block(adjoint, row[ADJOINT], row[SIZE], width)
    )
    backward(network, places, weights, work, data, adjoint, gradient, scratch, width)


@kernel
def gradients(worker, workers, network, order, places, batch, criterion, thetas, slots, buffers, out, sums):
    """Add to out [K, slots, P] the gradients of the summed loss at each θ, and its sums to sums [K, slots, 6].

    This worker does its share of the (θ, slot) pairs.
    """
    tiles, last, width = batch.x.shape[0], network.rows.shape[0] - 1, batch.x.shape[2]
    work, adjoint = buffers.work[worker], buffers.adjoint[worker]
    items = thetas.shape[0] * slots
    for item in range(items * worker // workers, items * (worker + 1) // workers):
        k, s = item // slots, item % slots
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            gradient = begin_sum(out[k, s], buffers.gradient[worker])
            primal(network, order, places, batch, t, criterion, thetas[k], work, adjoint, gradient, buffers.scratch[worker])  # fmt: skip
            z = block(work, places[last], network.rows[last, SIZE], width)
            add_tile(
                network.rules,
                criterion,
                batch,
                t,
                z,
                buffers.scratch[worker],
                buffers.sums[worker],
                sums[k, s],
            )
            end_sum(out[k, s], gradient)


@kernel
def keep_primals(worker, workers, network, order, places, batch, criterion, weights, buffers, kept):
    """Run this worker's share of the tiles forward and in reverse, into `kept`."""
    tiles, nothing, scratch = batch.x.shape[0], buffers.gradient[worker][:0], buffers.scratch[worker]
    for t in range(tiles * worker // workers, tiles * (worker + 1) // workers):
        primal(network, order, places, batch, t, criterion, weights, kept.work[t], kept.adjoint[t], nothing, scratch)  # fmt: skip


@kernel
def primal_of(network, order, places, batch, t, criterion, weights, worker, buffers, kept):
    """Give a tile's outputs and adjoints: those kept, or computed now."""
    if kept.work.shape[0] > 0:
        return kept.work[t], kept.adjoint[t]
    work, adjoint, scratch = buffers.work[worker], buffers.adjoint[worker], buffers.scratch[worker]
    nothing = buffers.gradient[worker][:0]
    primal(network, order, places, batch, t, criterion, weights, work, adjoint, nothing, scratch)
    return work, adjoint


@kernel
def one_product(network, places, batch, t, criterion, weights, vector, work, adjoint, worker, buffers, out):
    """Add the product of the tile's Hessian with a vector to out [P]; `work` and `adjoint` are the tile's."""
    width, data, last = batch.x.shape[2], flat(batch.x[t]), network.rows.shape[0] - 1
    tangent, into, scratch = buffers.tangent[worker], buffers.into[worker], buffers.scratch[worker]
    tangent_forward(network, places, weights, vector, work, data, tangent, scratch, width, 0)
    gradient = begin_sum(out, buffers.gradient[worker])
    rows = network.rows[last, SIZE]
    z, dz = block(work, places[last], rows, width), block(tangent, places[last], rows, width)
    loss_adjoint_tangent(
        network.rules, criterion, batch, t, z, dz, scratch, block(into, places[last], rows, width)
    )
    tangent_backward(
        network, places, weights, vector, work, data, tangent, adjoint, into, gradient, scratch, width, 0
    )
    end_sum(out, gradient)


@kernel
def products(worker, workers, network, order, places, batch, criterion, weights, vectors, chunk, slots, buffers, kept, out):  # fmt: skip
    """Add to out [K, slots, P] the products of the summed loss's Hessian at `weights` with vectors [K, P].

    This worker does its share of the (chunk of vectors, slot) pairs; where no primal is kept, one serves a whole chunk.
    """
    tiles, count = batch.x.shape[0], vectors.shape[0]
    items = (count + chunk - 1) // chunk * slots
    for item in range(items * worker // workers, items * (worker + 1) // workers):
        c, s = item // slots, item % slots
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            work, adjoint = primal_of(
                network, order, places, batch, t, criterion, weights, worker, buffers, kept
            )
            for k in range(c * chunk, min(count, (c + 1) * chunk)):
                one_product(
                    network, places, batch, t, criterion, weights, vectors[k], work, adjoint, worker, buffers, out[k, s]
                )  # fmt: skip
