"""Extreme eigenvalues along a trajectory, each search started from the result of the previous one."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.curvature.eigen import Eigenpairs, eigenpairs
from landscape.curvature.operators import matrix_operator
from landscape.errors import InputError
from landscape.objective import HasValue
from landscape.progress import Progress, counted, nobody

Array = NDArray[np.float64]


def eigenpairs_along(
    objective: HasValue,
    thetas: ArrayLike,
    *,
    top: int = 1,
    bottom: int = 0,
    operator: str = "hessian",
    tolerance: float = 1e-6,
    seed: int = 0,
    progress: Progress = nobody,
) -> list[Eigenpairs]:
    """Find extreme eigenpairs at every point of a trajectory, such as a model's checkpoints.

    Parameters
    ----------
    objective
        As `hessian_operator` takes it.
    thetas
        The points [K, P] in their order; eigenvectors of one start the search (LOBPCG) at the next.
    top, bottom, tolerance, seed
        As `eigenpairs` takes them.
    operator
        As `matrix_operator` takes it.
    progress
        Called with the share of the work that is done, and the same in words, such as "3 of 20 points".

    Raises
    ------
    InputError
        No points, or points of another length.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> quartic = CallableObjective(lambda x: 0.0, hvp=lambda x, v: 12 * x**2 * v, size=2)
    >>> [found.values.tolist() for found in eigenpairs_along(quartic, [[1.0, 0.0], [2.0, 0.0]])]
    [[12.0], [48.0]]
    """
    points = np.asarray(thetas, np.float64)
    if points.ndim != 2 or len(points) == 0:
        raise InputError(f"thetas: expected points [K, P], found shape {list(points.shape)}")
    results: list[Eigenpairs] = []
    start: Array | None = None
    for number, theta in enumerate(points, start=1):
        matrix = matrix_operator(objective, theta, operator)
        found = eigenpairs(matrix, top=top, bottom=bottom, tolerance=tolerance, seed=seed, start=start)
        # What did not converge is no place to begin.
        start = found.vectors if len(found.values) == top + bottom and not found.status else None
        results.append(found)
        progress(number / len(points), counted(number, len(points), "points"))
    return results
