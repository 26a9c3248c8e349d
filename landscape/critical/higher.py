r"""Third and fourth derivatives on a space of null vectors, and what they decide.

Where H is singular, the loss along a curve θ + tv + ½t²w with v null is least for w = −H⁺f₃(v, v, ·), and is there
$$L + \tfrac{t^3}{6} f_3(v,v,v) + \tfrac{t^4}{24}\bigl(f_4(v) - 3 f_3(v,v,\cdot)^\top H^+ f_3(v,v,\cdot)\bigr) + \dots$$
So a point is a strict local minimum where f₃ vanishes on the null space and the bracket is positive for every null v, and
none where either takes a negative value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.critical.quartic import certified_minimum, lowest_direction, symmetrized
from landscape.curvature import hessian_operator
from landscape.objective import Completed
from landscape.objective.step import step_of_least_spread

Array = NDArray[np.float64]

# More null vectors than these are not looked into: products grow with the cube of their number.
MOST_NULL = 6
FIRST_STEP, STEP_FACTOR = 0.02, 2.0
LEVELS = 3
# How far off the critical point may be, relative to max(1, ‖θ‖), for derivatives to tell of it.
KNOWN = 1e-2
# The bracket is a difference: what is left of its two parts counts from so much of them on.
CANCELLED = 1e-8
# The curve along which a loss that falls is followed.
CURVE = 2.0 ** -np.arange(0, 24)


@dataclass(frozen=True)
class Higher:
    """Third and fourth derivatives on a null space of dimension k, and what follows from them.

    `decision` is 1 where every null direction rises (proven), −1 where one falls, 0 where neither is known.
    `third` is the largest |f₃| on the null space and `third_error` what it may be off by; `fourth` is the
    certified least of the bracket over unit null v, `fourth_lowest` the lowest value met, with `fourth_error`.
    `velocity` and `acceleration` [P] are v and w of the lowest direction.
    """

    decision: int
    third: float
    third_error: float
    fourth: float
    fourth_lowest: float
    fourth_error: float
    velocity: Array
    acceleration: Array


def third_and_fourth(
    derivatives: Completed, theta: Array, basis: Array, step: float
) -> tuple[Array, Array, float, float]:
    """Give f₃(zᵢ, zⱼ, ·) [k, k, P] and f₄(zᵢ, zⱼ, zₖ, zₗ) [k, k, k, k] of null vectors zᵢ [k, P], with their errors."""
    scale = max(1.0, float(np.abs(theta).max()))
    thirds, fourths = [], []
    for level in range(LEVELS):
        third, fourth = differences(derivatives, theta, basis, step * scale / 2**level)
        thirds.append(third)
        fourths.append(fourth)
    third, third_spread = extrapolated(thirds)
    fourth, fourth_spread = extrapolated(fourths)
    smallest = step * scale / 2 ** (LEVELS - 1)
    noise = derivatives.epsilon * (
        float(np.abs(thirds[-1]).max()) * smallest + derivatives_size(derivatives, theta, basis)
    )
    return third, fourth, third_spread + noise / smallest, fourth_spread + 4 * noise / smallest**2


def derivatives_size(derivatives: Completed, theta: Array, basis: Array) -> float:
    """Give the size of products at the point and a step away, to which their rounding error is proportional."""
    moved = theta + FIRST_STEP * basis[0]
    rows = hessian_operator(derivatives, moved).rows(basis)
    return float(np.linalg.norm(rows, axis=1).max())


def extrapolated(table: list[Array]) -> tuple[Array, float]:
    """Extrapolate central differences at h, h/2, h/4 (Richardson); the spread is the difference from the order below."""
    row: list[Array] = []
    for entry in table:
        above, row = row, [entry]
        for column, coarse in enumerate(above, start=1):
            row.append((4**column * row[-1] - coarse) / (4**column - 1))
    return row[-1], float(np.linalg.norm(row[-1] - row[-2]))


def differences(derivatives: Completed, theta: Array, basis: Array, step: float) -> tuple[Array, Array]:
    """Take central differences of products along null vectors and along sums of two of them."""
    count = len(basis)
    here = hessian_operator(derivatives, theta).rows(basis)

    def along(direction: Array) -> tuple[Array, Array]:
        ahead, behind = (
            hessian_operator(derivatives, theta + sign * step * direction).rows(basis) for sign in (1, -1)
        )
        return (ahead - behind) / (2 * step), (ahead - 2 * here + behind) @ basis.T / step**2

    third = np.zeros((count, count, theta.size))
    fourth = np.zeros((count,) * 4)
    for i in range(count):
        third[i], fourth[i, i] = along(basis[i])
    for i in range(count):
        for j in range(i):
            both = along(basis[i] + basis[j])[1]
            fourth[i, j] = fourth[j, i] = (both - fourth[i, i] - fourth[j, j]) / 2
    return (third + third.transpose(1, 0, 2)) / 2, fourth


def decide(
    derivatives: Completed, theta: Array, gradient: Array, basis: Array, inverse: Array, tolerance: float
) -> Higher:
    """Apply the criterion to a null space with the orthonormal basis [k, P].

    `inverse` is H⁺ [P, P] on the rest of the space, `tolerance` the error of H.
    """

    def spread(step: float) -> float:
        found = third_and_fourth(derivatives, theta, basis, step)[3]
        return found if np.isfinite(found) else np.inf

    step = step_of_least_spread(spread, FIRST_STEP, STEP_FACTOR)[0]
    third, fourth, third_error, fourth_error = third_and_fourth(derivatives, theta, basis, step)
    inside = third @ basis.T
    bracket = bracket_of(third, fourth, inverse)
    bent = np.einsum("ijp,pq->ijq", third, inverse)
    size = float(np.linalg.norm(bent))
    fourth_error += 6 * size * third_error + 3 * size**2 * tolerance
    fourth_error += CANCELLED * (float(np.abs(fourth).max()) + 3 * size * float(np.linalg.norm(third)))
    # f₃ is taken at θ, the critical point lies where the quartic part balances what is left of g.
    left = float(np.linalg.norm(basis @ gradient)) + derivatives.epsilon * max(
        1.0, float(np.abs(theta).max())
    )
    largest = float(np.abs(fourth).max())
    away = (6 * left / largest) ** (1 / 3) if largest > fourth_error else 0.0
    third_error += largest * away
    # Derivatives here say nothing of a point that may be farther away than the steps they were taken with.
    known = away <= KNOWN * max(1.0, float(np.linalg.norm(theta)))
    velocity, lowest = lowest_direction(bracket)
    certified = certified_minimum(bracket)
    largest_third = float(np.abs(inside).max())
    decision = 0
    if known and largest_third > third_error:
        decision = -1
        velocity = falling_cubic(inside)
    elif known and lowest < -fourth_error:
        decision = -1
    elif known and certified > fourth_error:
        decision = 1
    acceleration = -np.einsum("i,j,ijp->p", velocity, velocity, bent)
    return Higher(
        decision, largest_third, third_error, certified, lowest, fourth_error, velocity @ basis, acceleration
    )  # fmt: skip


def bracket_of(third: Array, fourth: Array, inverse: Array) -> Array:
    """Give the tensor of f₄ − 3 f₃ᵀH⁺f₃, symmetric in all its indices."""
    corrected = np.einsum("ijp,pq,klq->ijkl", third, inverse, third)
    return symmetrized(fourth) - 3 * symmetrized(corrected)


def falling_cubic(inside: Array) -> Array:
    """Give a unit v with f₃(v, v, v) well below zero."""
    count = len(inside)
    starts = np.concatenate(
        [np.eye(count), streams.numpy_generator("starts on a cubic", 0).standard_normal((8 * count, count))]
    )
    units = starts / np.linalg.norm(starts, axis=1, keepdims=True)
    for _ in range(50):
        slopes = np.einsum("ijk,nj,nk->ni", inside, units, units)
        moved = units - 0.5 * slopes / max(1e-300, float(np.abs(inside).max()))
        units = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    units = np.concatenate([units, -units])
    values = np.einsum("ijk,ni,nj,nk->n", inside, units, units, units)
    return np.asarray(units[int(np.argmin(values))])


def follow(derivatives: Completed, theta: Array, higher: Higher) -> tuple[float, Array]:
    """Evaluate along the curve θ ± tv + ½t²w and give the lowest loss met, with its θ."""
    length = max(1.0, float(np.linalg.norm(theta)))
    times = np.concatenate([CURVE, -CURVE]) * length
    points = theta + times[:, None] * higher.velocity + 0.5 * times[:, None] ** 2 * higher.acceleration
    values = derivatives.values(points)
    values[~np.isfinite(values)] = np.inf
    best = int(np.argmin(values))
    return float(values[best]), points[best]
