"""The climb from the highest point of a band to a saddle: up along one direction, down in all others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.connection.band import GROWTH, LOOKED, STILL, Band, Evaluate, Values
from landscape.curvature import eigenpairs, hessian_operator
from landscape.objective import Completed

Array = NDArray[np.float64]
# From a point, its gradient, the direction that is followed (all [P]) and a radius to the step there and the eigenvector that is followed on.
Step = Callable[[Completed, Array, Array, Array, float], tuple[Array, Array]]

# Steps along gradients, and along eigenvectors.
CLIMBS, FOLLOWED = 200, 150
# Up to so many parameters the whole Hessian is taken in each step; beyond, products with it: fewer steps, each of at most so many
# products across the eigenvector, whose residual is this part of the largest eigenvalue.
MOST_DENSE, FOLLOWED_BY_PRODUCTS, MOST_PRODUCTS, RESIDUAL = 600, 100, 200, 1e-5
# The first step, of the reach, the least one, and how small a gradient is none.
FIRST, LEAST, FLAT = 0.01, 1e-10, 1e-13
# A step counts where the gradient that it leads to is off from the Hessian's forecast by less than this part.
TRUSTED = 0.75


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


def follow(objective: Completed, theta: Array, tangent: Array, reach: float, floor: float = -np.inf) -> Array:
    r"""Climb along an eigenvector of the Hessian, and go down along all others.

    A step is $\sum_k \mp (g \cdot v_k) / |\lambda_k|\; v_k$, up along the one that is followed, and as long as a radius at most, which shrinks where the
    gradient grew. Up to 600 parameters the eigenvector that is most like the band's direction is followed; beyond, the one of the least eigenvalue, and
    the step across it is found by conjugate gradients. It stays within `reach` of where it began, and ends where the loss falls below `floor`: no pass
    between two minima lies below one of them.

    References
    ----------
    Cerjan and Miller, Journal of Chemical Physics 75 (1981) 2800; by products Munro and Wales, Physical Review B 59 (1999) 3969.

    Examples
    --------
    >>> from landscape.objective import CallableObjective, complete
    >>> toy = complete(CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, size=2))
    >>> bool(np.abs(follow(toy, np.array([0.2, -0.1]), np.array([0.6, 0.8]), 1.0)).max() < 1e-8)
    True
    """
    dense = len(theta) <= MOST_DENSE
    step_of: Step = by_whole_hessian if dense else by_products
    point, direction, radius = theta, tangent, FIRST * reach
    gradient = objective.gradient(point)
    for _ in range(FOLLOWED if dense else FOLLOWED_BY_PRODUCTS):
        step, found = step_of(objective, point, gradient, direction, radius)
        length = float(np.linalg.norm(step))
        step *= min(1.0, radius / max(length, np.finfo(np.float64).tiny))
        there = objective.gradient(point + step)
        # How wrong the Hessian is about the gradient at the end of the step says how far it can be trusted.
        wrong = float(np.linalg.norm(there - gradient - objective.hvp(point, step)))
        size = max(float(np.linalg.norm(one)) for one in (gradient, there))
        if not wrong <= TRUSTED * size or np.linalg.norm(point + step - theta) > reach:
            radius = 0.25 * min(radius, length)
        else:
            radius *= 2.0 if wrong < 0.25 * size else 1.0
            point, gradient, direction = point + step, there, found
            if objective.value(point) < floor:
                break
        if radius < LEAST * reach or length < LEAST * reach:
            break
    return point


def by_whole_hessian(
    objective: Completed, point: Array, gradient: Array, direction: Array, radius: float
) -> tuple[Array, Array]:
    """Give the step by all eigenvectors, however long, and the one of them that is most like the direction that was followed."""
    values, vectors = np.linalg.eigh(symmetric(objective.hvps(point, np.eye(len(point)))))
    followed = int(np.argmax(np.abs(vectors.T @ direction)))
    along = vectors.T @ gradient
    signs = np.full(len(values), -1.0)
    signs[followed] = 1.0
    sizes = np.maximum(np.abs(values), FLAT * max(1.0, float(np.abs(values).max())))
    return np.asarray(vectors @ (signs * along / sizes)), np.asarray(vectors[:, followed])


def by_products(
    objective: Completed, point: Array, gradient: Array, direction: Array, radius: float
) -> tuple[Array, Array]:
    """Give the step up along the eigenvector of the smallest eigenvalue and down across it, and that eigenvector."""
    operator = hessian_operator(objective, point)
    pairs = eigenpairs(operator, bottom=1, tolerance=RESIDUAL, seed=objective.seed, start=direction[None])
    vector, size = pairs.vectors[0], max(abs(float(pairs.values[0])), FLAT)
    along = float(gradient @ vector)

    def product(row: Array) -> Array:
        image = operator.rows(row[None])[0]
        return np.asarray(image - (image @ vector) * vector)

    step = downward(product, gradient - along * vector, radius)
    return step + np.clip(along / size, -radius, radius) * vector, vector


def downward(product: Callable[[Array], Array], gradient: Array, radius: float) -> Array:
    r"""Minimize $g \cdot p + \tfrac12 p \cdot Hp$ within a radius by conjugate gradients, which end at the radius where H is not positive.

    >>> downward(lambda row: row * [1.0, 4.0], np.array([1.0, 4.0]), 10.0).round(12).tolist()
    [-1.0, -1.0]
    >>> downward(lambda row: row * [-1.0, 4.0], np.array([3.0, 0.0]), 10.0).round(12).tolist()
    [-10.0, 0.0]

    References
    ----------
    Steihaug, SIAM Journal on Numerical Analysis 20 (1983) 626.
    """
    step, residual = np.zeros_like(gradient), -gradient
    move, size = residual, float(residual @ residual)
    # Far away a rough step will do; near the end the gradient falls by its square.
    enough = size * min(0.1, np.sqrt(size)) ** 2
    for _ in range(MOST_PRODUCTS):
        if size <= enough:
            break
        image = product(move)
        bend = float(move @ image)
        longer = step + size / bend * move if bend > 0 else step
        if bend <= 0 or np.linalg.norm(longer) >= radius:
            return to_radius(step, move, radius)
        step, residual = longer, residual - size / bend * image
        size, before = float(residual @ residual), size
        move = residual + size / before * move
    return step


def to_radius(step: Array, move: Array, radius: float) -> Array:
    """Go on from a step along a move until it is as long as the radius.

    >>> to_radius(np.array([3.0, 0.0]), np.array([0.0, 2.0]), 5.0).tolist()
    [3.0, 4.0]
    """
    square, mixed, rest = float(move @ move), float(step @ move), float(step @ step) - radius**2
    return step + (np.sqrt(mixed**2 - square * rest) - mixed) / square * move


def symmetric(matrix: Array) -> Array:
    """Give the symmetric part of a matrix."""
    return np.asarray(0.5 * (matrix + matrix.T))
