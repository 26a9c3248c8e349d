"""Entry points for derivatives: gradients at many parameter vectors, Hessian-vector products at one.

Tiles are divided into a fixed number of slots, each summed in order into a float64 part of its own, so that the bits do not
depend on how many threads share the work.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import block
from landscape.kernels.cpu.backward import backward
from landscape.kernels.cpu.forward import forward, output_block
from landscape.kernels.cpu.losses import add_tile, loss_adjoint, loss_adjoint_tangent
from landscape.kernels.cpu.tangent import tangent_backward, tangent_forward
from landscape.kernels.program import Column

SIZE = int(Column.SIZE)


@kernel
def add_to(total, part):
    """Add a part in the kernels' dtype to a float64 total."""
    for q in range(total.size):
        total[q] += part[q]


@kernel
def primal(network, order, places, batch, t, criterion, weights, work, adjoint, gradient, scratch):
    """Run a tile forward and in reverse; the gradient (unless empty) is added to."""
    width, data, last = batch.x.shape[2], batch.x[t].reshape(-1), network.rows.shape[0] - 1
    forward(network, order, places, weights, work, data, scratch, width)
    adjoint[:] = 0
    z = output_block(network, places, last, work, data, width)
    loss_adjoint(
        criterion, batch, t, z, scratch, block(adjoint, places[last], network.rows[last, SIZE], width)
    )
    backward(network, places, weights, work, data, adjoint, gradient, scratch, width)


@kernel
def gradients(worker, workers, network, order, places, batch, criterion, thetas, slots, buffers, out, sums):
    """Add to out [K, slots, P] the gradients of the summed loss at each θ, and its sums to sums [K, slots, 6].

    This worker does its share of the (θ, slot) pairs.
    """
    tiles, last, width = batch.x.shape[0], network.rows.shape[0] - 1, batch.x.shape[2]
    work, adjoint, gradient = buffers.work[worker], buffers.adjoint[worker], buffers.gradient[worker]
    items = thetas.shape[0] * slots
    for item in range(items * worker // workers, items * (worker + 1) // workers):
        k, s = item // slots, item % slots
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            gradient[:] = 0
            primal(network, order, places, batch, t, criterion, thetas[k], work, adjoint, gradient, buffers.scratch[worker])  # fmt: skip
            z = block(work, places[last], network.rows[last, SIZE], width)
            add_tile(criterion, batch, t, z, buffers.scratch[worker], buffers.sums[worker], sums[k, s])
            add_to(out[k, s], gradient)


@kernel
def one_product(network, places, batch, t, criterion, weights, vector, worker, buffers, out):
    """Add the product of the tile's Hessian with a vector to out [P]; the tile's primal must be in the buffers."""
    width, data, last = batch.x.shape[2], batch.x[t].reshape(-1), network.rows.shape[0] - 1
    work, adjoint, scratch = buffers.work[worker], buffers.adjoint[worker], buffers.scratch[worker]
    tangent, into, gradient = buffers.tangent[worker], buffers.into[worker], buffers.gradient[worker]
    tangent_forward(network, places, weights, vector, work, data, tangent, scratch, width)
    into[:] = 0
    gradient[:] = 0
    rows = network.rows[last, SIZE]
    z, dz = block(work, places[last], rows, width), block(tangent, places[last], rows, width)
    loss_adjoint_tangent(criterion, batch, t, z, dz, scratch, block(into, places[last], rows, width))
    tangent_backward(
        network, places, weights, vector, work, data, tangent, adjoint, into, gradient, scratch, width
    )
    add_to(out, gradient)


@kernel
def products(worker, workers, network, order, places, batch, criterion, weights, vectors, chunk, slots, buffers, out):  # fmt: skip
    """Add to out [K, slots, P] the products of the summed loss's Hessian at `weights` with vectors [K, P].

    This worker does its share of the (chunk of vectors, slot) pairs; a tile's primal serves a whole chunk.
    """
    tiles, count = batch.x.shape[0], vectors.shape[0]
    nothing = buffers.gradient[worker][:0]
    items = (count + chunk - 1) // chunk * slots
    for item in range(items * worker // workers, items * (worker + 1) // workers):
        c, s = item // slots, item % slots
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            work, adjoint, scratch = buffers.work[worker], buffers.adjoint[worker], buffers.scratch[worker]
            primal(network, order, places, batch, t, criterion, weights, work, adjoint, nothing, scratch)
            for k in range(c * chunk, min(count, (c + 1) * chunk)):
                one_product(
                    network, places, batch, t, criterion, weights, vectors[k], worker, buffers, out[k, s]
                )
