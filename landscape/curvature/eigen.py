"""Eigenpairs with residuals: all of them, or those at the ends of the spectrum with a search for missed ones.

A Krylov space sees one vector of a repeated eigenvalue. So what a solver found is projected out and the
rest is searched again from another random vector, until nothing beyond the last one kept is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape import streams
from landscape.curvature.dense import DenseMatrix, dense_matrix
from landscape.curvature.krylov import lanczos
from landscape.curvature.operators import SymmetricOperator
from landscape.curvature.search import End, search_end
from landscape.errors import InputError
from landscape.objective.probes import unit_rows
from landscape.objective.session import session

Array = NDArray[np.float64]

# Up to here, or where a quarter of all is asked for, the whole matrix is cheaper than a search.
SMALL = 512
NORM_STEPS = 6


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues [k] ascending, and unit eigenvectors [k, n] as rows.

    `residuals` are ‖A v − λ v‖: an eigenvalue of A lies within that distance. `errors` add what A itself is
    off by (its asymmetry, its rounding by estimate, and the spread of its products where they are differences).
    `orthogonality` is max |V Vᵀ − I|. `status` is empty, or the sentence that says
    what did not converge; what is there is right all the same, within its errors.
    """

    values: Array
    vectors: Array
    residuals: Array
    errors: Array
    orthogonality: float
    method: str
    status: str = ""


def eigenpairs(
    operator: SymmetricOperator,
    *,
    top: int = 0,
    bottom: int = 0,
    tolerance: float = 1e-6,
    seed: int = 0,
    start: ArrayLike | None = None,
    max_products: int = 200_000,
) -> Eigenpairs:
    """Give the `bottom` algebraically smallest and the `top` largest eigenvalues.

    Parameters
    ----------
    operator
        The matrix A [n, n].
    top, bottom
        How many at either end, counted with multiplicity.
    tolerance
        Residuals wished for, relative to ‖A‖.
    seed
        Of the random vectors that searches start from.
    start
        Eigenvectors [bottom + top, n] of a matrix nearby, such as an earlier point's of a trajectory; LOBPCG
        goes on from them.
    max_products
        Products after which the search at an end is given up; `status` says so.

    Raises
    ------
    InputError
        No eigenvalue asked for, or more than n; or a start of another shape.

    Examples
    --------
    >>> found = eigenpairs(SymmetricOperator(3, lambda rows: rows * [1.0, -2.0, 4.0]), top=1, bottom=1)
    >>> found.values.round(12).tolist()
    [-2.0, 4.0]
    """
    size = operator.size
    require_counts(top, bottom, size)
    rows = checked_start(start, top + bottom, size)
    if size <= SMALL or 4 * (top + bottom) >= size:
        found = ends_of(dense_eigenpairs(dense_matrix(operator)), top, bottom)
    else:
        with session():
            found = searched(operator, top, bottom, tolerance, seed, rows, max_products)
    return replace(found, errors=found.errors + operator.spread)


def searched(
    operator: SymmetricOperator,
    top: int,
    bottom: int,
    tolerance: float,
    seed: int,
    warm: Array,
    max_products: int,
) -> Eigenpairs:
    """Search both ends by products."""
    scale = norm_estimate(operator, seed)
    if scale == 0.0:
        return zero_eigenpairs(top + bottom, operator.size)
    end = End(operator, scale, tolerance, seed, max_products)
    above, above_status = search_end(end, 1, top, np.zeros((0, operator.size)), warm[bottom:])
    below, below_status = search_end(end, -1, bottom, above, warm[:bottom])
    status = " ".join(sentence for sentence in (below_status, above_status) if sentence)
    found = ritz_pairs(operator, np.concatenate([below, above]))
    return replace(found, errors=found.errors + operator.rounding(scale), status=status)


def require_counts(top: int, bottom: int, size: int) -> None:
    """Refuse numbers of eigenvalues that a matrix of a size does not have.

    Raises
    ------
    InputError
        None asked for, a negative number, or more than there are.
    """
    if top < 0 or bottom < 0 or top + bottom < 1:
        raise InputError(f"expected at least one eigenvalue, found --top {top} and --bottom {bottom}")
    if top + bottom > size:
        raise InputError(
            f"expected at most {size} eigenvalues, since there are {size} parameters, "
            f"found --top {top} and --bottom {bottom}: --all gives every one"
        )


def checked_start(start: ArrayLike | None, count: int, size: int) -> Array:
    """Read the vectors of a warm start; none is [0, n]."""
    if start is None:
        return np.zeros((0, size))
    rows = np.asarray(start, np.float64)
    if rows.shape != (count, size):
        raise InputError(f"start: expected {count} eigenvectors of {size}, found shape {list(rows.shape)}")
    return rows


def dense_eigenpairs(dense: DenseMatrix) -> Eigenpairs:
    """Give all eigenpairs of a dense matrix.

    Examples
    --------
    >>> dense_eigenpairs(DenseMatrix(np.diag([3.0, 1.0, 1.0]), 0.0)).values.tolist()
    [1.0, 1.0, 3.0]
    """
    from scipy.linalg import eigh

    values, columns = eigh(dense.matrix, check_finite=False)
    vectors = np.ascontiguousarray(columns.T)
    residuals = np.linalg.norm(vectors @ dense.matrix - values[:, None] * vectors, axis=1)
    return Eigenpairs(
        values,
        vectors,
        residuals,
        residuals + dense.asymmetry + dense.rounding * float(np.abs(values).max()),
        orthogonality_of(vectors),
        "eigh (dense)",
    )


def ends_of(pairs: Eigenpairs, top: int, bottom: int) -> Eigenpairs:
    """Keep the smallest and the largest of all eigenpairs."""
    kept = np.r_[0:bottom, len(pairs.values) - top : len(pairs.values)]
    return replace(
        pairs,
        values=pairs.values[kept],
        vectors=pairs.vectors[kept],
        residuals=pairs.residuals[kept],
        errors=pairs.errors[kept],
    )


def ritz_pairs(operator: SymmetricOperator, rows: Array) -> Eigenpairs:
    """Give the eigenpairs of A restricted to the span of rows [k, n] (Rayleigh and Ritz), with residuals."""
    basis = np.ascontiguousarray(np.linalg.qr(rows.T)[0].T)
    images = operator.rows(basis)
    projected = basis @ images.T
    asymmetry = float(np.linalg.norm(projected - projected.T)) / 2
    values, rotation = np.linalg.eigh(0.5 * (projected + projected.T))
    vectors = rotation.T @ basis
    residuals = np.linalg.norm(rotation.T @ images - values[:, None] * vectors, axis=1)
    return Eigenpairs(
        values, vectors, residuals, residuals + asymmetry, orthogonality_of(vectors), "eigsh (products)"
    )


def orthogonality_of(vectors: Array) -> float:
    """Give max |V Vᵀ − I| of unit vectors that stand in rows."""
    return float(np.abs(vectors @ vectors.T - np.eye(len(vectors))).max(initial=0.0))


def norm_estimate(operator: SymmetricOperator, seed: int) -> float:
    """Estimate ‖A‖ from below, to about a tenth, by a few steps of Lanczos; 0 for the zero matrix only."""
    starts = unit_rows(seed, streams.NORM[0], 1, operator.size)
    return float(np.abs(lanczos(operator, starts, NORM_STEPS).nodes).max())


def zero_eigenpairs(count: int, size: int) -> Eigenpairs:
    """Give eigenpairs of the zero matrix."""
    nothing = np.zeros(count)
    return Eigenpairs(nothing, np.eye(count, size), nothing, nothing, 0.0, "zero matrix")
