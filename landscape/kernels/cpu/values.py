"""Entry points for values: losses at many parameter vectors."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.losses import add_tile
from landscape.kernels.cpu.passes import alike, forward
from landscape.kernels.cpu.views import flat, output_block


@kernel
def values(worker, workers, network, order, places, batch, criterion, thetas, buffers, out):
    """Set out [K, tiles, 6], given as zeros, to the sums of each θ (rows of thetas [K, P]) over each tile.

    This worker does its share of the (θ, tile) pairs.
    """
    tiles, width = batch.x.shape[0], batch.x.shape[2]
    items = thetas.shape[0] * tiles
    work, scratch, sums = buffers.work[worker], buffers.scratch[worker], buffers.sums[worker]
    last, once, at = network.rows.shape[0] - 1, alike(network), -1
    for item in range(items * worker // workers, items * (worker + 1) // workers):
        k, t = item // tiles, item % tiles
        data = flat(batch.x[t])
        forward(network, order[0 if k != at else once :], places, thetas[k], work, data, scratch, width)
        at = k
        z = output_block(network, places, last, work, data, width)
        add_tile(network.rules, criterion, batch, t, z, scratch, sums, out[k, t])
