"""Losses of one tile of outputs: a thread a column, which is an example; sums over examples in float64."""

from __future__ import annotations

import math

from numpy import uint32

from landscape.formulas.losses import CROSS_ENTROPY, LOSSES
from landscape.formulas.primitives import exp, log1p
from landscape.kernels.cuda.shape import REAL, THREADS, TOTALS, WIDTH
from landscape.kernels.cuda.target import cuda
from landscape.kernels.cuda.text import choice

BINARY = list(LOSSES).index("binary_cross_entropy")
SUMS = 6

loss_value, loss_slope, loss_curvature = (
    choice(f"loss_{name}", [getattr(row, name) for row in LOSSES.values()], "z, y, delta")
    for name in ("value", "slope", "curvature")
)


def leader(z, start, first, last, j):
    """Give the largest of rows first … last − 1 of a column, and the lowest row that has it, counted from the first."""
    top, which = z[uint32(start + first * WIDTH + j)], first
    for f in range(first + 1, last):
        value = z[uint32(start + f * WIDTH + j)]
        # A NaN that came first stays, and a later one is not seen: such a column is counted as broken.
        if value > top:
            top, which = value, f
    return top, which


def rest(z, start, first, last, j, top, which):
    """Give Σ exp(z − top) over the rows but the leading one."""
    total = REAL(0)
    for f in range(first, last):
        if f != which:
            total += exp(z[uint32(start + f * WIDTH + j)] - top)
    return total


def cross_entropy_column(z, start, size, labels, j):
    """Give a column's summed loss and its number of right labels; an ignored label counts in neither."""
    loss, right = 0.0, 0.0
    classes = size // labels.shape[0]
    for g in range(labels.shape[0]):
        label = labels[g, j]
        if label >= 0:
            first = g * classes
            top, which = leader(z, start, first, first + classes, j)
            total = rest(z, start, first, first + classes, j, top, which)
            chosen = z[uint32(start + (first + label) * WIDTH + j)]
            loss += float((top - chosen) + log1p(total))
            right += 1.0 if which - first == label else 0.0
    return loss, right


def elementwise_column(code, delta, z, start, size, targets, j):
    """Give a column's summed loss and, of a binary one, its number of elements on the right side of zero."""
    loss, right = 0.0, 0.0
    for f in range(size):
        value, target = z[uint32(start + f * WIDTH + j)], targets[f, j]
        loss += float(loss_value(code, value, target, delta))
        if code == BINARY:
            right += 1.0 if (value > REAL(0)) == (target > REAL(0.5)) else 0.0
    return loss, right


def is_broken(z, start, size, j):
    """Say whether an element of a column is not finite: zero times anything else is not zero."""
    total = REAL(0)
    for f in range(size):
        total += z[uint32(start + f * WIDTH + j)] * REAL(0)
    return total != REAL(0)


def add_columns(criterion, batch, t, z, start, size, totals):
    """Add the columns' sums to totals [6 · WIDTH], each thread to its own columns'."""
    j = uint32(cuda.threadIdx.x)
    while j < batch.valid[t]:
        if criterion.code == CROSS_ENTROPY:
            s, k = cross_entropy_column(z, start, size, batch.labels[t], j)
        else:
            s, k = elementwise_column(criterion.code, criterion.delta, z, start, size, batch.targets[t], j)
        if is_broken(z, start, size, j):
            k = math.nan
        count = batch.counts[t, j]
        totals[j] += s
        totals[WIDTH + j] += s * s
        totals[2 * WIDTH + j] += s * count
        totals[3 * WIDTH + j] += k
        totals[4 * WIDTH + j] += k * k
        totals[5 * WIDTH + j] += k * count
        j = uint32(j + THREADS)
    cuda.syncthreads()


def clear_totals(totals):
    """Set the sums of a block's columns to zero."""
    q = cuda.threadIdx.x
    while q < TOTALS:
        totals[q] = 0.0
        q += cuda.blockDim.x
    cuda.syncthreads()


def give_totals(totals, out):
    """Set out [6] to the sums over the columns, in their order; a thread a sum."""
    cuda.syncthreads()
    q = cuda.threadIdx.x
    while q < SUMS:
        total = 0.0
        for j in range(WIDTH):
            total += totals[q * WIDTH + j]
        out[q] = total
        q += cuda.blockDim.x
    cuda.syncthreads()


def cross_entropy_slopes(z, start, size, labels, j, adjoint, into):
    """Set a column of the adjoint to softmax(z) minus one at the label, and to zero where that is ignored."""
    classes, one = size // labels.shape[0], REAL(1)
    for g in range(labels.shape[0]):
        label, first = labels[g, j], g * classes
        top, which = leader(z, start, first, first + classes, j)
        total = rest(z, start, first, first + classes, j, top, which)
        for f in range(first, first + classes):
            p = exp(z[uint32(start + f * WIDTH + j)] - top) / (one + total)
            if f - first == label:
                # p − 1 without cancellation.
                p = -total / (one + total) if f == which else p - one
            adjoint[uint32(into + f * WIDTH + j)] = p if label >= 0 else REAL(0)


def loss_adjoint(criterion, batch, t, z, start, size, adjoint, into):
    """Set adjoint[into:] to the derivative of the tile's summed loss in z; padding and ignored labels get zero."""
    j = uint32(cuda.threadIdx.x)
    while j < WIDTH:
        if j >= batch.valid[t]:
            for f in range(size):
                adjoint[uint32(into + f * WIDTH + j)] = REAL(0)
        elif criterion.code == CROSS_ENTROPY:
            cross_entropy_slopes(z, start, size, batch.labels[t], j, adjoint, into)
        else:
            for f in range(size):
                slope = loss_slope(criterion.code, z[uint32(start + f * WIDTH + j)], batch.targets[t, f, j], criterion.delta)  # fmt: skip
                adjoint[uint32(into + f * WIDTH + j)] = slope
        j = uint32(j + THREADS)
    cuda.syncthreads()


def cross_entropy_bends(z, dz, start, size, labels, j, out):
    """Set a column to p(ż − Σ p ż) with p = softmax(z); the leading class's ż is taken from all, so that nothing cancels."""
    classes, one = size // labels.shape[0], REAL(1)
    for g in range(labels.shape[0]):
        first, last = g * classes, (g + 1) * classes
        top, which = leader(z, start, first, last, j)
        total = rest(z, start, first, last, j, top, which)
        base, mean = dz[uint32(start + which * WIDTH + j)], REAL(0)
        for f in range(first, last):
            q = uint32(start + f * WIDTH + j)
            mean += exp(z[q] - top) / (one + total) * (dz[q] - base)
        for f in range(first, last):
            q = uint32(start + f * WIDTH + j)
            p = exp(z[q] - top) / (one + total) if labels[g, j] >= 0 else REAL(0)
            out[q] = -p * mean if f == which else p * (dz[q] - base - mean)


def loss_adjoint_tangent(criterion, batch, t, z, dz, start, size, out):
    """Set `out` to the loss's Hessian in z times ż; all lie at one place each of their memory."""
    j = uint32(cuda.threadIdx.x)
    while j < WIDTH:
        if j >= batch.valid[t]:
            for f in range(size):
                out[uint32(start + f * WIDTH + j)] = REAL(0)
        elif criterion.code == CROSS_ENTROPY:
            cross_entropy_bends(z, dz, start, size, batch.labels[t], j, out)
        else:
            for f in range(size):
                q = uint32(start + f * WIDTH + j)
                bend = loss_curvature(criterion.code, z[q], batch.targets[t, f, j], criterion.delta)
                out[q] = bend * dz[q]
        j = uint32(j + THREADS)
    cuda.syncthreads()


DEVICE = (
    loss_value, loss_slope, loss_curvature, leader, rest, cross_entropy_column, elementwise_column, is_broken, add_columns, clear_totals, give_totals,
    cross_entropy_slopes, loss_adjoint, cross_entropy_bends, loss_adjoint_tangent,
)  # fmt: skip
ENTRIES = ()
