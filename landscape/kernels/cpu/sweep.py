"""Entry points for sweeps: losses over a grid of points θ₀ + Σ αᵢ dᵢ, one tile of examples at a time.

A row whose parameters and inputs no direction touches is *fixed* and computed once for all points. A product that reads fixed
rows is *affine* in α: its outputs for θ₀ and for each direction are computed once, and a point costs one fused
multiply-add. Along the last axis of the grid all other terms are constant and are summed once a line.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Batch, Frame, Network
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.loops import activate_affine
from landscape.kernels.cpu.losses import Criterion, add_tile
from landscape.kernels.cpu.passes import forward, frame_for_values
from landscape.kernels.cpu.rules import FINISH, LINEAR, VALUE, pointed, run_rule
from landscape.kernels.cpu.turns import take_turn
from landscape.kernels.cpu.views import block, flat, output_block
from landscape.program.table import Column, Geometry

OP, SIZE, CODE, MEAN = int(Column.OP), int(Column.SIZE), int(Column.CODE), int(Geometry.MEAN)


class Plan(NamedTuple):
    """What a sweep shares.

    `fixed` and `affine` list rows, and `order` all but the fixed ones, as the program has them, since a row's place may be another's before and after
    it; `places` as in `forward`; `inner` the places of fixed rows in the shared memory; `affine_places` the offsets of affine rows among
    themselves, −1 of others; `ranges` [m, 2] the parts of the parameter vector that must be formed at a point.
    """

    fixed: NDArray
    affine: NDArray
    order: NDArray
    places: NDArray
    inner: NDArray
    affine_places: NDArray
    ranges: NDArray


class Grid(NamedTuple):
    """`vectors` [1 + d, P]: θ₀, then the directions; `axes` [d, longest] and their lengths [d]."""

    vectors: NDArray
    axes: NDArray
    lengths: NDArray


class SweepTile(NamedTuple):
    """What all points of a tile share: the network, plan and grid, the data, the loss, the fixed rows' outputs and the affine rows' parts."""

    network: Network
    plan: Plan
    grid: Grid
    batch: Batch
    criterion: Criterion
    shared: NDArray
    products: NDArray


@kernel
def share_fixed(network, plan, grid, batch, t, shared, scratch):
    """Put into the shared memory what no direction changes: a copy of tile t's data and the fixed rows."""
    data = flat(batch.x[t])
    copy_rows(data, shared[: data.size])
    forward(network, plan.fixed, plan.inner, grid.vectors[0], shared, shared, scratch, batch.x.shape[2])


@kernel
def share_products(worker, workers, network, plan, grid, shared, products, scratch, width):
    """Set products [1 + d, A·B] to the affine rows' outputs for θ₀ and for each direction: this worker's share."""
    none = shared[:0]
    for k in range(worker, grid.vectors.shape[0], workers):
        frame = Frame(
            network, plan.inner, none, shared, shared, scratch[worker], width, grid.vectors[k], products[k],
            plan.affine_places, none, none, none,
        )  # fmt: skip
        pointer = pointed(frame)
        for i in plan.affine:
            run_rule(network.rules, LINEAR + network.rows[i, OP], (i, pointer))


@kernel
def add_scaled(base, scale, vector, out):
    """Set out = base + scale·vector."""
    for q in range(out.size):
        out[q] = base[q] + scale * vector[q]


@kernel
def increase(total, scale, vector):
    """Add scale·vector to a total."""
    for q in range(total.size):
        total[q] += scale * vector[q]


@kernel
def start_line(line, plan, grid, products, base, base_products):
    """Sum what does not change along the last axis: parameters into base, products into base_products."""
    for r in range(plan.ranges.shape[0]):
        start, stop = plan.ranges[r, 0], plan.ranges[r, 1]
        copy_rows(grid.vectors[0, start:stop], base[start:stop])
    copy_rows(products[0], base_products)
    for i in range(grid.lengths.size - 2, -1, -1):
        scale = grid.axes[i, line % grid.lengths[i]]
        line //= grid.lengths[i]
        for r in range(plan.ranges.shape[0]):
            start, stop = plan.ranges[r, 0], plan.ranges[r, 1]
            increase(base[start:stop], scale, grid.vectors[1 + i, start:stop])
        increase(base_products, scale, products[1 + i])


class Line(NamedTuple):
    """Affine rows' outputs along the last axis: what is constant, and what is multiplied by the coordinate, [A·B]."""

    constant: NDArray
    change: NDArray


@kernel
def affine_row(i, pointer, network, plan, scale, line, work, width):
    """Set an affine row's output at a point, with the activation that rides on it."""
    row = network.rows[i]
    y = block(work, plan.places[i], row[SIZE], width)
    constant = block(line.constant, plan.affine_places[i], row[SIZE], width)
    change = block(line.change, plan.affine_places[i], row[SIZE], width)
    normalized = network.geometry.shape[0] > 0 and network.geometry[i, MEAN] >= 0
    code = 0 if normalized else row[CODE]
    activate_affine(network.rules, code, constant, change, y, scale, network.attributes[i])
    if normalized:
        run_rule(network.rules, FINISH + row[OP], (i, pointer))


# Points in a turn: more would leave workers idle at the end, fewer would start a line anew too often.
TURN, TURNS_A_WORKER = 16, 32


@kernel
def sweep(worker, workers, turns, first, last, network, plan, grid, batch, t, criterion, shared, products, buffers, out):  # fmt: skip
    """Add tile t's sums at points first … last − 1 to out [K, 6]: by turns of some points, which this worker takes one after the other."""
    length = last - first
    if workers > 1:
        length = max(1, min(TURN, length // (workers * TURNS_A_WORKER)))
    tile = SweepTile(network, plan, grid, batch, criterion, shared, products)
    start = first + take_turn(turns) * length
    while start < last:
        sweep_points(worker, start, min(last, start + length), tile, t, buffers, out)
        start = first + take_turn(turns) * length


@kernel
def sweep_points(worker, first, last, tile, t, buffers, out):
    """Add tile t's sums at points first … last − 1."""
    network, plan, grid, batch = tile.network, tile.plan, tile.grid, tile.batch
    width, output = batch.x.shape[2], network.rows.shape[0] - 1
    weights, work, scratch = buffers.weights[worker], buffers.work[worker], buffers.scratch[worker]
    base, base_products = buffers.base[worker], buffers.base_products[worker]
    length, line = grid.lengths[-1], -1
    along = Line(base_products, tile.products[-1])
    pointer = pointed(frame_for_values(network, plan.places, weights, work, tile.shared, scratch, width))
    for p in range(first, last):
        if p // length != line:
            line = p // length
            start_line(line, plan, grid, tile.products, base, base_products)
        scale = grid.axes[-1, p % length]
        for r in range(plan.ranges.shape[0]):
            start, stop = plan.ranges[r, 0], plan.ranges[r, 1]
            add_scaled(base[start:stop], scale, grid.vectors[-1, start:stop], weights[start:stop])
        for i in plan.order:
            if plan.affine_places[i] >= 0:
                affine_row(i, pointer, network, plan, scale, along, work, width)
            else:
                run_rule(network.rules, VALUE + network.rows[i, OP], (i, pointer))
        z = output_block(network, plan.places, output, work, tile.shared, width)
        add_tile(network.rules, tile.criterion, batch, t, z, scratch, buffers.sums[worker], out[p])
