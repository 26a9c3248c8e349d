"""Entry points for sweeps: losses over a grid of points θ₀ + Σ αᵢ dᵢ, a block a pair of a point and a slot of tiles.

As on the CPU, what no direction touches is computed once a tile for all points, and products that are affine in α once for θ₀ and for each
direction. A block forms the weights of its point once and runs its tiles with them.
"""

from __future__ import annotations

from numba import float64
from numpy import uint32

from landscape.kernels.cuda.arrays import Frame
from landscape.kernels.cuda.dispatch import run_finish, run_linear
from landscape.kernels.cuda.losses import add_columns, clear_totals, give_totals
from landscape.kernels.cuda.passes import forward, forward_row
from landscape.kernels.cuda.rows import CODE, SIZE, activation_value, offset_of
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
        none = ours[:0]
        forward(plan.fixed, Frame(network, plan.inner, grid.vectors[0], ours, ours, none, none, none, none, none))  # fmt: skip


def share_products(network, plan, grid, shared, products):
    """Set products [tiles, 1 + d, A·B] to the affine rows' outputs for θ₀ and for each direction."""
    vectors = grid.vectors.shape[0]
    for item in range(cuda.blockIdx.x, shared.shape[0] * vectors, cuda.gridDim.x):
        number, k = item // vectors, item % vectors
        ours, vector = shared[number], grid.vectors[k]
        none = ours[:0]
        frame = Frame(network, plan.inner, vector, ours, ours, vector, products[number, k], none, none, none)
        for a in range(plan.affine.size):
            i = plan.affine[a]
            run_linear(i, frame, plan.affine_places[i])
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


def affine_row(i, frame, plan, scales, products):
    """Give an affine row its value at a point, with what rides on it."""
    row, parameter = frame.network.rows[i], frame.network.attributes[i]
    y, x = plan.places[i] * WIDTH, plan.affine_places[i] * WIDTH
    q = uint32(cuda.threadIdx.x)
    while q < row[SIZE] * WIDTH:
        p = uint32(x + q)
        value = products[0, p]
        for k in range(1, products.shape[0]):
            value += scales[k - 1] * products[k, p]
        value = run_finish(i, frame, q // WIDTH, value)
        frame.work[uint32(y + q)] = activation_value(row[CODE], value, parameter)
        q = uint32(q + THREADS)
    cuda.syncthreads()


def point_tile(frame, plan, scales, products, batch, t, criterion, totals):
    """Run a tile at a point and add its columns' sums."""
    for k in range(plan.order.size):
        i = plan.order[k]
        if plan.affine_places[i] >= 0:
            affine_row(i, frame, plan, scales, products)
        else:
            forward_row(i, frame)
    last = frame.network.rows.shape[0] - 1
    place, size = plan.places[last], frame.network.rows[last, SIZE]
    z = frame.work if place >= 0 else frame.shared
    add_columns(criterion, batch, t, z, offset_of(place) * WIDTH, size, totals)


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
            none = weights[:0]
            frame = Frame(network, plan.places, weights, work, shared[number], none, none, none, none, none)
            point_tile(frame, plan, scales, products[number], batch, t + number, criterion, totals)
        give_totals(totals, out[k, s])


DEVICE = (choose_scales, form_weights, affine_row, point_tile)
ENTRIES = (share_fixed, share_products, sweep)
