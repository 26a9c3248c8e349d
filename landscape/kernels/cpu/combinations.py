"""Entry point for gradients at combinations θₖ = Σⱼ aₖⱼ pⱼ of a few points, such as the nodes of a curve.

A product of the data with a row's own parameters is the same combination of the products with the points', so that it is computed once a point and
not once a node. What the nodes' losses pull at it, Σₖ bₖₘ δₖ, is summed likewise before it is multiplied by the data: once a point whose gradient
Σₖ bₖₘ ∇L(θₖ) is wanted. All other rows run at every node.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import DerivativeBuffers, Frame, Network
from landscape.kernels.cpu.derivatives import begin_sum, end_sum
from landscape.kernels.cpu.losses import add_tile, loss_adjoint
from landscape.kernels.cpu.passes import forward, frame_for_values, with_adjoints
from landscape.kernels.cpu.rules import BACKWARD, LINEAR, VALUE, pointed, run_rule
from landscape.kernels.cpu.sweep import increase
from landscape.kernels.cpu.views import block, flat, output_block
from landscape.program.table import Column

OP, SIZE, ACTIVE, ADJOINT = int(Column.OP), int(Column.SIZE), int(Column.ACTIVE), int(Column.ADJOINT)
# Numbers of a combination that are summed at a time, within the first cache.
TOGETHER = 1024


class Shares(NamedTuple):
    """What the nodes share.

    `once` lists the rows that only the data enter, `affine` the products of these with parameters, `order` all but `once`; `offsets` are the affine
    rows' among themselves, −1 of others. `gathered` is the network whose affine rows' adjoints lie at these offsets.
    """

    once: NDArray
    affine: NDArray
    order: NDArray
    offsets: NDArray
    gathered: Network


class Combination(NamedTuple):
    """The points [J, P], those first whose gradients are wanted; the nodes θ [K, P], their coefficients [K, J], and how nodes pull at points [K, M]."""

    points: NDArray
    nodes: NDArray
    coefficients: NDArray
    pulls: NDArray


class CombinationBuffers(NamedTuple):
    """What each worker has to itself, beside what derivatives take.

    The points' products [J, A·B], what pulls at them [M, A·B], and the nodes' gradients, float64 [K, P].
    """

    products: NDArray
    pulled: NDArray
    gradients: NDArray


class Work(NamedTuple):
    """What a worker computes with: the network, its rows' places, the data, the loss, what is shared, and memory."""

    network: Network
    places: NDArray
    batch: tuple[NDArray, ...]
    criterion: tuple[int, float]
    shares: Shares
    given: Combination
    kept: NDArray
    buffers: DerivativeBuffers
    own: CombinationBuffers


@kernel
def multiply_data(network, places, shares, points, products, batch, t, work, scratch):
    """Set products [J, A·B] to the affine rows' outputs at tile t for some points [J, P]."""
    data, none, width = flat(batch.x[t]), work[:0], batch.x.shape[2]
    forward(network, shares.once, places, none, work, data, scratch, width)
    for j in range(points.shape[0]):
        frame = Frame(
            network, places, none, work, data, scratch, width, points[j], products[j], shares.offsets, none, none, none
        )  # fmt: skip
        pointer = pointed(frame)
        for i in shares.affine:
            run_rule(network.rules, LINEAR + network.rows[i, OP], (i, pointer))


@kernel
def keep_products(worker, workers, network, places, shares, batch, points, buffers, kept):
    """Set kept [tiles, J, A·B] to the products of this worker's share of the tiles."""
    tiles = batch.x.shape[0]
    for t in range(tiles * worker // workers, tiles * (worker + 1) // workers):
        multiply_data(
            network, places, shares, points, kept[t], batch, t, buffers.work[worker], buffers.scratch[worker]
        )


@kernel(viewing=True)
def product_of(own, kept, j, first, size):
    """View some numbers of a point's product, wherever it lies."""
    place = own[j] if j < own.shape[0] else kept[j - own.shape[0]]
    return place[first : first + size]


@kernel
def combine_three(coefficients, one, two, three, out):
    """Set out to the combination of three products by the first three coefficients, in one pass."""
    a, b, c = coefficients[0], coefficients[1], coefficients[2]
    for q in range(out.size):
        out[q] = a * one[q] + b * two[q] + c * three[q]


@kernel
def combine(coefficients, first, own, kept, out):
    """Set out to Σ coefficient·product: of the points' own [J', A·B], then of those that are kept [F, A·B], from number `first` on.

    There are three points at least, the ends of a curve and a bend.
    """
    for start in range(0, out.size, TOGETHER):
        size = min(TOGETHER, out.size - start)
        place, part = first + start, out[start : start + size]
        one, two = product_of(own, kept, 0, place, size), product_of(own, kept, 1, place, size)
        combine_three(coefficients, one, two, product_of(own, kept, 2, place, size), part)
        for j in range(3, coefficients.size):
            if coefficients[j] != 0:
                increase(part, coefficients[j], product_of(own, kept, j, place, size))


@kernel
def one_node(w, k, t, worker, own, kept, gradient, sums):
    """Run tile t at node k forward and in reverse: add to its gradient and sums, and to what pulls at the products."""
    network, shares, batch, buffers = w.network, w.shares, w.batch, w.buffers
    width, last, data = batch.x.shape[2], network.rows.shape[0] - 1, flat(batch.x[t])
    work, adjoint, scratch = buffers.work[worker], buffers.adjoint[worker], buffers.scratch[worker]
    frame = frame_for_values(network, w.places, w.given.nodes[k], work, data, scratch, width)
    pointer = pointed(frame)
    for i in shares.order:
        offset = shares.offsets[i]
        if offset >= 0:
            out = flat(block(work, w.places[i], network.rows[i, SIZE], width))
            combine(w.given.coefficients[k], offset * width, own, kept, out)
        else:
            run_rule(network.rules, VALUE + network.rows[i, OP], (i, pointer))
    z = output_block(network, w.places, last, work, data, width)
    delta = block(adjoint, network.rows[last, ADJOINT], network.rows[last, SIZE], width)
    loss_adjoint(network.rules, w.criterion, batch, t, z, scratch, delta)
    reverse = pointed(with_adjoints(frame, adjoint, adjoint, gradient))
    for i in range(last, 0, -1):
        offset = shares.offsets[i]
        if offset >= 0:
            pulling = flat(block(adjoint, network.rows[i, ADJOINT], network.rows[i, SIZE], width))
            pull(w.given.pulls[k], offset * width, pulling, w.own.pulled[worker])
        elif network.rows[i, ACTIVE]:
            run_rule(network.rules, BACKWARD + network.rows[i, OP], (i, reverse))
    add_tile(network.rules, w.criterion, batch, t, z, scratch, buffers.sums[worker], sums)


@kernel
def pull(pulls, first, pulling, pulled):
    """Add an adjoint to what pulls at the products [M, A·B], from number `first` on."""
    for m in range(pulls.size):
        if pulls[m] != 0:
            increase(pulled[m, first : first + pulling.size], pulls[m], pulling)


@kernel
def multiply_pulled(w, t, worker, m, gradient):
    """Add the products of what pulls with the data to the gradient of point m."""
    network, shares, data = w.shares.gathered, w.shares, flat(w.batch.x[t])
    work, scratch, pulled = w.buffers.work[worker], w.buffers.scratch[worker], w.own.pulled[worker]
    frame = frame_for_values(network, w.places, w.given.points[m], work, data, scratch, w.batch.x.shape[2])
    pointer = pointed(with_adjoints(frame, pulled[m], pulled[m], gradient))
    for i in shares.affine:
        run_rule(network.rules, BACKWARD + network.rows[i, OP], (i, pointer))


@kernel
def one_tile(w, t, worker, out, sums):
    """Add tile t's sums at every node to sums [K, 6], its gradients to the worker's, and the products of what pulls to out [M, P]."""
    buffers, points, own = w.buffers, w.given.points, w.own.products[worker]
    mine = points.shape[0] - (w.kept.shape[1] if w.kept.shape[0] > 0 else 0)
    multiply_data(
        w.network, w.places, w.shares, points[:mine], own, w.batch, t, buffers.work[worker], buffers.scratch[worker]
    )  # fmt: skip
    w.own.pulled[worker, :, :] = 0
    for k in range(w.given.nodes.shape[0]):
        total = w.own.gradients[worker, k]
        gradient = begin_sum(total, buffers.gradient[worker])
        # Where nothing is kept, every product is the worker's own.
        kept = w.kept[t] if mine < points.shape[0] else own
        one_node(w, k, t, worker, own[:mine], kept, gradient, sums[k])
        end_sum(total, gradient)
    for m in range(w.given.pulls.shape[1]):
        gradient = begin_sum(out[m], buffers.gradient[worker])
        multiply_pulled(w, t, worker, m, gradient)
        end_sum(out[m], gradient)


@kernel
def combinations(
    worker, workers, network, places, batch, criterion, shares, given, kept, slots, buffers, own, out, sums
):
    """Add to out [slots, M, P] the gradients that nodes pull at points with, and to sums [slots, K, 6] the nodes' sums: this worker's share of the slots."""
    w, tiles = Work(network, places, batch, criterion, shares, given, kept, buffers, own), batch.x.shape[0]
    for s in range(slots * worker // workers, slots * (worker + 1) // workers):
        own.gradients[worker, :, :] = 0
        for t in range(tiles * s // slots, tiles * (s + 1) // slots):
            one_tile(w, t, worker, out[s], sums[s])
        for k in range(given.nodes.shape[0]):
            for m in range(given.pulls.shape[1]):
                increase(out[s, m], given.pulls[k, m], own.gradients[worker, k])
