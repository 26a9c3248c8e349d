"""Margins between the class that is right and every other: w Σ_c max(0, m − z_y + z_c)^p over the classes c ≠ y, with p = 1 or 2 by the loss's code.

`labels` [T, B] are the classes y, `targets` [T, B] the weights w, in which the division by the number of classes is.
"""

from __future__ import annotations

from landscape.formulas.losses import SQUARED_MARGIN
from landscape.jit import kernel
from landscape.kernels.cpu.losses import (
    ADJOINT_LETTERS,
    CHANGE_LETTERS,
    SUMS_LETTERS,
    leaders,
    mark_broken,
)
from landscape.kernels.cpu.rules import Rule


def margin_sums(code, delta, batch, t, z, scratch, sums):
    """Set sums [2, B] to each example's summed loss and its number of right labels (NaN: not finite)."""
    sums[:, :] = 0.0
    add_margins(code, delta, z, batch.labels[t], batch.targets[t], scratch, sums)
    mark_broken(z, scratch, sums)


@kernel
def chosen_of(z, labels, first, g, chosen):
    """Set chosen [B] to the output of each column's class."""
    for j in range(chosen.size):
        chosen[j] = z[first + max(labels[g, j], 0), j]


@kernel
def add_margins(code, delta, z, labels, weights, scratch, sums):
    """Add losses and right labels of each column to sums [2, B]."""
    top, which, chosen, loss = scratch[0], scratch[1], scratch[2], scratch[3]
    classes, zero = z.shape[0] // labels.shape[0], z.dtype.type(0)
    for g in range(labels.shape[0]):
        first = g * classes
        leaders(z, first, first + classes, top, which)
        chosen_of(z, labels, first, g, chosen)
        loss[:] = 0
        for c in range(classes):
            for j in range(top.size):
                short = delta - chosen[j] + z[first + c, j]
                part = short * short if code == SQUARED_MARGIN else short
                # A NaN is no part that is below zero.
                loss[j] += zero if short < zero or labels[g, j] == c else part
        for j in range(top.size):
            sums[0, j] += loss[j] * weights[g, j]
            sums[1, j] += 1.0 if which[j] == z.dtype.type(labels[g, j]) else 0.0


def margin_adjoint(code, delta, batch, t, z, scratch, adjoint):
    """Set an adjoint for margins."""
    set_margin_slopes(code, delta, z, batch.labels[t], batch.targets[t], scratch, adjoint)
    adjoint[:, batch.valid[t] :] = 0


@kernel
def set_margin_slopes(code, delta, z, labels, weights, scratch, adjoint):
    """Set the adjoint to the slope of each class's part, and at the right class to minus their sum."""
    chosen, total = scratch[0], scratch[1]
    classes, zero, one, two = z.shape[0] // labels.shape[0], z.dtype.type(0), z.dtype.type(1), z.dtype.type(2)
    for g in range(labels.shape[0]):
        first = g * classes
        chosen_of(z, labels, first, g, chosen)
        total[:] = 0
        for c in range(classes):
            for j in range(chosen.size):
                short = delta - chosen[j] + z[first + c, j]
                part = (two * short if code == SQUARED_MARGIN else one) if short > zero else zero
                slope = zero if labels[g, j] == c else part * weights[g, j]
                adjoint[first + c, j] = slope
                total[j] += slope
        for j in range(chosen.size):
            adjoint[first + max(labels[g, j], 0), j] -= total[j]


def margin_change(code, delta, batch, t, z, dz, scratch, out):
    """Set an adjoint's change for margins."""
    set_margin_curved(code, delta, z, dz, batch.labels[t], batch.targets[t], scratch, out)
    out[:, batch.valid[t] :] = 0


@kernel
def set_margin_curved(code, delta, z, dz, labels, weights, scratch, out):
    """Set out to 2w(ż_c − ż_y) for the classes that are too near, and at the right class to minus their sum; to zero for exponent 1."""
    chosen, base, total = scratch[0], scratch[1], scratch[2]
    classes, zero, two = z.shape[0] // labels.shape[0], z.dtype.type(0), z.dtype.type(2)
    for g in range(labels.shape[0]):
        first = g * classes
        chosen_of(z, labels, first, g, chosen)
        chosen_of(dz, labels, first, g, base)
        total[:] = 0
        for c in range(classes):
            for j in range(chosen.size):
                bent = code == SQUARED_MARGIN and delta - chosen[j] + z[first + c, j] > zero
                change = (
                    two * weights[g, j] * (dz[first + c, j] - base[j]) if bent and labels[g, j] != c else zero
                )
                out[first + c, j] = change
                total[j] += change
        for j in range(chosen.size):
            out[first + max(labels[g, j], 0), j] -= total[j]


MARGIN_RULES = (
    Rule(margin_sums, SUMS_LETTERS),
    Rule(margin_adjoint, ADJOINT_LETTERS),
    Rule(margin_change, CHANGE_LETTERS),
)
