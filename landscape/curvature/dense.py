"""The whole matrix, computed at once if possible and otherwise from blocks of products, with its error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape import streams
from landscape.curvature.operators import NOT_FINITE, SymmetricOperator, Whole, hessian_operator
from landscape.errors import ComputationError, InputError
from landscape.memory import available_memory
from landscape.objective import HasValue
from landscape.objective.probes import sign_rows
from landscape.objective.session import session
from landscape.progress import counted_products

Array = NDArray[np.float64]

# Products in one block: enough to share a tile's forward pass, few enough to need little memory.
BLOCK = 256
# The matrix, its eigenvectors, LAPACK's workspace of two matrices.
COPIES_WITH_EIGENVECTORS = 4
# Products that a matrix which was had at once is compared with.
CHECKS = 4


@dataclass(frozen=True)
class DenseMatrix:
    """A symmetric matrix [n, n], and how far the matrix that was computed was from symmetric.

    `asymmetry` is ½‖A − Aᵀ‖ of the products (Frobenius norm): by Weyl no eigenvalue is off by more for it. Of a matrix had at once
    it is ‖E‖ of the difference E from the products, estimated as √mean ‖E v‖² over random signs v.
    `rounding` is what else the products may be off by, relative to ‖A‖.
    """

    matrix: Array
    asymmetry: float
    rounding: float = 0.0


def dense_bytes(size: int) -> int:
    """Count the bytes of a dense Hessian and of all its eigenvectors.

    >>> dense_bytes(1000)
    32000000
    """
    return COPIES_WITH_EIGENVECTORS * 8 * size * size


def require_memory(size: int) -> None:
    """Refuse a dense matrix that does not fit.

    Raises
    ------
    InputError
        It does not; the message says how much it takes, and what to use instead.
    """
    needed, free = dense_bytes(size), available_memory()
    if needed > free:
        raise InputError(
            f"a dense Hessian of {size:,} parameters and its eigenvectors take {needed / 1e9:,.1f} GB, "
            f"{free / 1e9:,.1f} GB are free: use --top and --bottom, which need products only"
        )


def dense_matrix(operator: SymmetricOperator) -> DenseMatrix:
    """Build the matrix: at once if the operator can, checked by some products, else from the products with the unit vectors.

    Raises
    ------
    InputError
        It would not fit into memory.

    Examples
    --------
    >>> operator = SymmetricOperator(2, lambda rows: rows @ np.array([[1.0, 2.0], [2.0, 5.0]]))
    >>> dense_matrix(operator).matrix.tolist()
    [[1.0, 2.0], [2.0, 5.0]]
    """
    size = operator.size
    require_memory(size)
    if operator.whole is not None:
        return at_once(operator, operator.whole)
    matrix = np.empty((size, size))
    for start in range(0, size, BLOCK):
        stop = min(size, start + BLOCK)
        units = np.zeros((stop - start, size))
        units[np.arange(stop - start), np.arange(start, stop)] = 1.0
        matrix[start:stop] = operator.rows(units)
    dense = symmetrized(matrix)
    return replace(dense, rounding=operator.rounding(1.0))


def hessian_matrix(objective: HasValue, theta: ArrayLike) -> DenseMatrix:
    """Give the whole Hessian of any objective at θ [P], with the spread of differences in its `asymmetry`.

    Raises
    ------
    InputError
        As `hessian_operator`, or it would not fit into memory.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> toy = CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, size=2)
    >>> (hessian_matrix(toy, [0.0, 0.0]).matrix.round(6) + 0.0).tolist()
    [[0.0, -2.0], [-2.0, 0.0]]
    """
    operator = hessian_operator(objective, theta)
    dense = dense_matrix(operator)
    return DenseMatrix(dense.matrix, dense.asymmetry + operator.spread)


def at_once(operator: SymmetricOperator, whole: Whole) -> DenseMatrix:
    """Compute the matrix at once, and compare it with a few products."""
    half = np.zeros((operator.size, operator.size))
    with session():
        done = 0
        for reached in whole.parts(half, 0):
            with counted_products(reached - done):
                done = reached
        matrix = whole.finish(half)
        operator.count += whole.passes
        if not np.isfinite(matrix).all():
            raise ComputationError(NOT_FINITE)
        signs = sign_rows(0, streams.DENSE[0], CHECKS, operator.size)
        off = length(operator.rows(signs) - signs @ matrix) / np.sqrt(CHECKS)
    return DenseMatrix(matrix, off, operator.rounding(1.0))


def symmetrized(matrix: Array) -> DenseMatrix:
    """Give ½(A + Aᵀ) and the norm of what was cut off."""
    skew = 0.5 * (matrix - matrix.T)
    return DenseMatrix(matrix - skew, length(skew))


def length(array: Array) -> float:
    """Return the root of the sum of squares, also where the squares overflow.

    >>> bool(np.isclose(length(np.array([[3e200, 4e200]])), 5e200))
    True
    """
    with np.errstate(over="ignore"):
        found = float(np.linalg.norm(array))
    scale = float(np.abs(array).max(initial=0.0))
    return scale * float(np.linalg.norm(array / scale)) if found == np.inf and scale < np.inf else found
