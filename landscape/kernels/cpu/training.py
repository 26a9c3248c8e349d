"""Training: batch, gradient and update in one compiled loop; a worker runs whole trainings, and nothing is allocated in a step."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import FROM_OUT, Batch, Depth, Network, Out, Part, Product
from landscape.kernels.cpu.batches import Examples, draw, draw_mask, gather, number, shuffle
from landscape.kernels.cpu.combine import copy_rows
from landscape.kernels.cpu.links import input_of, is_fresh
from landscape.kernels.cpu.losses import SUMS, Criterion, add_tile, loss_adjoint
from landscape.kernels.cpu.ops.batch_statistics import follow
from landscape.kernels.cpu.ops.dense import dense_backward, dense_bias_gradient
from landscape.kernels.cpu.passes import frame_for_values, with_adjoints
from landscape.kernels.cpu.products import examples_of, multiply, rows_of
from landscape.kernels.cpu.rules import BACKWARD, VALUE, pointed, run_rule
from landscape.kernels.cpu.transpose import transpose
from landscape.kernels.cpu.updates import step_apart
from landscape.kernels.cpu.views import block, output_block
from landscape.kernels.runs import (
    BATCH,
    CLIP,
    DRAWN,
    IN_ORDER,
    RADIUS,
    SEED,
    TILE,
    WITH_REPLACEMENT,
    place_in_epoch,
)
from landscape.program.codes import Op
from landscape.program.table import WIDEST_VECTOR, Column

OP, SIZE, WEIGHT, GROUPS = int(Column.OP), int(Column.SIZE), int(Column.WEIGHT), int(Column.GROUPS)
WIDE, OUT, ACTIVE, TRAINED = int(Column.WIDE), int(Column.OUT), int(Column.ACTIVE), int(Column.TRAINED)
DENSE, MASK, BATCH_STATISTICS = int(Op.DENSE), int(Op.MASK), int(Op.BATCH_STATISTICS)


class Progress(NamedTuple):
    """The state of each run: [θ, constants] [R, P + C], optimizer's memory [R, S, P], steps done [R], the step that diverged [R] or −1.

    Running statistics of batch normalization are among the constants; they move with the batches.
    """

    weights: NDArray
    slots: NDArray
    step: NDArray
    diverged: NDArray


class Log(NamedTuple):
    """Sums of the batch [R, K, 7] and norm of its gradient [R, K] before every `stride`-th step; `start` is column 0's step."""

    start: int
    stride: int
    sums: NDArray
    norms: NDArray


class TrainingBuffers(NamedTuple):
    """Memory of each worker, flat, since runs have tiles of their own width; `gradient` and `previous` [P + C] are laid out as the weights.

    Every worker's arrays are allocated by themselves, so that no line of the cache belongs to two.
    `total` [7] are a batch's sums and its number of target elements.
    """

    work: NDArray
    adjoint: NDArray
    scratch: NDArray
    x: NDArray
    rows: NDArray
    transposed: NDArray
    labels: NDArray
    targets: NDArray
    counts: NDArray
    valid: NDArray
    sums: NDArray
    total: NDArray
    order: NDArray
    gradient: NDArray
    previous: NDArray


class Place(NamedTuple):
    """A worker's memory for one run: tile, scratch [S, B], sums [2, B], and what is as in the buffers."""

    tile: Batch
    data: NDArray
    work: NDArray
    adjoint: NDArray
    scratch: NDArray
    sums: NDArray
    rows: NDArray
    transposed: NDArray
    total: NDArray
    order: NDArray
    previous: NDArray


class Trainings(NamedTuple):
    """What all runs share: the network and its places, the data, the loss, the penalty [P], the loss's factor, and where losses are kept."""

    network: Network
    places: NDArray
    examples: Examples
    criterion: Criterion
    decay: NDArray
    scale: float
    log: Log


class Run(NamedTuple):
    """A run's number, its settings (integers, then reals), and its optimizer's memory [S, P]."""

    number: int
    whole: NDArray
    numbers: NDArray
    slots: NDArray


@kernel
def place_of(buffers, tile, count):
    """View a worker's buffers for tiles of so many examples, in whole vectors, out of a number of examples."""
    widest, width = buffers.counts.size, (tile + WIDEST_VECTOR - 1) // WIDEST_VECTOR * WIDEST_VECTOR
    features, labels = buffers.x.size // widest, buffers.labels.size // widest
    targets = buffers.targets.size // widest
    data = buffers.x[: features * width]
    batch = Batch(
        data.reshape(1, features, width),
        buffers.labels[: labels * width].reshape(1, labels, width),
        buffers.targets[: targets * width].reshape(1, targets, width),
        buffers.counts[:width].reshape(1, width),
        buffers.valid,
    )
    high = buffers.scratch.size // widest
    scratch = buffers.scratch[: high * width].reshape(high, width)
    return Place(
        batch, data, buffers.work, buffers.adjoint, scratch, buffers.sums[: 2 * width].reshape(2, width), buffers.rows,
        buffers.transposed, buffers.total, buffers.order[:count], buffers.previous,
    )  # fmt: skip


@kernel(within=True)
def dense_reverse(i, network, places, weights, place, gradient):
    """Push an adjoint through a product: δxᵀ, with x transposed in registers so that both factors run along vectors, and Wᵀδ."""
    row, source, width = network.rows[i], input_of(network, i, 0), place.tile.x.shape[2]
    wide, out = row[WIDE], row[OUT]
    if row[TRAINED]:
        for t in range(row[GROUPS]):
            # The data's rows are there untransposed, as they were gathered.
            x = place.rows
            if places[source] >= 0:
                x = place.transposed
                transpose(wide, width, place.work, (places[source] + t * wide) * width, x, 0)
            elif row[GROUPS] > 1:
                x = place.transposed
                transpose(wide, width, place.data, (-1 - places[source] + t * wide) * width, x, 0)
            first = (places[i] + t * out) * width
            left, right = rows_of(place.adjoint, first, width), examples_of(x, 0, wide)
            target = Out(gradient, row[WEIGHT], wide)
            multiply(network.rules, Product(out, wide, Depth(1, 1, width), left, right, FROM_OUT, 0, target))
        dense_bias_gradient(row, block(place.adjoint, places[i], row[SIZE], width), gradient)
    if network.rows[source, ACTIVE]:
        delta, into = Part(place.adjoint, places[i]), Part(place.adjoint, places[source])
        dense_backward(
            network.rules, row, Part(weights, row[WEIGHT]), delta, into, width, is_fresh(network, i, 0)
        )


@kernel(within=True)
def run_forward(pointer, network, places, weights, place, seed, first, anew):
    """Run the rows on the place's tile; masks are drawn for the examples from the run's `first` on, and running statistics follow the first time."""
    rows, width, data = network.rows, place.tile.x.shape[2], place.data
    for i in range(1, rows.shape[0]):
        if rows[i, OP] == MASK:
            y = block(place.work, places[i], rows[i, SIZE], width)
            draw_mask(seed, i, first, float(network.attributes[i]), y)
            continue
        run_rule(network.rules, VALUE + rows[i, OP], (i, pointer))
        if anew and rows[i, OP] == BATCH_STATISTICS:
            x = output_block(network, places, input_of(network, i, 0), place.work, data, width)
            mask = block(data, rows[0, SIZE], 1, width)[0]
            follow(rows[i], network.geometry[i], network.attributes[i], weights, x, mask)


@kernel(within=True)
def tile_gradient(pointer, network, places, criterion, weights, place, gradient, logged):
    """Add the gradient of the loss summed over the place's tile, whose rows have run, and where `logged` its sums."""
    rows, width, data = network.rows, place.tile.x.shape[2], place.data
    last = rows.shape[0] - 1
    z = output_block(network, places, last, place.work, data, width)
    if logged:
        add_tile(network.rules, criterion, place.tile, 0, z, place.scratch, place.sums, place.total)
    delta = block(place.adjoint, places[last], rows[last, SIZE], width)
    loss_adjoint(network.rules, criterion, place.tile, 0, z, place.scratch, delta)
    for i in range(last, 0, -1):
        if rows[i, ACTIVE] and rows[i, OP] == DENSE:
            dense_reverse(i, network, places, weights, place, gradient)
        elif rows[i, ACTIVE]:
            run_rule(network.rules, BACKWARD + rows[i, OP], (i, pointer))


@kernel
def norm_of(vector):
    """Give the Euclidean norm, in float64 only where the sum overflows."""
    total = vector.dtype.type(0)
    for q in range(vector.size):
        total += vector[q] * vector[q]
    if total < math.inf:
        return math.sqrt(float(total))
    long = 0.0
    for q in range(vector.size):
        long += float(vector[q]) * float(vector[q])
    return math.sqrt(long)


@kernel
def is_finite(vector):
    """Say whether all elements are finite: zero times any other number is NaN."""
    total, zero = vector.dtype.type(0), vector.dtype.type(0)
    for q in range(vector.size):
        total += vector[q] * zero
    return total == zero


@kernel
def averaged(count, weights, gradient, decay, scale):
    """Add the penalty to the gradient of a loss summed over a count; give the factor that is left for the update to multiply by."""
    factor = scale / count if count > 0.0 else 0.0
    if decay.size == 0:
        return factor
    kind = gradient.dtype.type(factor)
    for q in range(decay.size):
        gradient[q] = gradient[q] * kind + decay[q] * weights[q]
    return 1.0


@kernel
def choose_batch(whole, step, order, epoch):
    """Have the examples of a step in the order; give where they start, how many, and the epoch shuffled last."""
    if whole[DRAWN] == WITH_REPLACEMENT:
        draw(np.uint64(whole[SEED]), step, order, whole[BATCH])
        return 0, whole[BATCH], epoch
    now, start, size = place_in_epoch(step, whole[BATCH], order.size)
    if whole[DRAWN] == IN_ORDER:
        number(order)
    elif now != epoch:
        shuffle(np.uint64(whole[SEED]), now, order)
    return start, size, now


@kernel
def climb(theta, gradient, radius, factor):
    """Move θ to where the loss is worst within a radius, to first order."""
    norm = norm_of(gradient) * factor
    if 0.0 < norm < math.inf:
        reach = theta.dtype.type(radius / norm * factor)
        for q in range(theta.size):
            theta[q] += reach * gradient[q]


@kernel
def clear(vector, count):
    """Set the first elements to zero; loops of their own vectorize, assignments to slices do not."""
    zero = vector.dtype.type(0)
    for q in range(count):
        vector[q] = zero


@kernel(within=True)
def take_step(shared, run, place, weights, gradient, step, start, size):
    """Take one step of a run, whose batch has so many examples from a start: what was `gradient` [P + C] are the weights that follow.

    Says whether they are finite. The run's `weights` are then as they were.
    """
    network, places, criterion = shared.network, shared.places, shared.criterion
    log = shared.log
    whole, numbers, r = run.whole, run.numbers, run.number
    count, tile, seed = run.slots.shape[1], whole[TILE], np.uint64(whole[SEED])
    theta, slope, constants = weights[:count], gradient[:count], weights[count:]
    copy_rows(constants, place.previous[count:])
    logged = log.stride > 0 and (step - log.start) % log.stride == 0
    rounds, factor = 2 if numbers[RADIUS] > 0.0 else 1, 0.0
    width = place.tile.x.shape[2]
    frame = frame_for_values(network, places, weights, place.work, place.data, place.scratch, width)
    pointer = pointed(with_adjoints(frame, place.adjoint, place.adjoint, gradient))
    for again in range(rounds):
        if again:
            copy_rows(theta, place.previous[:count])
            climb(theta, slope, numbers[RADIUS], factor)
        clear(gradient, gradient.size)
        clear(place.total, place.total.size)
        for t in range((size + tile - 1) // tile):
            done = t * tile
            gather(shared.examples, place.order, start + done, min(tile, size - done), place.rows, place.tile)
            run_forward(
                pointer, network, places, weights, place, seed, step * whole[BATCH] + done, again == 0
            )
            tile_gradient(
                pointer, network, places, criterion, weights, place, gradient, logged and again == 0
            )
            for j in range(width):
                place.total[SUMS] += place.tile.counts[0, j]
        factor = averaged(place.total[SUMS], weights, gradient, shared.decay, shared.scale)
        if logged and again == 0:
            copy_rows(place.total, log.sums[r, (step - log.start) // log.stride])
            log.norms[r, (step - log.start) // log.stride] = norm_of(slope) * factor
    if rounds == 2:
        copy_rows(place.previous[:count], theta)
    if numbers[CLIP] > 0.0:
        norm = norm_of(slope) * factor
        factor *= numbers[CLIP] / norm if norm > numbers[CLIP] else 1.0
    finite = step_apart(network.rules, whole, numbers, step, theta, slope, factor, run.slots)
    copy_rows(constants, gradient[count:])
    if finite and is_finite(constants):
        return True
    copy_rows(place.previous[count:], constants)
    return False


@kernel
def train(worker, workers, network, places, examples, criterion, runs, progress, stop, decay, scale, buffers, log):  # fmt: skip
    """Take this worker's share of the runs to their steps `stop`; a run that diverges keeps its last finite weights.

    `buffers` are the worker's; `decay` [P] is the penalty's, empty for none; `scale` the loss's factor.
    """
    shared = Trainings(network, places, examples, criterion, decay, scale, log)
    for r in range(worker, progress.step.size, workers):
        run = Run(r, runs.whole[r], runs.numbers[r], progress.slots[r])
        whole, epoch, taken = run.whole, -1, 0
        # A step's weights are made where its gradient was, so that those before it are there if it diverges.
        weights, gradient = progress.weights[r], buffers.gradient
        place = place_of(buffers, whole[TILE], examples.counts.size)
        for step in range(progress.step[r], stop[r]):
            if progress.diverged[r] >= 0:
                break
            start, size, epoch = choose_batch(whole, step, place.order, epoch)
            if take_step(shared, run, place, weights, gradient, step, start, size):
                weights, gradient, taken = gradient, weights, taken + 1
            else:
                progress.diverged[r] = step
        progress.step[r] += taken
        if taken % 2:
            copy_rows(weights, progress.weights[r])
