"""Losses, accuracies and their derivatives over one tile of outputs z [F, B], and cross-entropy of class ids.

Cross-entropy is max z − z_label + log(1 + Σ exp(z − max z)), the sum without the largest class, which keeps a small loss exact
in float32. All sums over examples are in float64. Each loss is rules of its own, by its code (`loss_rules.py`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from landscape.formulas.primitives import exp, larger, log1p
from landscape.jit import kernel
from landscape.kernels.cpu.rules import ADJOINT_CHANGE_OF, ADJOINT_OF, SUMS_OF, Rule, caller

# Columns of a point's sums over examples: of losses s, of s², of s·(count), and of correct elements k likewise.
SUMS = 6


class Criterion(NamedTuple):
    """Which loss: its code, and its one number in the kernels' dtype."""

    code: int
    delta: float


SUMS_LETTERS, ADJOINT_LETTERS, CHANGE_LETTERS = "ixbissg", "ixbisss", "ixbissss"
run_sums, run_adjoint, run_change = caller(SUMS_LETTERS), caller(ADJOINT_LETTERS), caller(CHANGE_LETTERS)


@kernel
def leaders(z, first, last, top, which):
    """Set top and which [B] to the largest of rows first … last − 1 and the lowest row that has it."""
    for j in range(top.size):
        top[j] = z[first, j]
        which[j] = 0
    # Two rows at a time, for half of the loads and stores; a last row alone is its own second. Their numbers are counted as reals: the
    # choice between two converted integers would be made before the conversion, which has no vector form for 64 bits.
    one = z.dtype.type(1)
    c = one
    for f in range(first + 1, last, 2):
        second = min(f + 1, last - 1)
        d = c + one
        for j in range(top.size):
            later = z[second, j] > z[f, j]
            value = z[second, j] if later else z[f, j]
            # The change of `which` is added, since a choice between a number and what stands there is a slow store.
            change = (d if later else c) - which[j]
            which[j] += change if value > top[j] else z.dtype.type(0)
            top[j] = larger(value, top[j])
        c = d + one


@kernel
def rest(z, first, last, top, which, total):
    """Set total [B] to Σ exp(z − top) over the rows but the leading one."""
    total[:] = 0
    for f in range(first, last):
        c = z.dtype.type(f - first)
        for j in range(top.size):
            e = exp(z[f, j] - top[j])
            total[j] += z.dtype.type(0) if which[j] == c else e


@kernel
def exponentials(z, first, last, top, which, total, out):
    """Set out to exp(z − top) over the rows, and total [B] to the sum over those but the leading one."""
    total[:] = 0
    for f in range(first, last):
        c = z.dtype.type(f - first)
        for j in range(top.size):
            e = exp(z[f, j] - top[j])
            out[f, j] = e
            total[j] += z.dtype.type(0) if which[j] == c else e


@kernel
def count_broken(z, out):
    """Set out [B] to the number of elements of each column that are not finite."""
    none, one, infinity = z.dtype.type(0), z.dtype.type(1), z.dtype.type(math.inf)
    out[:] = 0
    for f in range(z.shape[0]):
        for j in range(out.size):
            # A NaN fails the comparison as infinity does.
            out[j] += none if abs(z[f, j]) < infinity else one


@kernel
def cross_entropy_sums(z, labels, scratch, sums):
    """Add losses and correct labels of each column to sums [2, B]."""
    top, which, total, chosen = scratch[0], scratch[1], scratch[2], scratch[3]
    classes = z.shape[0] // labels.shape[0]
    for g in range(labels.shape[0]):
        leaders(z, g * classes, (g + 1) * classes, top, which)
        rest(z, g * classes, (g + 1) * classes, top, which, total)
        for j in range(top.size):
            # An ignored label reads its group's first row, and is not counted below.
            chosen[j] = z[g * classes + max(labels[g, j], 0), j]
        # Losses in their own dtype first, then the wider sums: a loop over both would have half as many lanes.
        for j in range(top.size):
            loss = (top[j] - chosen[j]) + log1p(total[j])
            total[j] = loss if labels[g, j] >= 0 else z.dtype.type(0)
        for j in range(top.size):
            sums[0, j] += total[j]
            # In the dtype of `which`: a comparison in any wider one would not vectorize.
            sums[1, j] += 1.0 if which[j] == z.dtype.type(labels[g, j]) else 0.0


@kernel
def mark_broken(z, scratch, sums):
    """Set the number of correct elements of an example to NaN where an output is not finite."""
    broken = scratch[0]
    count_broken(z, broken)
    for j in range(broken.size):
        sums[1, j] = sums[1, j] if broken[j] == 0 else math.nan


def class_sums(code, delta, batch, t, z, scratch, sums):
    """Set sums [2, B] to each example's summed loss and its number of right labels (NaN: not finite)."""
    sums[:, :] = 0.0
    cross_entropy_sums(z, batch.labels[t], scratch, sums)
    mark_broken(z, scratch, sums)


@kernel
def add_tile(rules, criterion, batch, t, z, scratch, sums, result):
    """Add a tile's sums over its examples to result [6]."""
    run_sums(rules, SUMS_OF + criterion.code, (criterion.code, criterion.delta, batch, t, z, scratch, sums))
    losses, squares, weighted = 0.0, 0.0, 0.0
    right, right_squares, right_weighted = 0.0, 0.0, 0.0
    for j in range(batch.valid[t]):
        s, k, count = sums[0, j], sums[1, j], batch.counts[t, j]
        losses += s
        squares += s * s
        weighted += s * count
        right += k
        right_squares += k * k
        right_weighted += k * count
    result[0] += losses
    result[1] += squares
    result[2] += weighted
    result[3] += right
    result[4] += right_squares
    result[5] += right_weighted


@kernel
def loss_adjoint(rules, criterion, batch, t, z, scratch, adjoint):
    """Set adjoint [F, B] to the derivative of the tile's summed loss in z; padding and ignored labels get zero."""
    run_adjoint(
        rules,
        ADJOINT_OF + criterion.code,
        (criterion.code, criterion.delta, batch, t, z, scratch, adjoint),
    )


def class_adjoint(code, delta, batch, t, z, scratch, adjoint):
    """Set an adjoint for cross-entropy."""
    cross_entropy_adjoint(z, batch.labels[t], scratch, adjoint)
    adjoint[:, batch.valid[t] :] = 0


@kernel
def cross_entropy_adjoint(z, labels, scratch, adjoint):
    """Set the adjoint to softmax(z) minus one at the label, where that is not ignored."""
    top, which, total, inverse, chosen = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    classes, one, zero = z.shape[0] // labels.shape[0], z.dtype.type(1), z.dtype.type(0)
    for g in range(labels.shape[0]):
        first, last = g * classes, (g + 1) * classes
        leaders(z, first, last, top, which)
        exponentials(z, first, last, top, which, total, adjoint)
        for j in range(top.size):
            inverse[j] = one / (one + total[j])
            # As a real, which the loop below compares without a change of width.
            chosen[j] = z.dtype.type(labels[g, j])
        for f in range(first, last):
            c = z.dtype.type(f - first)
            for j in range(top.size):
                p = adjoint[f, j] * inverse[j]
                # p − 1 of a leading label without cancellation.
                at_label = -total[j] * inverse[j] if which[j] == c else p - one
                value = at_label if chosen[j] == c else p
                adjoint[f, j] = value if chosen[j] >= zero else zero


@kernel
def loss_adjoint_tangent(rules, criterion, batch, t, z, dz, scratch, out):
    """Set out [F, B] to the derivative of `loss_adjoint` along ż: the loss's Hessian in z times ż."""
    run_change(
        rules, ADJOINT_CHANGE_OF + criterion.code, (criterion.code, criterion.delta, batch, t, z, dz, scratch, out)
    )  # fmt: skip


def class_change(code, delta, batch, t, z, dz, scratch, out):
    """Set an adjoint's change for cross-entropy."""
    cross_entropy_curved(z, dz, batch.labels[t], scratch, out)
    out[:, batch.valid[t] :] = 0


@kernel
def cross_entropy_curved(z, dz, labels, scratch, out):
    """Set out to p(ż − Σ p ż) with p = softmax(z), where the label is not ignored.

    The leading class's ż is taken from all, so that nothing cancels where it has almost all of p.
    """
    top, which, total, mean, base = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    classes, one = z.shape[0] // labels.shape[0], z.dtype.type(1)
    for g in range(labels.shape[0]):
        first, last = g * classes, (g + 1) * classes
        leaders(z, first, last, top, which)
        exponentials(z, first, last, top, which, total, out)
        mean[:] = 0
        for j in range(top.size):
            base[j] = dz[first + int(which[j]), j]
        for f in range(first, last):
            for j in range(top.size):
                out[f, j] /= one + total[j]
                mean[j] += out[f, j] * (dz[f, j] - base[j])
        for f in range(first, last):
            for j in range(top.size):
                p = out[f, j] if labels[g, j] >= 0 else z.dtype.type(0)
                out[f, j] = p * (dz[f, j] - base[j] - mean[j])
        # Said outright for the leading class: a compiler that may reassociate would bring the cancellation back.
        for j in range(top.size):
            p = one / (one + total[j]) if labels[g, j] >= 0 else z.dtype.type(0)
            out[first + int(which[j]), j] = -p * mean[j]


# A loss's rules are those of its sums, its adjoint and its adjoint's change.
CROSS_ENTROPY_RULES = (
    Rule(class_sums, SUMS_LETTERS),
    Rule(class_adjoint, ADJOINT_LETTERS),
    Rule(class_change, CHANGE_LETTERS),
)
