"""Copies, sums and products of blocks."""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.views import flat


@kernel
def copy_rows(source, target):
    """Copy a block."""
    x, y = flat(source), flat(target)
    for q in range(y.size):
        y[q] = x[q]


@kernel
def add_rows(source, target):
    """Add a block to another."""
    x, y = flat(source), flat(target)
    for q in range(y.size):
        y[q] += x[q]


@kernel
def sum_rows(left, right, target):
    """Set a block to the sum of two."""
    a, b, y = flat(left), flat(right), flat(target)
    for q in range(y.size):
        y[q] = a[q] + b[q]


@kernel
def multiply_rows(left, right, target):
    """Set a block to the product of two."""
    a, b, y = flat(left), flat(right), flat(target)
    for q in range(y.size):
        y[q] = a[q] * b[q]


@kernel
def add_product(left, right, target):
    """Add the product of two blocks to a third."""
    a, b, y = flat(left), flat(right), flat(target)
    for q in range(y.size):
        y[q] += a[q] * b[q]


@kernel
def join(part, whole, groups, start):
    """Copy a part into a whole that has more rows a group, from row `start` of each group on."""
    rows, step = part.shape[0] // groups, whole.shape[0] // groups
    for g in range(groups):
        copy_rows(part[g * rows : (g + 1) * rows], whole[g * step + start : g * step + start + rows])


@kernel
def add_part(whole, part, groups, start):
    """Add the part's rows of a whole to the part: the adjoint of `join`."""
    rows, step = part.shape[0] // groups, whole.shape[0] // groups
    for g in range(groups):
        add_rows(whole[g * step + start : g * step + start + rows], part[g * rows : (g + 1) * rows])


@kernel
def add_share(d, share, into):
    """Add a share of a block to another."""
    a, b = flat(d), flat(into)
    for q in range(b.size):
        b[q] += share * a[q]
