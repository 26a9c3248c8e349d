"""From the highest point of a band onto the saddle: up along one direction, down across it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.connection.band import GROWTH, LOOKED, STILL, Band, Evaluate, Values
from landscape.objective import Completed

Array = NDArray[np.float64]

# Steps along gradients, and along eigenvectors of the whole Hessian, which is taken up to so many parameters.
CLIMBS, FOLLOWED, MOST_DENSE = 200, 150, 600
# The first step, of the reach, the least one, and how small a gradient is none.
FIRST, LEAST, FLAT = 0.05, 1e-10, 1e-13


def highest(values: Values, band: Band) -> tuple[Array, Array, float]:
    """Find the highest point of the chain's pieces: θ [P], the tangent there [P], and its place."""
    points, places = band.points, band.places
    share = np.linspace(0.0, 1.0, LOOKED + 1)[:-1]
    inside = points[:-1, None] + share[None, :, None] * np.diff(points, axis=0)[:, None]
    t = places[:-1, None] + share * np.diff(places)[:, None]
    found = values(inside.reshape(-1, points.shape[1]), t.reshape(-1))
    top = int(np.argmax(np.where(np.isfinite(found), found, -np.inf)))
    piece = np.diff(points, axis=0)[top // LOOKED]
    return inside.reshape(-1, points.shape[1])[top], piece / np.linalg.norm(piece), float(t.reshape(-1)[top])


def climb(evaluate: Evaluate, theta: Array, tangent: Array, place: float, reach: float) -> Array:
    r"""Move a point up along the band and down across it, by $-(\nabla L - 2(\nabla L \cdot \tau)\tau)$, as long as its gradient falls.

    It stays within `reach` of where it began.
    """
    t = np.array([place])
    begin, point = theta, theta
    gradient = evaluate(point[None], t)[1][0]
    size = float(np.linalg.norm(gradient))
    step = 0.1 * reach / size if size > 0 else 0.0
    for _ in range(CLIMBS):
        move = gradient - 2.0 * float(gradient @ tangent) * tangent
        trial = point - step * move
        there = evaluate(trial[None], t)[1][0]
        norm = float(np.linalg.norm(there))
        if norm < size and np.linalg.norm(trial - begin) <= reach:
            improved = size - norm > STILL * size
            point, gradient, size, step = trial, there, norm, step * GROWTH
            if not improved:
                break
        else:
            step *= 0.5
            if step * size <= 1e-12 * reach:
                break
    return point


def follow(objective: Completed, theta: Array, tangent: Array, reach: float) -> Array:
    r"""Climb along the eigenvector of the Hessian that is most like the band's direction, and go down along all others.

    A step is $\sum_k \mp (g \cdot v_k) / |\lambda_k|\; v_k$, up along the one that is followed, and as long as a radius at most, which shrinks where the
    gradient grew. It stays within `reach` of where it began.

    References
    ----------
    Cerjan and Miller, Journal of Chemical Physics 75 (1981) 2800.

    Examples
    --------
    >>> from landscape.objective import CallableObjective, complete
    >>> toy = complete(CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, size=2))
    >>> bool(np.abs(follow(toy, np.array([0.2, -0.1]), np.array([0.6, 0.8]), 1.0)).max() < 1e-8)
    True
    """
    point, direction, radius = theta, tangent, FIRST * reach
    gradient = objective.gradient(point)
    for _ in range(FOLLOWED):
        values, vectors = np.linalg.eigh(symmetric(objective.hvps(point, np.eye(len(point)))))
        followed = int(np.argmax(np.abs(vectors.T @ direction)))
        along = vectors.T @ gradient
        signs = np.full(len(values), -1.0)
        signs[followed] = 1.0
        sizes = np.maximum(np.abs(values), FLAT * max(1.0, float(np.abs(values).max())))
        step = vectors @ (signs * along / sizes)
        length = float(np.linalg.norm(step))
        step *= min(1.0, radius / length) if length > 0 else 0.0
        trial = point + step
        there = objective.gradient(trial)
        before, after = (float(np.linalg.norm(one)) for one in (gradient, there))
        if not np.isfinite(after) or np.linalg.norm(trial - theta) > reach or after > 4.0 * before:
            radius *= 0.25
        else:
            radius *= 2.0 if after < before else 0.5
            point, gradient, direction = trial, there, vectors[:, followed]
        if radius < LEAST * reach or length < LEAST * reach:
            break
    return point


def symmetric(matrix: Array) -> Array:
    """Give the symmetric part of a matrix."""
    return np.asarray(0.5 * (matrix + matrix.T))
