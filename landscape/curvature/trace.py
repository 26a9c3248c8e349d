"""Estimates from random vectors: trace, Frobenius norm and diagonal, with standard errors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature.operators import SymmetricOperator
from landscape.errors import InputError
from landscape.objective.probes import sign_rows

Array = NDArray[np.float64]

BLOCK = 64


@dataclass(frozen=True)
class Estimate:
    """A number and one standard error of it (0 where it is exact)."""

    value: float
    error: float


def hutchinson(operator: SymmetricOperator, products: int = 100, *, seed: int = 0) -> Estimate:
    r"""Estimate the trace from random signs: the mean of $v^\top A v$.

    Raises
    ------
    InputError
        Fewer than two products: no standard error could be given.

    References
    ----------
    Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1990.

    Examples
    --------
    >>> hutchinson(SymmetricOperator(3, lambda rows: rows * [1.0, 2.0, 4.0]), 4)
    Estimate(value=7.0, error=0.0)
    """
    require_two(products)
    return mean_of(quadratic_forms(operator, products, seed))


def hutch_plus_plus(operator: SymmetricOperator, products: int = 300, *, seed: int = 0) -> Estimate:
    r"""Estimate the trace: exactly on a sketched range Q, by random signs on the rest.

    $$\operatorname{tr}(Q^\top A Q) + \frac1m \sum_i w_i^\top A w_i,\quad w_i = (I - QQ^\top) v_i$$

    A third of the products goes into each part. With as many products as rows the trace is summed exactly.

    Raises
    ------
    InputError
        Fewer than six products.

    References
    ----------
    Meyer, Musco, Musco and Woodruff, "Hutch++: optimal stochastic trace estimation" (arXiv 2010.09649).
    """
    if products < 6:
        raise InputError(f"expected at least 6 products for Hutch++, found {products}")
    size, third = operator.size, products // 3
    if products >= size:
        return Estimate(math.fsum(diagonal_part(operator)), 0.0)
    sketch = operator.rows(sign_rows(seed, streams.SKETCH[0], third, size))
    range_rows = np.ascontiguousarray(np.linalg.qr(sketch.T)[0].T)
    caught = float(np.sum(range_rows * operator.rows(range_rows)))
    signs = sign_rows(seed, streams.REMAINDER[0], third, size)
    rest = signs - (signs @ range_rows.T) @ range_rows
    left = mean_of(np.sum(rest * operator.rows(rest), axis=1))
    return Estimate(caught + left.value, left.error)


def frobenius(operator: SymmetricOperator, products: int = 100, *, seed: int = 0) -> Estimate:
    r"""Estimate $\|A\|_F = \sqrt{E\|A v\|^2}$; with as many products as rows it is summed exactly.

    Raises
    ------
    InputError
        Fewer than two products.
    """
    require_two(products)
    size = operator.size
    # A matrix whose squares overflow has an infinite norm here.
    with np.errstate(over="ignore", invalid="ignore"):
        if products >= size:
            squares = [np.sum(operator.rows(units) ** 2) for units in unit_blocks(size)]
            return Estimate(float(np.sqrt(sum(squares))), 0.0)
        squares_of = [
            np.sum(operator.rows(rows) ** 2, axis=1)
            for rows in sign_blocks(seed, streams.FROBENIUS[0], products, size)
        ]
        mean = mean_of(np.concatenate(squares_of))
        value = float(np.sqrt(mean.value))
    return Estimate(value, mean.error / (2 * value) if value > 0 else 0.0)


def hessian_diagonal(
    operator: SymmetricOperator, products: int = 100, *, seed: int = 0
) -> tuple[Array, Array]:
    r"""Estimate the diagonal, the mean of $v \odot A v$, and its standard errors, both [n].

    With as many products as rows it is exact.

    Raises
    ------
    InputError
        Fewer than two products.

    References
    ----------
    Bekas, Kokiopoulou and Saad, "An estimator for the diagonal of a matrix", 2007.
    """
    require_two(products)
    if products >= operator.size:
        return diagonal_part(operator), np.zeros(operator.size)
    total, squares = np.zeros(operator.size), np.zeros(operator.size)
    for rows in sign_blocks(seed, streams.DIAGONAL[0], products, operator.size):
        parts = rows * operator.rows(rows)
        total += parts.sum(axis=0)
        squares += (parts * parts).sum(axis=0)
    mean = total / products
    variance = np.maximum(squares / products - mean * mean, 0) * products / (products - 1)
    return mean, np.sqrt(variance / products)


def diagonal_part(operator: SymmetricOperator) -> Array:
    """Read the diagonal off the products with the unit vectors."""
    return np.concatenate(
        [np.sum(units * operator.rows(units), axis=1) for units in unit_blocks(operator.size)]
    )


def quadratic_forms(operator: SymmetricOperator, count: int, seed: int) -> Array:
    """Give vᵀAv for random signs v."""
    blocks = sign_blocks(seed, streams.FORMS[0], count, operator.size)
    return np.concatenate([np.sum(rows * operator.rows(rows), axis=1) for rows in blocks])


def sign_blocks(seed: int, stream: int, count: int, size: int) -> Iterator[Array]:
    """Draw random signs in blocks of rows."""
    for start in range(0, count, BLOCK):
        yield sign_rows(seed, stream, min(BLOCK, count - start), size, first=start)


def unit_blocks(size: int) -> Iterator[Array]:
    """Give the unit vectors in blocks of rows."""
    for start in range(0, size, BLOCK):
        yield np.eye(min(BLOCK, size - start), size, start)


def mean_of(samples: Array) -> Estimate:
    """Give the mean and its standard error."""
    return Estimate(float(samples.mean()), float(samples.std(ddof=1) / np.sqrt(len(samples))))


def require_two(products: int) -> None:
    """Refuse a number of products from which no standard error follows."""
    if products < 2:
        raise InputError(f"expected at least 2 products, found {products}: one gives no standard error")
