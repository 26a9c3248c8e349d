"""Entry point for a network's outputs."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.passes import alike, forward
from landscape.kernels.cpu.views import flat, output_block


@kernel
def outputs(worker, workers, network, order, places, batch, weights, buffers, out):
    """Set out [tiles, F, B] to the last row's output at one θ, for each example of each tile.

    This worker does its share of the tiles.
    """
    tiles, width = batch.x.shape[0], batch.x.shape[2]
    work, scratch = buffers.work[worker], buffers.scratch[worker]
    last, first = network.rows.shape[0] - 1, 0
    for t in range(tiles * worker // workers, tiles * (worker + 1) // workers):
        data = flat(batch.x[t])
        forward(network, order[first:], places, weights, work, data, scratch, width)
        first = alike(network)
        copy_rows(output_block(network, places, last, work, data, width), out[t])
