"""Training on a GPU: a block runs whole trainings, one step after another, without the host.

Batches are those that the CPU draws, example by example, and each step is the CPU's, but for the order of sums.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import float64, int64
from numpy import uint32

from landscape.formulas.draws import DRAWS, EPOCHS, MASKS, WORD, below
from landscape.formulas.random import (
    philox,
)
from landscape.kernels.cuda.arrays import (
    Criterion,
    Examples,
    Frame,
    Log,
    Network,
    Progress,
    Runs,
    TrainingBuffers,
)
from landscape.kernels.cuda.losses import SUMS, add_columns, clear_totals, give_totals, loss_adjoint
from landscape.kernels.cuda.passes import backward, forward_row
from landscape.kernels.cuda.rows import OP, SIZE, clear
from landscape.kernels.cuda.shape import KIND, REAL, STAGE, THREADS, TOTALS, WIDTH
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.updates import scaled_step, set_scales
from landscape.kernels.runs import (
    BATCH,
    CLIP,
    DRAWN,
    IN_ORDER,
    OPTIMIZER,
    RADIUS,
    SEED,
    WITH_REPLACEMENT,
    place_in_epoch,
)
from landscape.program.codes import Op

MASK = int(Op.MASK)
# Where a block is: itself, its run and step, the examples of that, the epoch shuffled last, the round of a sharpness-aware step, the tile.
BLOCK, RUN, STEP, BEGIN, EXAMPLES, EPOCH, ROUND, TILE = range(8)


class Job(NamedTuple):
    """The arguments of `train`."""

    network: Network
    places: Any
    examples: Examples
    criterion: Criterion
    runs: Runs
    progress: Progress
    decay: Any
    scale: float
    buffers: TrainingBuffers
    log: Log


class Block(NamedTuple):
    """What a block has to itself: workspace and adjoints, and in shared memory sums of losses and of squares, a step's scales, and where it is."""

    work: Any
    adjoint: Any
    totals: Any
    partial: Any
    scales: Any
    state: Any


def shuffle(seed, epoch, order, partners):
    """Set order [N] to the permutation of an epoch, by Fisher and Yates: partners are drawn by all threads, and swapped by one."""
    count, block = order.size, cuda.threadIdx.x
    while 2 * block < count:
        w0, w1, w2, w3 = philox(np.uint64(block), np.uint64(EPOCHS + epoch), seed)
        i = 2 * block
        order[i], partners[i] = i, below(w0, w1, i + 1)
        if i + 1 < count:
            order[i + 1], partners[i + 1] = i + 1, below(w2, w3, i + 2)
        block += THREADS
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        for i in range(count - 1, -1, -1):
            j = partners[i]
            first, second = order[i], order[j]
            order[i], order[j] = second, first
    cuda.syncthreads()


def number(order):
    """Set order [N] to the examples as they lie."""
    i = cuda.threadIdx.x
    while i < order.size:
        order[i] = i
        i += THREADS
    cuda.syncthreads()


def draw(seed, step, order, batch):
    """Set order[:batch] to examples drawn with replacement for a step, out of as many as order is long."""
    k = cuda.threadIdx.x
    while k < batch:
        w0, w1, _, _ = philox(np.uint64(step * batch + k), np.uint64(DRAWS), seed)
        order[k] = below(w0, w1, order.size)
        k += THREADS
    cuda.syncthreads()


def gather(examples, order, start, valid, tile, b):
    """Lay examples order[start:start + valid] into the block's tile, whose other columns repeat the last."""
    features, j = examples.x.shape[1], cuda.threadIdx.x
    q = uint32(cuda.threadIdx.x)
    while q < features * WIDTH:
        # Threads that follow each other read an example's numbers, which do.
        column, f = q // features, q % features
        e = order[start + (column if column < valid else valid - 1)]
        tile.x[b, uint32(f * WIDTH + column)] = examples.x[e, f]
        q = uint32(q + THREADS)
    while j < WIDTH:
        e = order[start + (j if j < valid else valid - 1)]
        for t in range(examples.labels.shape[1]):
            tile.labels[b, t, j] = examples.labels[e, t]
        for t in range(examples.targets.shape[1]):
            tile.targets[b, t, j] = examples.targets[e, t]
        tile.counts[b, j] = examples.counts[e] if j < valid else 0.0
        j += THREADS
    if cuda.threadIdx.x == 0:
        tile.valid[b] = valid
    cuda.syncthreads()


def draw_mask(seed, stream, first, dropped, memory, start, features):
    """Set a row to 0 with probability `dropped` and to 1/(1 − dropped) else; an example's numbers follow from its place in the run."""
    kept = REAL(1.0 / (1.0 - dropped)) if dropped < 1.0 else REAL(0)
    blocks, q = (features + 3) // 4, cuda.threadIdx.x
    while q < blocks * WIDTH:
        k, j = q // WIDTH, q % WIDTH
        four = philox(np.uint64((first + j) * blocks + k), np.uint64(MASKS + stream), seed)
        f = 4 * k
        for word in four:
            if f < features:
                memory[uint32(start + f * WIDTH + j)] = REAL(0) if (word + 0.5) * WORD < dropped else kept
            f += 1
        q += THREADS
    cuda.syncthreads()


def tile_gradient(job, block, seed, first, logged):
    """Add the gradient of the loss summed over the block's tile, and where `logged` its sums; masks are drawn from the run's `first` on."""
    network, places, b = job.network, job.places, block.state[BLOCK]
    tile, gradient, work, adjoint = job.buffers.tile, job.buffers.gradient[b], block.work, block.adjoint
    none, last = gradient[:0], network.rows.shape[0] - 1
    weights = job.progress.weights[block.state[RUN]]
    frame = Frame(network, places, weights, work, tile.x[b], none, none, adjoint, adjoint, gradient)
    for i in range(1, last + 1):
        if network.rows[i, OP] == MASK:
            draw_mask(seed, i, first, float64(network.attributes[i]), work, places[i] * WIDTH, network.rows[i, SIZE])  # fmt: skip
        else:
            forward_row(i, frame)
    z, size = places[last] * WIDTH, network.rows[last, SIZE]
    if logged:
        add_columns(job.criterion, tile, b, work, z, size, block.totals)
    clear(adjoint, adjoint.size)
    loss_adjoint(job.criterion, tile, b, work, z, size, adjoint, z)
    backward(frame)


def tile_count(tile, b):
    """Sum the target elements of a tile; every thread does."""
    total = 0.0
    for j in range(WIDTH):
        total += tile.counts[b, j]
    return total


def averaged(gradient, weights, decay, scale, count):
    """Add the penalty to the gradient of a summed loss; give the factor that is left for the update to multiply by."""
    factor = scale / count if count > 0.0 else 0.0
    if decay.size == 0:
        return factor
    kind, q = REAL(factor), uint32(cuda.threadIdx.x)
    while q < decay.size:
        gradient[q] = gradient[q] * kind + decay[q] * weights[q]
        q = uint32(q + THREADS)
    cuda.syncthreads()
    return 1.0


def norm_of(vector, size, partial):
    """Give the Euclidean norm; a thread's squares first, then theirs in their order, so that the bits are always the same."""
    total, q = 0.0, uint32(cuda.threadIdx.x)
    while q < size:
        total += float64(vector[q]) * float64(vector[q])
        q = uint32(q + THREADS)
    partial[cuda.threadIdx.x] = total
    cuda.syncthreads()
    whole = 0.0
    for k in range(THREADS):
        whole += partial[k]
    cuda.syncthreads()
    return math.sqrt(whole)


def climb(theta, size, gradient, radius, factor, norm):
    """Move θ to where the loss is worst within a radius, to first order."""
    if 0.0 < norm < math.inf:
        reach, q = REAL(radius / norm * factor), uint32(cuda.threadIdx.x)
        while q < size:
            theta[q] += reach * gradient[q]
            q = uint32(q + THREADS)
    cuda.syncthreads()


def copy_vector(source, target, size):
    """Set the target's first elements to the source's."""
    q = uint32(cuda.threadIdx.x)
    while q < size:
        target[q] = source[q]
        q = uint32(q + THREADS)
    cuda.syncthreads()


def log_batch(log, r, column, totals, count, norm):
    """Write a batch's sums, its number of target elements and its gradient's norm."""
    give_totals(totals, log.sums[r, column])
    if cuda.threadIdx.x == 0:
        log.sums[r, column, SUMS] = count
        log.norms[r, column] = norm


def is_logged(log, step):
    """Say whether the losses before a step are kept."""
    return log.stride > 0 and (step - log.start) % log.stride == 0


def note_state(state, name, value):
    """Set a number of the block's state, when all threads have read it; all see it then."""
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        state[name] = value
    cuda.syncthreads()


def batch_gradient(job, block):
    """Set the block's gradient to that of the loss summed over the batch; give the number of its target elements."""
    buffers, log, state = job.buffers, job.log, block.state
    clear(buffers.gradient[state[BLOCK]], buffers.gradient.shape[1])
    clear_totals(block.totals)
    note_state(state, TILE, 0)
    count = 0.0
    while state[TILE] * WIDTH < state[EXAMPLES]:
        b, done = state[BLOCK], state[TILE] * WIDTH
        valid = state[EXAMPLES] - done if state[EXAMPLES] - done < WIDTH else WIDTH
        gather(job.examples, buffers.order[b], state[BEGIN] + done, valid, buffers.tile, b)
        whole = job.runs.whole[state[RUN]]
        logged = is_logged(log, state[STEP]) and state[ROUND] == 0
        tile_gradient(job, block, np.uint64(whole[SEED]), state[STEP] * whole[BATCH] + done, logged)
        count += tile_count(buffers.tile, state[BLOCK])
        note_state(state, TILE, state[TILE] + 1)
    return count


def step_gradient(job, block):
    """Leave the step's gradient in the block's, of sharpness-aware steps that at the worst point nearby; give what to multiply it by, and its norm."""
    runs, progress, buffers, log, state = job.runs, job.progress, job.buffers, job.log, block.state
    parameters, factor, norm = buffers.previous.shape[1], 0.0, 0.0
    note_state(state, ROUND, 0)
    while state[ROUND] == 0 or (state[ROUND] == 1 and runs.numbers[state[RUN], RADIUS] > 0.0):
        if state[ROUND] == 1:
            radius = runs.numbers[state[RUN], RADIUS]
            climb(progress.weights[state[RUN]], parameters, buffers.gradient[state[BLOCK]], radius, factor, norm)  # fmt: skip
        count = batch_gradient(job, block)
        gradient = buffers.gradient[state[BLOCK]]
        factor = averaged(gradient, progress.weights[state[RUN]], job.decay, job.scale, count)
        norm = norm_of(gradient, parameters, block.partial) * factor
        if is_logged(log, state[STEP]) and state[ROUND] == 0:
            column = (state[STEP] - log.start) // log.stride
            log_batch(log, state[RUN], column, block.totals, count, norm)
        note_state(state, ROUND, state[ROUND] + 1)
    return factor, norm


def take_step(job, block):
    """Take one step of the run in work and say whether it stayed finite; if not, θ is as before."""
    progress, buffers, state = job.progress, job.buffers, block.state
    parameters = buffers.previous.shape[1]
    copy_vector(progress.weights[state[RUN]], buffers.previous[state[BLOCK]], parameters)
    factor, norm = step_gradient(job, block)
    whole, numbers = job.runs.whole[state[RUN]], job.runs.numbers[state[RUN]]
    weights, previous = progress.weights[state[RUN]], buffers.previous[state[BLOCK]]
    if numbers[RADIUS] > 0.0:
        copy_vector(previous, weights, parameters)
    if numbers[CLIP] > 0.0:
        factor *= numbers[CLIP] / norm if norm > numbers[CLIP] else 1.0
    if cuda.threadIdx.x == 0:
        set_scales(whole, numbers, state[STEP], block.scales)
    cuda.syncthreads()
    gradient, slots = buffers.gradient[state[BLOCK]], progress.slots[state[RUN]]
    if scaled_step(whole[OPTIMIZER], block.scales, weights, parameters, gradient, factor, slots):
        return True
    copy_vector(previous, weights, parameters)
    return False


def choose_batch(whole, order, partners, state):
    """Have the examples of a step in the order; note where they begin, how many they are, and the epoch shuffled last."""
    now, begin, size = place_in_epoch(state[STEP], whole[BATCH], order.size)
    if whole[DRAWN] == WITH_REPLACEMENT:
        draw(np.uint64(whole[SEED]), state[STEP], order, whole[BATCH])
        now, begin, size = state[EPOCH], 0, whole[BATCH]
    elif whole[DRAWN] == IN_ORDER:
        number(order)
    elif now != state[EPOCH]:
        shuffle(np.uint64(whole[SEED]), now, order, partners)
    note_state(state, BEGIN, begin)
    note_state(state, EXAMPLES, size)
    note_state(state, EPOCH, now)


def train(network, places, examples, criterion, runs, progress, stop, decay, scale, buffers, log):
    """Take the runs to their steps `stop`; a run that diverges keeps its last finite θ.

    `decay` [P] is the penalty's, empty for none; `scale` the loss's factor. Workspace and adjoints lie in shared memory where the buffers have none.
    So does where the block is: what follows from it is computed again where it is needed, and takes no registers meanwhile.
    """
    dynamic = cuda.shared.array(0, KIND)
    totals = cuda.shared.array(TOTALS, float64)
    partial = cuda.shared.array(THREADS, float64)
    k = cuda.shared.array(8, KIND)
    state = cuda.shared.array(8, int64)
    b, length = cuda.blockIdx.x, network_length(network, places)
    end = STAGE + length + network.scratch * WIDTH
    work = buffers.work[b] if buffers.work.size > 0 else dynamic[STAGE:end]
    adjoint = buffers.adjoint[b] if buffers.adjoint.size > 0 else dynamic[end : end + length]
    job = Job(network, places, examples, criterion, runs, progress, decay, scale, buffers, log)
    block = Block(work, adjoint, totals, partial, k, state)
    note_state(state, BLOCK, b)
    note_state(state, RUN, b)
    while state[RUN] < progress.step.size:
        note_state(state, EPOCH, -1)
        note_state(state, STEP, progress.step[state[RUN]])
        while state[STEP] < stop[state[RUN]] and progress.diverged[state[RUN]] < 0:
            choose_batch(runs.whole[state[RUN]], buffers.order[state[BLOCK]], buffers.partners[state[BLOCK]], state)  # fmt: skip
            finite = take_step(job, block)
            cuda.syncthreads()
            if cuda.threadIdx.x == 0:
                if finite:
                    progress.step[state[RUN]] = state[STEP] + 1
                else:
                    progress.diverged[state[RUN]] = state[STEP]
            note_state(state, STEP, state[STEP] + 1)
        note_state(state, RUN, state[RUN] + cuda.gridDim.x)


def network_length(network, places):
    """Count the numbers of a workspace in which every output is kept, up to the last; scratch comes after them."""
    last = network.rows.shape[0] - 1
    return (places[last] + network.rows[last, SIZE]) * WIDTH


DEVICE = (
    philox, shuffle, number, draw, gather, draw_mask, tile_gradient, tile_count, averaged, norm_of, climb, copy_vector, log_batch,
    is_logged, note_state, batch_gradient, step_gradient, take_step, choose_batch, network_length,
)  # fmt: skip
ENTRIES = (train,)
