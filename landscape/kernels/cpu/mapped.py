"""Blocks that are read through index maps: copies, sums and products of what lies elsewhere, and what their adjoints add there.

A block is [F, B], or [numbers, 1] where all examples have the same. `start` is where a map begins among the links, negative where there is none.
"""

from __future__ import annotations

from landscape.jit import kernel
from landscape.kernels.cpu.views import flat


@kernel
def index_at(links, start, f):
    """Give the place that a map has for place f."""
    return links[start + f] if start >= 0 else f


@kernel
def gather_rows(x, links, start, fill, y):
    """Set each row of y to the row of x at its place, or to a constant where there is none."""
    alike = x.shape[1] == y.shape[1]
    for f in range(y.shape[0]):
        place = index_at(links, start, f)
        if place < 0:
            for j in range(y.shape[1]):
                y[f, j] = fill
        elif alike:
            for j in range(y.shape[1]):
                y[f, j] = x[place, j]
        else:
            number = x[place, 0]
            for j in range(y.shape[1]):
                y[f, j] = number


@kernel
def scatter_rows(d, scale, links, start, into):
    """Add each row of d, times a number, to the row at its place: the adjoint of `gather_rows`."""
    alike = d.shape[1] == into.shape[1]
    for f in range(d.shape[0]):
        place = index_at(links, start, f)
        if place < 0:
            continue
        if alike:
            for j in range(d.shape[1]):
                into[place, j] += scale * d[f, j]
        else:
            total = d.dtype.type(0)
            for j in range(d.shape[1]):
                total += d[f, j]
            into[place, 0] += scale * total


@kernel
def add_gathered(x, scale, links, start, y):
    """Add to each row of y the row of x at its place, times a number."""
    alike = x.shape[1] == y.shape[1]
    for f in range(y.shape[0]):
        place = index_at(links, start, f)
        if alike:
            for j in range(y.shape[1]):
                y[f, j] += scale * x[place, j]
        else:
            number = scale * x[place, 0]
            for j in range(y.shape[1]):
                y[f, j] += number


@kernel
def add_gathered_product(a, first, b, second, links, y):
    """Add to each row of y the product of the rows of a and b at its places."""
    left, right = a.shape[1] == y.shape[1], b.shape[1] == y.shape[1]
    for f in range(y.shape[0]):
        one, two = index_at(links, first, f), index_at(links, second, f)
        if left and right:
            for j in range(y.shape[1]):
                y[f, j] += a[one, j] * b[two, j]
        elif left:
            number = b[two, 0]
            for j in range(y.shape[1]):
                y[f, j] += number * a[one, j]
        else:
            number = a[one, 0]
            for j in range(y.shape[1]):
                y[f, j] += number * (b[two, j] if right else b[two, 0])


@kernel
def scatter_product(d, other, second, links, start, into):
    """Add each row of d, times the other factor's row, to the row at its place."""
    alike, varies = d.shape[1] == into.shape[1], other.shape[1] == d.shape[1]
    for f in range(d.shape[0]):
        place, two = index_at(links, start, f), index_at(links, second, f)
        if alike and varies:
            for j in range(d.shape[1]):
                into[place, j] += d[f, j] * other[two, j]
        elif alike:
            number = other[two, 0]
            for j in range(d.shape[1]):
                into[place, j] += number * d[f, j]
        else:
            total = d.dtype.type(0)
            for j in range(d.shape[1]):
                total += d[f, j] * (other[two, j] if varies else other[two, 0])
            into[place, 0] += total


@kernel
def clear(block):
    """Set a block to zero."""
    numbers = flat(block)
    for q in range(numbers.size):
        numbers[q] = 0
