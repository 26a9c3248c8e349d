"""Cross-entropy with a weight a_c (mass) for each class: Σ a_c (−log p_c) + h, for soft targets, class weights and label smoothing.

`targets` holds the classes' masses of each group as the outputs lie, then a row h for each group; `labels` [T, B] are the classes of which one is
right, negative where none counts.
"""

from __future__ import annotations

from landscape.formulas.primitives import log1p
from landscape.jit import kernel
from landscape.kernels.cpu.losses import (
    ADJOINT_LETTERS,
    CHANGE_LETTERS,
    SUMS_LETTERS,
    exponentials,
    leaders,
    mark_broken,
    rest,
)
from landscape.kernels.cpu.rules import Rule


def mass_sums(code, delta, batch, t, z, scratch, sums):
    """Set sums [2, B] to each example's summed loss and its number of right labels (NaN: not finite)."""
    sums[:, :] = 0.0
    add_masses(z, batch.labels[t], batch.targets[t], scratch, sums)
    mark_broken(z, scratch, sums)


@kernel
def add_masses(z, labels, masses, scratch, sums):
    """Add losses and right labels of each column to sums [2, B]."""
    top, which, total, mass, loss = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    classes, zero = z.shape[0] // labels.shape[0], z.dtype.type(0)
    for g in range(labels.shape[0]):
        first, last = g * classes, (g + 1) * classes
        leaders(z, first, last, top, which)
        rest(z, first, last, top, which, total)
        mass[:] = 0
        for j in range(top.size):
            loss[j] = masses[z.shape[0] + g, j]
        for f in range(first, last):
            for j in range(top.size):
                a = masses[f, j]
                mass[j] += a
                # Not 0·∞ where no mass is.
                loss[j] += a * (top[j] - z[f, j]) if a != zero else zero
        for j in range(top.size):
            loss[j] += mass[j] * log1p(total[j]) if mass[j] != zero else zero
        for j in range(top.size):
            sums[0, j] += loss[j]
            sums[1, j] += 1.0 if which[j] == z.dtype.type(labels[g, j]) else 0.0


def mass_adjoint(code, delta, batch, t, z, scratch, adjoint):
    """Set an adjoint for cross-entropy of masses."""
    set_slopes(z, batch.labels[t], batch.targets[t], scratch, adjoint)
    adjoint[:, batch.valid[t] :] = 0


@kernel
def set_slopes(z, labels, masses, scratch, adjoint):
    """Set the adjoint to A·softmax(z) − a, A the sum of the masses; A p − a of the leading class without cancellation."""
    top, which, total, inverse, others = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    mass = scratch[5]
    classes, one, zero = z.shape[0] // labels.shape[0], z.dtype.type(1), z.dtype.type(0)
    for g in range(labels.shape[0]):
        first, last = g * classes, (g + 1) * classes
        leaders(z, first, last, top, which)
        exponentials(z, first, last, top, which, total, adjoint)
        add_up(masses, first, last, which, mass, others)
        for j in range(top.size):
            inverse[j] = one / (one + total[j])
        for f in range(first, last):
            c = z.dtype.type(f - first)
            for j in range(top.size):
                other = mass[j] * (adjoint[f, j] * inverse[j]) - masses[f, j]
                value = others[j] - mass[j] * (total[j] * inverse[j]) if which[j] == c else other
                adjoint[f, j] = value if mass[j] != zero else zero


@kernel
def add_up(masses, first, last, which, mass, others):
    """Set mass [B] to the sum of a group's masses, and others [B] to that without the leading class's."""
    mass[:] = 0
    others[:] = 0
    zero = masses.dtype.type(0)
    for f in range(first, last):
        c = masses.dtype.type(f - first)
        for j in range(mass.size):
            a = masses[f, j]
            mass[j] += a
            others[j] += zero if which[j] == c else a


def mass_change(code, delta, batch, t, z, dz, scratch, out):
    """Set an adjoint's change for cross-entropy of masses."""
    set_curved(z, dz, batch.labels[t], batch.targets[t], scratch, out)
    out[:, batch.valid[t] :] = 0


@kernel
def set_curved(z, dz, labels, masses, scratch, out):
    """Set out to A p(ż − Σ p ż) with p = softmax(z); the leading class's ż is taken from all, as in `cross_entropy_curved`."""
    top, which, total, mean, base = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    mass, others = scratch[5], scratch[6]
    classes, one, zero = z.shape[0] // labels.shape[0], z.dtype.type(1), z.dtype.type(0)
    for g in range(labels.shape[0]):
        first, last = g * classes, (g + 1) * classes
        leaders(z, first, last, top, which)
        exponentials(z, first, last, top, which, total, out)
        add_up(masses, first, last, which, mass, others)
        mean[:] = 0
        for j in range(top.size):
            base[j] = dz[first + int(which[j]), j]
        for f in range(first, last):
            for j in range(top.size):
                out[f, j] /= one + total[j]
                mean[j] += out[f, j] * (dz[f, j] - base[j])
        for f in range(first, last):
            for j in range(top.size):
                value = mass[j] * out[f, j] * (dz[f, j] - base[j] - mean[j])
                out[f, j] = value if mass[j] != zero else zero
        for j in range(top.size):
            value = -mass[j] / (one + total[j]) * mean[j]
            out[first + int(which[j]), j] = value if mass[j] != zero else zero


MASSES_RULES = (
    Rule(mass_sums, SUMS_LETTERS),
    Rule(mass_adjoint, ADJOINT_LETTERS),
    Rule(mass_change, CHANGE_LETTERS),
)
