"""Products with matrices Σ Jᵀ M J that stand in for the Hessian: J the outputs' derivative in θ, M a matrix of each example's outputs.

The tangent forward gives J v, M is applied to it, and the ordinary reverse pass gives the rest. M is the loss's own curvature (the
Gauss–Newton matrix), the outer product of its slope (the empirical Fisher matrix), or a constant times the identity (the Fisher matrix
of a likelihood whose loss has kinks).
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.derivatives import begin_sum, end_sum, primal_of
from landscape.kernels.cpu.losses import loss_adjoint_tangent
from landscape.kernels.cpu.passes import backward, tangent_forward
from landscape.kernels.cpu.views import block, flat
from landscape.kernels.program import Column

SIZE = int(Column.SIZE)
CURVATURE, OUTER, CONSTANT = 0, 1, 2


@kernel
def outer_product(slope, dz, scratch, out):
    """Set out [F, B] to slope·(slopeᵀ dz) of each column."""
    along = scratch[0]
    along[:] = 0
    for f in range(dz.shape[0]):
        for j in range(along.size):
            along[j] += slope[f, j] * dz[f, j]
    for f in range(dz.shape[0]):
        for j in range(along.size):
            out[f, j] = slope[f, j] * along[j]


@kernel
def output_change(rules, kind, factor, criterion, batch, t, z, dz, slope, scratch, out):
    """Set out [F, B] to M dz."""
    if kind == CURVATURE:
        loss_adjoint_tangent(rules, criterion, batch, t, z, dz, scratch, out)
    elif kind == OUTER:
        outer_product(slope, dz, scratch, out)
    else:
        for f in range(dz.shape[0]):
            for j in range(dz.shape[1]):
                out[f, j] = factor * dz[f, j]
        out[:, batch.valid[t] :] = 0


@kernel
def one_fisher_product(network, places, batch, t, criterion, kind, factor, weights, vector, work, adjoint, worker, buffers, out):  # fmt: skip
    """Add the tile's product with a vector to out [P]; `work` and `adjoint` are the tile's."""
    width, data, last = batch.x.shape[2], flat(batch.x[t]), network.rows.shape[0] - 1
    tangent, into, scratch = buffers.tangent[worker], buffers.into[worker], buffers.scratch[worker]
    tangent_forward(network, places, weights, vector, work, data, tangent, scratch, width, 0)
    gradient = begin_sum(out, buffers.gradient[worker])
    rows = network.rows[last, SIZE]
    z, dz = block(work, places[last], rows, width), block(tangent, places[last], rows, width)
    slope, change = block(adjoint, places[last], rows, width), block(into, places[last], rows, width)
    output_change(network.rules, kind, factor, criterion, batch, t, z, dz, slope, scratch, change)
    backward(network, places, weights, work, data, into, gradient, scratch, width)
    end_sum(out, gradient)


@kernel
def fisher_products(worker, workers, network, order, places, batch, criterion, kind, factor, weights, vectors, chunk, slots, buffers, kept, out):  # fmt: skip
    """Add to out [K, slots, P] the products with vectors [K, P]; the work is divided as that of `derivatives.products`."""
    tiles, count = batch.x.shape[0], vectors.shape[0]
    items = (count + chunk - 1) // chunk * slots
    for item in range(items * worker // workers, items * (worker + 1) // workers):
        c, s = item // slots, item % slots
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            work, adjoint = primal_of(
                network, order, places, batch, t, criterion, weights, worker, buffers, kept
            )
            for k in range(c * chunk, min(count, (c + 1) * chunk)):
                one_fisher_product(
                    network, places, batch, t, criterion, kind, factor, weights, vectors[k], work, adjoint, worker, buffers,
                    out[k, s],
                )  # fmt: skip
