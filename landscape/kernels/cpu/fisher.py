"""Products with matrices Σ Jᵀ M J that approximate the Hessian: J is the outputs' derivative in θ, M a matrix for each example's outputs.

The tangent forward gives J v, M is applied to it, and the ordinary reverse pass gives the rest. M is the loss's own curvature (the
Gauss–Newton matrix), the outer product of its slope (the empirical Fisher matrix), or a constant times the identity (the Fisher matrix
of a likelihood whose loss has kinks).
"""

from __future__ import annotations

from typing import NamedTuple

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Task
from landscape.kernels.cpu.derivatives import begin_sum, end_sum, primal_of
from landscape.kernels.cpu.losses import loss_adjoint_tangent
from landscape.kernels.cpu.passes import (
    alike,
    backward,
    frame_for_values,
    tangent_forward,
    with_adjoints,
    with_tangents,
)
from landscape.kernels.cpu.views import block, flat
from landscape.program.table import Column

SIZE = int(Column.SIZE)
CURVATURE, OUTER, CONSTANT = 0, 1, 2


class Matrix(NamedTuple):
    """Which matrix M is between the derivatives, and the factor of a constant one."""

    kind: int
    factor: float


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
def outputs_change(frame, matrix, criterion, batch, t):
    """Set the output's part of `into` to M times its tangent."""
    last, width = frame.network.rows.shape[0] - 1, frame.width
    rows, place = frame.network.rows[last, SIZE], frame.places[last]
    z, dz = block(frame.work, place, rows, width), block(frame.tangent, place, rows, width)
    slope, out = block(frame.adjoint, place, rows, width), block(frame.into, place, rows, width)
    if matrix.kind == CURVATURE:
        loss_adjoint_tangent(frame.network.rules, criterion, batch, t, z, dz, frame.scratch, out)
    elif matrix.kind == OUTER:
        outer_product(slope, dz, frame.scratch, out)
    else:
        for f in range(dz.shape[0]):
            for j in range(dz.shape[1]):
                out[f, j] = matrix.factor * dz[f, j]
        out[:, batch.valid[t] :] = 0


@kernel
def one_fisher_product(frame, matrix, criterion, batch, t):
    """Add the tile's product with the frame's vector to its gradient; the outputs and adjoints are the tile's."""
    tangent_forward(frame, 0)
    outputs_change(frame, matrix, criterion, batch, t)
    backward(with_adjoints(frame, frame.into, frame.into, frame.gradient))


@kernel
def fisher_products(worker, workers, network, order, places, batch, criterion, kind, factor, weights, vectors, chunk, slots, buffers, kept, out):  # fmt: skip
    """Add to out [K, slots, P] the products with vectors [K, P]; the work is divided as that of `derivatives.products`."""
    tiles, count, task = batch.x.shape[0], vectors.shape[0], Task(network, order, places, batch, criterion)
    tangent, into, scratch = buffers.tangent[worker], buffers.into[worker], buffers.scratch[worker]
    matrix, items, first = Matrix(kind, factor), (count + chunk - 1) // chunk * slots, 0
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
                one_fisher_product(with_adjoints(along, adjoint, into, gradient), matrix, criterion, batch, t)
                end_sum(out[k, s], gradient)
