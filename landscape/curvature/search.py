"""The search for eigenvectors at one end of a spectrum: Lanczos, LOBPCG from a warm start, deflation."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh, lobpcg

from landscape import streams
from landscape.curvature.operators import SymmetricOperator
from landscape.objective.probes import unit_rows

Array = NDArray[np.float64]

# Vectors that a restarted Lanczos keeps at least. The large eigenvalues of a loss lie apart and need few; the least are crowded about zero, where
# more save restarts. A look for missed ones wants one value.
LEAST_BASIS = {1: 32, -1: 64}
CHECK_BASIS = 24
WARM_ITERATIONS = 60
# A look for missed eigenvalues may be coarser than the eigenvalues themselves, and a rough one often decides.
CHECK_TOLERANCES = (1e-3, 1e-6)
ENDS = {1: "top", -1: "bottom"}
# Newer SciPy draws restarts from a generator, and from the system's entropy where none is given.
TAKES_RNG = "rng" in inspect.signature(eigsh).parameters


@dataclass(frozen=True)
class End:
    """The matrix and the settings of a search at either end of the spectrum; `scale` is about ‖A‖."""

    operator: SymmetricOperator
    scale: float
    tolerance: float
    seed: int
    max_products: int


class Shifted:
    r"""The matrix $B = \pm A + 2\|A\| I$ with what was found already deflated to 0.

    B is positive definite there, its largest eigenvalues are the end that is looked for, and a tolerance
    relative to them is one relative to ‖A‖, so that eigenvalues near zero are no harder than others.
    """

    def __init__(self, end: End, sign: int, away: Array) -> None:
        self.end, self.sign, self.away = end, sign, away
        self.shift = 2 * end.scale

    def multiply(self, columns: Array) -> Array:
        """Multiply columns [n, K] that are orthogonal to the eigenvectors found, as are the results."""
        images = self.end.operator.rows(np.ascontiguousarray(columns.T)).T
        return self.project(self.sign * images + self.shift * columns)

    def project(self, columns: Array) -> Array:
        """Project onto the complement of the eigenvectors found."""
        if not len(self.away):
            return columns
        return columns - self.away.T @ (self.away @ columns)

    def operator(self) -> LinearOperator:
        """Give the matrix as SciPy's `LinearOperator`."""
        size = self.end.operator.size
        return LinearOperator(
            (size, size),
            matvec=lambda vector: self.multiply(np.reshape(vector, (-1, 1)))[:, 0],
            matmat=self.multiply,
            dtype=np.float64,
        )


def search_end(end: End, sign: int, count: int, away: Array, warm: Array) -> tuple[Array, str]:
    """Find `count` vectors [count, n] at one end, orthogonal to `away`; a sentence says what was not found.

    `sign` is 1 for the largest eigenvalues, −1 for the smallest; `warm` are vectors to begin with.
    """
    if count == 0:
        return np.zeros((0, end.operator.size)), ""
    matrix = Shifted(end, sign, away)
    budget = end.operator.count + end.max_products
    vectors = warm_search(matrix, warm) if len(warm) else None
    values = quotients(matrix, vectors)
    if vectors is None:
        values, vectors = krylov_search(
            matrix, count, 0, end.tolerance, end.max_products, warm, LEAST_BASIS[sign]
        )
    attempt = 1
    while len(vectors) == count and end.operator.count < budget:
        enough = values.min() + end.tolerance * end.scale
        value, vector = missed(matrix, vectors, attempt, budget, enough)
        if len(value) == 0 or value[0] <= enough:
            return vectors, ""
        values, vectors = insert(values, vectors, value[0], vector[0])
        attempt += 1
    return vectors, sentence(len(vectors), count, ENDS[sign], end.max_products)


def sentence(found: int, count: int, name: str, products: int) -> str:
    """Say what a search did not do."""
    start = f"{found} of {count} eigenvalues at the {name} converged within {products:,} products"
    if found == count:
        start += ", none of which were left to look for missed ones"
    return start + ": ask for fewer, or for a larger tolerance."


def krylov_search(
    matrix: Shifted,
    count: int,
    attempt: int,
    tolerance: float,
    products: int,
    warm: Array,
    least_basis: int,
) -> tuple[Array, Array]:
    """Run SciPy's restarted Lanczos for the `count` largest; give what converged."""
    end = matrix.end
    size = end.operator.size
    begin = unit_rows(end.seed, streams.SEARCH[attempt], 1, size)[0] + warm.sum(axis=0)
    basis = min(size, max(least_basis, 2 * count + 1))
    seeded: dict[str, Any] = (
        {"rng": streams.numpy_generator("restarts of a search", end.seed, attempt)} if TAKES_RNG else {}
    )
    restarts = max(1, products // max(1, basis - count))
    try:
        values, columns = eigsh(
            matrix.operator(),
            k=count,
            which="LA",
            v0=matrix.project(begin[:, None])[:, 0],
            ncv=basis,
            tol=tolerance / 3,
            maxiter=restarts,
            **seeded,
        )
    except ArpackNoConvergence as stopped:
        values, columns = stopped.eigenvalues, stopped.eigenvectors
    except ArpackError:
        values, columns = np.zeros(0), np.zeros((size, 0))
    return np.asarray(values), np.ascontiguousarray(np.asarray(columns).T)


def missed(matrix: Shifted, found: Array, attempt: int, budget: int, enough: float) -> tuple[Array, Array]:
    """Look for the largest eigenvalue on the complement of what was found, from another random vector.

    A rough value that lies below `enough` by more than its tolerance says that nothing was missed; else a finer search
    goes on from its vector.
    """
    end = matrix.end
    rest = Shifted(end, matrix.sign, np.linalg.qr(np.concatenate([matrix.away, found]).T)[0].T)
    value, vector = np.zeros(0), found[:0]
    for tolerance in CHECK_TOLERANCES:
        tolerance = max(end.tolerance, tolerance)
        left = budget - end.operator.count
        value, vector = krylov_search(rest, 1, attempt, tolerance, left, vector, CHECK_BASIS)
        if len(value) == 0 or value[0] + tolerance * end.scale <= enough:
            break
    return value, vector


def insert(values: Array, vectors: Array, value: float, vector: Array) -> tuple[Array, Array]:
    """Put a missed eigenpair in the place of the least."""
    least = int(np.argmin(values))
    values, vectors = values.copy(), vectors.copy()
    values[least], vectors[least] = value, vector
    return values, vectors


def quotients(matrix: Shifted, vectors: Array | None) -> Array:
    """Give vᵀBv of unit vectors in rows."""
    if vectors is None:
        return np.zeros(0)
    return np.asarray(np.sum(vectors.T * matrix.multiply(vectors.T), axis=0))


def warm_search(matrix: Shifted, warm: Array) -> Array | None:
    """Run LOBPCG from vectors of a matrix nearby; None if it did not reach the tolerance."""
    end = matrix.end
    limit = end.tolerance * end.scale
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        values, columns = lobpcg(
            matrix.operator(), matrix.project(warm.T), largest=True, tol=limit, maxiter=WARM_ITERATIONS
        )
    residuals = np.linalg.norm(matrix.multiply(columns) - columns * values, axis=0)
    return np.ascontiguousarray(columns.T) if np.all(residuals <= 3 * limit) else None
