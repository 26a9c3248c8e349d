"""Batches for training: which examples, by the counter-based generator, and their numbers laid into a tile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.formulas.draws import DRAWS, EPOCHS, MASKS, WORD, below
from landscape.formulas.random import philox
from landscape.jit import kernel
from landscape.kernels.cpu.transpose import transpose

encrypt = kernel(cached=False)(philox)


class Examples(NamedTuple):
    """Data an example a row, as training draws them.

    `x` [N, F]; `labels` int32 [N, T] (cross-entropy) or [N, 0]; `targets` [N, G] or [N, 0]; `counts` float64 [N]: unignored
    target elements.
    """

    x: NDArray
    labels: NDArray
    targets: NDArray
    counts: NDArray


@kernel
def shuffle(seed, epoch, order):
    """Set order [N] to the permutation of an epoch, by Fisher and Yates; the swap at i takes the i-th pair of words."""
    count = order.size
    for i in range(count):
        order[i] = i
    for block in range((count - 1) // 2, -1, -1):
        w0, w1, w2, w3 = encrypt(np.uint64(block), np.uint64(EPOCHS + epoch), seed)
        i = 2 * block + 1
        if i < count:
            j = below(w2, w3, i + 1)
            order[i], order[j] = order[j], order[i]
        i -= 1
        j = below(w0, w1, i + 1)
        order[i], order[j] = order[j], order[i]


@kernel
def number(order):
    """Set order [N] to the examples as they lie."""
    for i in range(order.size):
        order[i] = i


@kernel
def draw(seed, step, order, batch):
    """Set order[:batch] to examples drawn with replacement for a step, out of as many as order is long."""
    for k in range(batch):
        w0, w1, _, _ = encrypt(np.uint64(step * batch + k), np.uint64(DRAWS), seed)
        order[k] = below(w0, w1, order.size)


@kernel
def gather(examples, order, start, valid, rows, tile):
    """Lay examples order[start:start + valid] into a tile, whose other columns repeat the last; `rows` holds them as they are in x.

    A tile with a row more than there are features says in it which columns are examples.
    """
    features, width, x = examples.x.shape[1], tile.x.shape[2], tile.x.reshape(-1)
    # Indices that cannot be negative, so that the copy vectorizes.
    lines = rows[: width * features].reshape(width, features)
    for j in range(width):
        e = order[start + min(j, valid - 1)]
        for f in range(features):
            lines[j, f] = examples.x[e, f]
        for t in range(examples.labels.shape[1]):
            tile.labels[0, t, j] = examples.labels[e, t]
        for t in range(examples.targets.shape[1]):
            tile.targets[0, t, j] = examples.targets[e, t]
        tile.counts[0, j] = examples.counts[e] if j < valid else 0.0
    tile.valid[0] = valid
    transpose(width, features, rows, 0, x, 0)
    if tile.x.shape[1] > features:
        for j in range(width):
            tile.x[0, features, j] = 1 if j < valid else 0


@kernel
def draw_mask(seed, stream, first, dropped, y):
    """Set y [F, B] to 0 with probability `dropped` and to 1/(1 − dropped) else; an example's numbers follow from its place in the run.

    `first` is the place of the first column's example.
    """
    zero, kept = y.dtype.type(0), y.dtype.type(1.0 / (1.0 - dropped)) if dropped < 1.0 else y.dtype.type(0)
    blocks = (y.shape[0] + 3) // 4
    for j in range(y.shape[1]):
        for b in range(blocks):
            four = encrypt(np.uint64((first + j) * blocks + b), np.uint64(MASKS + stream), seed)
            for q in range(min(4, y.shape[0] - 4 * b)):
                y[4 * b + q, j] = zero if (four[q] + 0.5) * WORD < dropped else kept
