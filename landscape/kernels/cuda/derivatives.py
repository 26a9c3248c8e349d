"""Entry points for derivatives: gradients at many parameter vectors, Hessian-vector products at one.

A block takes a pair of a vector (or a chunk of vectors) and a slot of tiles. The slots' sums go to the host apart, which adds them in their order.
"""

from __future__ import annotations

from numba import float64
from numpy import uint32

from landscape.kernels.cuda.arrays import Frame
from landscape.kernels.cuda.losses import (
    add_columns,
    clear_totals,
    give_totals,
    loss_adjoint,
    loss_adjoint_tangent,
)
from landscape.kernels.cuda.passes import backward, forward, tangent_backward, tangent_forward
from landscape.kernels.cuda.rows import SIZE, clear
from landscape.kernels.cuda.shape import THREADS, TOTALS, WIDTH
from landscape.kernels.cuda.target import cuda


def give_vector(part, out):
    """Set a float64 result to a part in the kernels' dtype."""
    q = uint32(cuda.threadIdx.x)
    while q < out.size:
        out[q] = float64(part[q])
        q = uint32(q + THREADS)
    cuda.syncthreads()


def add_vector(part, out):
    """Add a part in the kernels' dtype to a float64 result."""
    q = uint32(cuda.threadIdx.x)
    while q < out.size:
        out[q] += float64(part[q])
        q = uint32(q + THREADS)
    cuda.syncthreads()


def clear_result(out):
    """Set a float64 result to zero."""
    q = uint32(cuda.threadIdx.x)
    while q < out.size:
        out[q] = 0.0
        q = uint32(q + THREADS)
    cuda.syncthreads()


def primal(order, frame, batch, t, criterion):
    """Run a tile forward and in reverse; the gradient (unless empty) is added to."""
    last = frame.network.rows.shape[0] - 1
    forward(order, frame)
    clear(frame.adjoint, frame.adjoint.size)
    # The output of a program for derivatives lies in the work.
    z = frame.places[last] * WIDTH
    loss_adjoint(criterion, batch, t, frame.work, z, frame.network.rows[last, SIZE], frame.adjoint, z)
    backward(frame)


def gradients(network, order, places, batch, criterion, thetas, slots, buffers, out, sums):
    """Set out [K, slots, P] to the gradients of the summed loss at each θ, and sums [K, slots, 6] to its sums."""
    totals = cuda.shared.array(TOTALS, float64)
    tiles, last = batch.x.shape[0], network.rows.shape[0] - 1
    work, adjoint = buffers.work[cuda.blockIdx.x], buffers.adjoint[cuda.blockIdx.x]
    gradient = buffers.gradient[cuda.blockIdx.x]
    for item in range(cuda.blockIdx.x, thetas.shape[0] * slots, cuda.gridDim.x):
        k, s = item // slots, item % slots
        clear(gradient, gradient.size)
        clear_totals(totals)
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            none = thetas[k][:0]
            frame = Frame(
                network, places, thetas[k], work, batch.x[t], none, none, adjoint, adjoint, gradient
            )
            primal(order, frame, batch, t, criterion)
            add_columns(criterion, batch, t, work, places[last] * WIDTH, network.rows[last, SIZE], totals)
        give_totals(totals, sums[k, s])
        give_vector(gradient, out[k, s])


def one_product(frame, batch, t, criterion, out):
    """Add the product of the tile's Hessian with the frame's vector to out [P]; outputs and adjoints must be the tile's."""
    last = frame.network.rows.shape[0] - 1
    tangent_forward(frame)
    clear(frame.into, frame.into.size)
    clear(frame.gradient, frame.gradient.size)
    z, size = frame.places[last] * WIDTH, frame.network.rows[last, SIZE]
    loss_adjoint_tangent(criterion, batch, t, frame.work, frame.tangent, z, size, frame.into)
    tangent_backward(frame)
    add_vector(frame.gradient, out)


def products(network, order, places, batch, criterion, weights, vectors, chunk, slots, buffers, out):
    """Set out [K, slots, P] to the products of the summed loss's Hessian at `weights` with vectors [K, P].

    A block does a chunk of vectors, so that a tile's primal serves them all.
    """
    tiles, count, b = batch.x.shape[0], vectors.shape[0], cuda.blockIdx.x
    work, adjoint, none = buffers.work[b], buffers.adjoint[b], buffers.gradient[b][:0]
    for item in range(b, (count + chunk - 1) // chunk * slots, cuda.gridDim.x):
        c, s = item // slots, item % slots
        for k in range(c * chunk, min(count, (c + 1) * chunk)):
            clear_result(out[k, s])
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            at_tile = Frame(network, places, weights, work, batch.x[t], none, none, adjoint, adjoint, none)
            primal(order, at_tile, batch, t, criterion)
            for k in range(c * chunk, min(count, (c + 1) * chunk)):
                frame = Frame(
                    network, places, weights, work, batch.x[t], vectors[k], buffers.tangent[b], adjoint, buffers.into[b],
                    buffers.gradient[b],
                )  # fmt: skip
                one_product(frame, batch, t, criterion, out[k, s])


DEVICE = (give_vector, add_vector, clear_result, primal, one_product)
ENTRIES = (gradients, products)
