"""Training: batch, gradient and update in one compiled loop; a worker runs whole trainings, and nothing is allocated in a step."""

from __future__ import annotations

import math
from typing import NamedTuple

from numpy.typing import NDArray

from landscape.jit import kernel
from landscape.kernels.cpu.arrays import Batch, block
from landscape.kernels.cpu.backward import backward_row
from landscape.kernels.cpu.batches import draw, draw_mask, gather, shuffle
from landscape.kernels.cpu.dense import dense_backward, dense_bias_gradient
from landscape.kernels.cpu.forward import forward_row, input_of, output_block
from landscape.kernels.cpu.losses import SUMS, add_tile, loss_adjoint
from landscape.kernels.cpu.micro import product
from landscape.kernels.cpu.transpose import transpose
from landscape.kernels.cpu.updates import scaled_step
from landscape.kernels.program import SCRATCH_ROWS, Column, Op

OP, SIZE, WEIGHT, GROUPS = int(Column.OP), int(Column.SIZE), int(Column.WEIGHT), int(Column.GROUPS)
WIDE, OUT, ACTIVE, TRAINED = int(Column.WIDE), int(Column.OUT), int(Column.ACTIVE), int(Column.TRAINED)
DENSE, MASK = int(Op.DENSE), int(Op.MASK)


class Runs(NamedTuple):
    """What each of R runs is: integers [R] and float64 numbers [R].

    `width` is that of the run's tiles; `total` and `warmup` are steps; `radius` is SAM's; `clip` 0 is none.
    """

    optimizer: NDArray
    schedule: NDArray
    batch: NDArray
    width: NDArray
    seed: NDArray
    replacement: NDArray
    total: NDArray
    warmup: NDArray
    rate: NDArray
    momentum: NDArray
    beta2: NDArray
    eps: NDArray
    weight_decay: NDArray
    clip: NDArray
    radius: NDArray
    period: NDArray
    decay: NDArray
    floor: NDArray


class Progress(NamedTuple):
    """Where each run is: [θ, constants] [R, P + C], memory [R, S, P], steps done [R], the step that diverged [R] or −1."""

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
    """What a worker has to itself, a row each; flat, since runs have tiles of their own width.

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
    work: NDArray
    adjoint: NDArray
    scratch: NDArray
    sums: NDArray
    rows: NDArray
    transposed: NDArray
    total: NDArray
    order: NDArray
    gradient: NDArray
    previous: NDArray


@kernel
def place_of(buffers, worker, width, count):
    """View a worker's buffers at a width, for so many examples."""
    features = buffers.x.shape[1] // buffers.counts.shape[1]
    labels = buffers.labels.shape[1] // buffers.counts.shape[1]
    targets = buffers.targets.shape[1] // buffers.counts.shape[1]
    tile = Batch(
        buffers.x[worker, : features * width].reshape(1, features, width),
        buffers.labels[worker, : labels * width].reshape(1, labels, width),
        buffers.targets[worker, : targets * width].reshape(1, targets, width),
        buffers.counts[worker, :width].reshape(1, width),
        buffers.valid[worker],
    )
    return Place(
        tile,
        buffers.work[worker],
        buffers.adjoint[worker],
        buffers.scratch[worker, : SCRATCH_ROWS * width].reshape(SCRATCH_ROWS, width),
        buffers.sums[worker, : 2 * width].reshape(2, width),
        buffers.rows[worker],
        buffers.transposed[worker],
        buffers.total[worker],
        buffers.order[worker, :count],
        buffers.gradient[worker],
        buffers.previous[worker],
    )


@kernel
def dense_reverse(i, network, places, weights, place):
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
                data = place.tile.x.reshape(-1)
                transpose(wide, width, data, (-1 - places[source] + t * wide) * width, x, 0)
            delta = (places[i] + t * out) * width
            product(False, out, wide, width, place.adjoint, delta, x, 0, 1.0, place.gradient, row[WEIGHT])
        dense_bias_gradient(row, block(place.adjoint, places[i], row[SIZE], width), place.gradient)
    if network.rows[source, ACTIVE]:
        dense_backward(row, weights, place.adjoint, places[i], place.adjoint, places[source], width)


@kernel
def tile_gradient(network, places, criterion, weights, place, seed, first, logged):
    """Add the gradient of the loss summed over the place's tile, and where `logged` its sums.

    Masks are drawn for the examples from the run's `first` on.
    """
    rows, width, data = network.rows, place.tile.x.shape[2], place.tile.x.reshape(-1)
    last = rows.shape[0] - 1
    for i in range(1, last + 1):
        if rows[i, OP] == MASK:
            y = block(place.work, places[i], rows[i, SIZE], width)
            draw_mask(seed, i, first, float(network.attributes[i]), y)
        else:
            forward_row(i, network, places, weights, place.work, data, place.scratch, width)
    place.adjoint[: (places[last] + rows[last, SIZE]) * width] = 0
    z = output_block(network, places, last, place.work, data, width)
    if logged:
        add_tile(criterion, place.tile, 0, z, place.scratch, place.sums, place.total)
    delta = block(place.adjoint, places[last], rows[last, SIZE], width)
    loss_adjoint(criterion, place.tile, 0, z, place.scratch, delta)
    for i in range(last, 0, -1):
        if rows[i, ACTIVE] and rows[i, OP] == DENSE:
            dense_reverse(i, network, places, weights, place)
        elif rows[i, ACTIVE]:
            backward_row(
                i, network, places, weights, place.work, data, place.adjoint, place.adjoint, place.gradient,
                place.scratch, width,
            )  # fmt: skip


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
    """Tell whether all elements are finite: zero times anything else is not zero."""
    total, zero = vector.dtype.type(0), vector.dtype.type(0)
    for q in range(vector.size):
        total += vector[q] * zero
    return total == zero


@kernel
def averaged(place, weights, decay, scale):
    """Add the penalty to the gradient of a summed loss; give the factor that is left for the update to multiply by."""
    count = place.total[SUMS]
    factor = scale / count if count > 0.0 else 0.0
    if decay.size == 0:
        return factor
    kind = place.gradient.dtype.type(factor)
    for q in range(decay.size):
        place.gradient[q] = place.gradient[q] * kind + decay[q] * weights[q]
    return 1.0


@kernel
def choose_batch(runs, r, step, place, epoch):
    """Have the examples of a step in the place's order; give where they start, how many, and the epoch shuffled last."""
    count, size = place.order.size, runs.batch[r]
    if runs.replacement[r]:
        draw(runs.seed[r], step, place.order, size)
        return 0, size, epoch
    steps = (count + size - 1) // size
    now, start = step // steps, step % steps * size
    if now != epoch:
        shuffle(runs.seed[r], now, place.order)
    return start, min(size, count - start), now


@kernel
def climb(theta, gradient, radius, factor):
    """Move θ to where the loss is worst within a radius, to first order."""
    norm = norm_of(gradient) * factor
    if 0.0 < norm < math.inf:
        reach = theta.dtype.type(radius / norm * factor)
        for q in range(theta.size):
            theta[q] += reach * gradient[q]


@kernel
def take_step(network, places, examples, criterion, runs, r, progress, place, step, start, size, decay, scale, log):  # fmt: skip
    """Take one step of one run and say whether it stayed finite; if not, θ is as before."""
    weights, width = progress.weights[r], place.tile.x.shape[2]
    theta, gradient = weights[: place.previous.size], place.gradient[: place.previous.size]
    place.previous[:] = theta
    logged = log.stride > 0 and (step - log.start) % log.stride == 0
    rounds, factor = 2 if runs.radius[r] > 0.0 else 1, 0.0
    for again in range(rounds):
        if again:
            climb(theta, gradient, runs.radius[r], factor)
        place.gradient[:] = 0
        place.total[:] = 0.0
        for t in range((size + width - 1) // width):
            valid = min(width, size - t * width)
            gather(examples, place.order, start + t * width, valid, place.rows, place.tile)
            first = step * runs.batch[r] + t * width
            tile_gradient(network, places, criterion, weights, place, runs.seed[r], first, logged and again == 0)  # fmt: skip
            for j in range(valid):
                place.total[SUMS] += place.tile.counts[0, j]
        factor = averaged(place, weights, decay, scale)
        if logged and again == 0:
            log.sums[r, (step - log.start) // log.stride] = place.total
            log.norms[r, (step - log.start) // log.stride] = norm_of(gradient) * factor
    theta[:] = place.previous
    norm = norm_of(gradient) * factor
    if not norm < math.inf:
        return False
    if 0.0 < runs.clip[r] < norm:
        factor *= runs.clip[r] / norm
    scaled_step(runs, r, step, theta, gradient, factor, progress.slots[r])
    if is_finite(theta):
        return True
    theta[:] = place.previous
    return False


@kernel
def train(worker, workers, network, places, examples, criterion, runs, progress, stop, decay, scale, buffers, log):  # fmt: skip
    """Take this worker's share of the runs to step `stop`; a run that diverges keeps its last finite θ.

    `decay` [P] is the penalty's, empty for none; `scale` the loss's factor.
    """
    for r in range(worker, progress.step.size, workers):
        place = place_of(buffers, worker, runs.width[r], examples.counts.size)
        epoch = -1
        for step in range(progress.step[r], stop[r]):
            if progress.diverged[r] >= 0:
                break
            start, size, epoch = choose_batch(runs, r, step, place, epoch)
            if take_step(network, places, examples, criterion, runs, r, progress, place, step, start, size, decay, scale, log):  # fmt: skip
                progress.step[r] = step + 1
            else:
                progress.diverged[r] = step
