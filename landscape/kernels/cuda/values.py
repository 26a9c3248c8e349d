"""Entry points for values: losses at many parameter vectors, a block a pair of a vector and a slot of tiles."""

from __future__ import annotations

from numba import float64

from landscape.kernels.cuda.arrays import Frame
from landscape.kernels.cuda.losses import add_columns, clear_totals, give_totals
from landscape.kernels.cuda.passes import forward
from landscape.kernels.cuda.rows import SIZE, offset_of
from landscape.kernels.cuda.shape import KIND, SLOT, STAGE, TOTALS, WIDTH
from landscape.kernels.cuda.target import cuda


def tile_values(order, frame, batch, t, criterion, totals):
    """Run a tile forward and add its columns' sums."""
    forward(order, frame)
    last = frame.network.rows.shape[0] - 1
    place, size = frame.places[last], frame.network.rows[last, SIZE]
    z = frame.work if place >= 0 else frame.shared
    add_columns(criterion, batch, t, z, offset_of(place) * WIDTH, size, totals)


def values(network, order, places, batch, criterion, thetas, buffers, out):
    """Set out [K, slots, 6] to the sums of each θ (rows of thetas [K, P]) over each slot of tiles."""
    dynamic = cuda.shared.array(0, KIND)
    totals = cuda.shared.array(TOTALS, float64)
    work = buffers.work[cuda.blockIdx.x] if buffers.work.size > 0 else dynamic[STAGE:]
    slots, tiles = out.shape[1], batch.x.shape[0]
    for item in range(cuda.blockIdx.x, out.shape[0] * slots, cuda.gridDim.x):
        k, s = item // slots, item % slots
        clear_totals(totals)
        for t in range(s * SLOT, min(tiles, (s + 1) * SLOT)):
            none = thetas[k][:0]
            frame = Frame(network, places, thetas[k], work, batch.x[t], none, none, none, none, none)
            tile_values(order, frame, batch, t, criterion, totals)
        give_totals(totals, out[k, s])


DEVICE = (tile_values,)
ENTRIES = (values,)
