"""The Hessian's extreme eigenvectors, as axes of a scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.curvature import eigenpairs, hessian_operator
from landscape.errors import ComputationError
from landscape.model import Model
from landscape.objective import HasValue, NetworkObjective

Array = NDArray[np.float64]


def extreme_eigenvectors(objective: HasValue, theta: Array, count: int) -> tuple[Array, Array]:
    """Give unit eigenvectors [count, P] and their eigenvalues: the largest, the smallest, the second largest.

    Their largest entries are positive, so that the same point gives the same picture.

    Raises
    ------
    ComputationError
        The search for eigenvalues did not converge.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> bowl = CallableObjective(lambda x: 0.0, hvp=lambda x, v: v * [1.0, -3.0, 2.0], size=3)
    >>> rows, values = extreme_eigenvectors(bowl, np.zeros(3), 3)
    >>> rows.round(12).tolist(), values.round(12).tolist()
    ([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [2.0, -3.0, 1.0])
    """
    top = (count + 1) // 2
    found = eigenpairs(hessian_operator(objective, theta), top=top, bottom=count - top)
    if found.status:
        raise ComputationError(f"direction 'eigen': {found.status}")
    order = [-1, 0, -2][:count]
    rows = found.vectors[order]
    signs = np.sign(rows[np.arange(count), np.argmax(np.abs(rows), axis=1)])
    return rows * signs[:, None], found.values[order]


def in_double(model: Model, objective: NetworkObjective, seed: int) -> NetworkObjective:
    """Give a model's objective in float64, on the same data: eigenvectors are worth it."""
    if objective.dtype == np.float64:
        return objective
    subset = objective.sample.examples if objective.sample.chosen is not None else None
    return NetworkObjective(
        model, objective.split, dtype="float64", threads=objective.threads, examples=subset, seed=seed
    )
