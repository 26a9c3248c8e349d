"""Estimates of how many products an analysis will take, for the progress bar."""

from __future__ import annotations

from landscape.curvature.density import steps_for, vectors_for
from landscape.curvature.eigen import NORM_STEPS, SMALL
from landscape.curvature.operators import SymmetricOperator
from landscape.curvature.search import CHECK_BASIS, LEAST_BASIS

# How often a search fills its basis, and a look for missed eigenvalues its own: about what networks of some thousand parameters took. The smallest
# eigenvalues are crowded about zero.
FILLED = {1: 1.2, -1: 2.5}
CHECKED = {1: 1.0, -1: 2.0}
# Of Hutch++ and of the Frobenius norm together.
TRACE = 400


def of_ends(operator: SymmetricOperator, top: int, bottom: int) -> float:
    """Estimate the products of a search for eigenvalues at the ends.

    >>> of_ends(SymmetricOperator(100, lambda rows: rows), 1, 1), of_ends(SymmetricOperator(10**6, lambda rows: rows), 1, 0) < 100
    (100.0, True)
    """
    size = operator.size
    if size <= SMALL or 4 * (top + bottom) >= size:
        return of_all(operator)
    found = float(NORM_STEPS + top + bottom)
    for sign, count in ((1, top), (-1, bottom)):
        if count:
            found += FILLED[sign] * max(LEAST_BASIS[sign], 2 * count + 1) + CHECKED[sign] * CHECK_BASIS
    return found


def of_all(operator: SymmetricOperator) -> float:
    """Count the products of the dense matrix, or the passes that compute it at once."""
    return float(operator.size if operator.whole is None else operator.whole.passes)


def of_density(size: int, accuracy: float) -> float:
    """Count the products of a spectral density."""
    return float(min(size, steps_for(accuracy)) * vectors_for(accuracy, size))


def of_trace(size: int) -> float:
    """Count the products of trace and Frobenius norm."""
    return float(min(2 * size, TRACE))
