"""The penalty of weight decay over a whole grid, in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def grid_penalty(center: Array, directions: Array, axes: tuple[Array, ...], decay: Array | None) -> Array:
    r"""Evaluate the penalty ½ Σ w (θ + Σ αᵢ dᵢ)² at every point of a grid.

    $$\tfrac12 \langle\theta, w\theta\rangle + \sum_i \alpha_i \langle\theta, w d_i\rangle
      + \tfrac12 \sum_{ij} \alpha_i \alpha_j \langle d_i, w d_j\rangle$$

    Parameters
    ----------
    center
        θ [P].
    directions
        [d, P].
    axes
        d coordinate arrays.
    decay
        w [P]; None is zero.

    Returns
    -------
    penalty
        [n₀, n₁, …], one of NumPy's pairwise sums a coefficient, so the bits do not depend on threads.

    Examples
    --------
    >>> grid_penalty(np.array([1.0]), np.array([[2.0]]), (np.array([0.0, 1.0]),), np.array([4.0])).tolist()
    [2.0, 18.0]
    """
    shape = tuple(axis.size for axis in axes)
    if decay is None or not np.any(decay):
        return np.zeros(shape)
    coordinates = np.meshgrid(*axes, indexing="ij")
    total = np.full(shape, 0.5 * np.sum(decay * center * center))
    for i, direction in enumerate(directions):
        weighted = decay * direction
        total += coordinates[i] * np.sum(weighted * center)
        for j, other in enumerate(directions):
            total += coordinates[i] * coordinates[j] * (0.5 * np.sum(weighted * other))
    return total
