"""Entry points for sweeps: losses over a grid of points θ₀ + Σ αᵢ dᵢ, a block a pair of a point and a slot of tiles.

As on the CPU, what no direction touches is computed once a tile for all points, and products that are affine in α once for θ₀ and for each
direction. A block forms the weights of its point once and runs its tiles with them.
"""

from __future__ import annotations

from numba import float64
from numpy import uint32

from landscape.kernels.cuda.losses import add_columns, clear_totals, give_totals
from landscape.kernels.cuda.narrow import finished, is_wide, wide_linear
from landscape.kernels.cuda.rows import (
    CODE,
    FIRST,
    OP,
    SIZE,
    activation_value,
    dense_value,
    forward_row,
    offset_of,
)
from landscape.kernels.cuda.shape import KIND, SLOT, STAGE, THREADS, TOTALS, WIDTH
from landscape.kernels.cuda.target import cuda

# Directions of a grid.
MOST_AXES = 8


def share_fixed(network, plan, grid, batch, t, shared):
    """Put into shared [tiles, S·B], for tiles from t on, the data and what no direction changes."""
    for number in range(cuda.blockIdx.x, shared.shape[0], cuda.gridDim.x):
        ours, data = shared[number], batch.x[t + number]
        q = uint32(cuda.threadIdx.x)
        while q < data.size:
            ours[q] = data[q]
            q = uint32(q + THREADS)
        cuda.syncthreads()
        for k in range(plan.fixed.size):
            forward_row(plan.fixed[k], network, plan.inner, grid.vectors[0], ours, ours)


def share_products(network, plan, grid, shared, products):
    """Set products [tiles, 1 + d, A·B] to the affine rows' outputs for θ₀ and for each direction."""
    vectors = grid.vectors.shape[0]
    for item in range(cuda.blockIdx.x, shared.shape[0] * vectors, cuda.gridDim.x):
        number, k = item // vectors, item % vectors
        for a in range(plan.affine.size):
            i = plan.affine[a]
            source = plan.inner[network.links[network.rows[i, FIRST]]]
            # The data lie first in the shared memory, and their own place is negative.
            place = plan.affine_places[i]
            if is_wide(network.rows[i, OP]):
                wide_linear(i, network, grid.vectors[k], shared[number], source, products[number, k], place)
            else:
                dense_value(network.rows[i], grid.vectors[k], shared[number], source, products[number, k], place, True, False)  # fmt: skip
        cuda.syncthreads()


def choose_scales(grid, point, scales):
    """Set scales to the coordinates of a point, the last axis the fastest."""
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        rest = point
        for i in range(grid.lengths.size - 1, -1, -1):
            scales[i] = grid.axes[i, rest % grid.lengths[i]]
            rest = rest // grid.lengths[i]
    cuda.syncthreads()


def form_weights(plan, grid, scales, weights):
    """Set the parts of the weights that the point's rows read to θ₀ + Σ αᵢ dᵢ."""
    for r in range(plan.ranges.shape[0]):
        q = uint32(plan.ranges[r, 0] + cuda.threadIdx.x)
        while q < plan.ranges[r, 1]:
            value = grid.vectors[0, q]
            for i in range(grid.lengths.size):
                value += scales[i] * grid.vectors[1 + i, q]
            weights[q] = value
            q = uint32(q + THREADS)
    cuda.syncthreads()


def affine_row(i, network, plan, scales, products, weights, work):
    """Give an affine row its value at a point, with what rides on it."""
    row, parameter = network.rows[i], network.attributes[i]
    y, x = plan.places[i] * WIDTH, plan.affine_places[i] * WIDTH
    q = uint32(cuda.threadIdx.x)
    while q < row[SIZE] * WIDTH:
        p = uint32(x + q)
        value = products[0, p]
        for k in range(1, products.shape[0]):
            value += scales[k - 1] * products[k, p]
        value = finished(i, network, weights, q // WIDTH, value)
        work[uint32(y + q)] = activation_value(row[CODE], value, parameter)
        q = uint32(q + THREADS)
    cuda.syncthreads()


def point_tile(network, plan, batch, t, criterion, scales, shared, products, weights, work, totals):
    """Run a tile at a point and add its columns' sums."""
    for k in range(plan.order.size):
        i = plan.order[k]
        if plan.affine_places[i] >= 0:
            affine_row(i, network, plan, scales, products, weights, work)
        else:
            forward_row(i, network, plan.places, weights, work, shared)
    last = network.rows.shape[0] - 1
    z = work if plan.places[last] >= 0 else shared
    add_columns(criterion, batch, t, z, offset_of(plan.places[last]) * WIDTH, network.rows[last, SIZE], totals)  # fmt: skip


def sweep(first, last, network, plan, grid, batch, t, criterion, shared, products, buffers, out):
    """Set out [K, slots, 6] to the sums at points first … last − 1 over each slot of the shared tiles, which are those from t on."""
    dynamic = cuda.shared.array(0, KIND)
    totals = cuda.shared.array(TOTALS, float64)
    scales = cuda.shared.array(MOST_AXES, KIND)
    work = buffers.work[cuda.blockIdx.x] if buffers.work.size > 0 else dynamic[STAGE:]
    weights = buffers.weights[cuda.blockIdx.x]
    slots, tiles = out.shape[1], shared.shape[0]
    for item in range(cuda.blockIdx.x, (last - first) * slots, cuda.gridDim.x):
        # Blocks that run at the same time work on the same tiles, whose shared products then come from the cache.
        s, k = item // (last - first), item % (last - first)
        choose_scales(grid, first + k, scales)
        form_weights(plan, grid, scales, weights)
        clear_totals(totals)
        for number in range(s * SLOT, min(tiles, (s + 1) * SLOT)):
            point_tile(network, plan, batch, t + number, criterion, scales, shared[number], products[number], weights, work, totals)  # fmt: skip
        give_totals(totals, out[k, s])


DEVICE = (choose_scales, form_weights, affine_row, point_tile)
ENTRIES = (share_fixed, share_products, sweep)
