"""How critical the point is, and the way down if it is a saddle, with as much of the Hessian as the size allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.critical.escape import escape_along
from landscape.critical.local import damping_of, look_at_matrix
from landscape.critical.polish import polish
from landscape.curvature import eigenpairs, hessian_operator
from landscape.curvature.krylov import lanczos
from landscape.diagnosis.thresholds import Thresholds
from landscape.objective import HasValue, complete
from landscape.objective.probes import unit_rows

Array = NDArray[np.float64]

# Up to so many parameters the whole Hessian is taken; beyond the other nothing is.
DENSE, LARGEST = 400, 50_000
# Products of a Krylov space, and the tolerance of the eigenvalues after it.
KRYLOV, TOLERANCE = 40, 1e-4
# Polishing takes up to so many parameters, starts below this decrement, may go this part of θ's length, and must leave the loss as it is.
POLISHED, WORTH, REACH, SAME_LOSS = 150, 1e-3, 0.1, 0.01
# A step that lowers the loss by less than this part of the constant's is none.
LEAST_GAIN = 1e-3
# The later eigenvalue of a spread.
SPREAD = 10


@dataclass(frozen=True)
class Curvature:
    """A point with its relative Newton decrement and the ends of its Hessian's spectrum; NaN for what is not known.

    `condition` is what Newton's step promises over what the best step along the gradient at the largest curvature does,
    λ₁·gᵀ|H|⁻¹g/‖g‖²: the condition number that the gradient sees. `spread` is λ₁ over the `SPREAD`-th largest eigenvalue (the least, where there are fewer).
    `vector` belongs to the least eigenvalue; it is None where only bounds are known.
    """

    theta: Array
    loss: float
    decrement: float = math.nan
    least: float = math.nan
    error: float = math.nan
    largest: float = math.nan
    vector: Array | None = None
    condition: float = math.nan
    spread: float = math.nan


@dataclass(frozen=True)
class Escaped:
    """The way down from a saddle: the line that was looked at, and where its best step leads."""

    theta: Array
    step: Array
    predicted: Array
    actual: Array

    def series(self) -> dict[str, Array]:
        """Give it as a record keeps it."""
        names = ("theta", "step", "predicted", "actual")
        return {f"escape.{name}": getattr(self, name) for name in names}


def curvature_at(
    objective: HasValue, gradient: Array, constant: float, limits: Thresholds, theta: Array
) -> Curvature:
    """Look at a point: by the whole Hessian where it is small, else by a Krylov space."""
    nothing = Curvature(theta, math.nan)
    if theta.size > LARGEST or not np.isfinite(gradient).all() or constant <= 0:
        return nothing
    try:
        if theta.size <= DENSE:
            return by_matrix(objective, gradient, constant, theta)
        return by_products(objective, gradient, constant, limits, theta)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return nothing


def by_matrix(objective: HasValue, gradient: Array, constant: float, theta: Array) -> Curvature:
    """Take all eigenvalues; polish where the point is nearly critical."""
    derivatives = complete(objective)
    local = look_at_matrix(derivatives, theta, objective.value(theta), gradient, constant)
    if theta.size <= POLISHED and 0 < local.decrement < WORTH:
        reach = REACH * max(1.0, float(np.linalg.norm(theta)))
        polished = polish(derivatives, local, scale=constant, dense=True, reach=reach).local
        if abs(polished.loss - local.loss) <= SAME_LOSS * constant:
            local = polished
    least, largest = float(local.eigenvalues[0]), float(local.eigenvalues[-1])
    error = float(local.bounds[0])
    parts = conditioning(local.eigenvalues, (local.vectors @ local.gradient) ** 2)
    return Curvature(
        local.theta, local.loss, local.decrement, least, error, largest, local.vectors[0], *parts
    )


def conditioning(values: Array, weights: Array) -> tuple[float, float]:
    """Give λ₁ Σ wᵢ/|λᵢ| / Σ wᵢ and λ₁ over the `SPREAD`-th largest eigenvalue; NaN where there is no curvature upwards.

    Examples
    --------
    >>> [round(number, 4) for number in conditioning(np.array([1.0, 4.0]), np.array([1.0, 1.0]))]
    [2.5, 4.0]
    """
    largest, total = float(values.max()), float(weights.sum())
    if not (largest > 0 and total > 0):
        return math.nan, math.nan
    seen = largest * float(np.sum(weights / (np.abs(values) + damping_of(float(np.abs(values).max())))))
    later = float(np.sort(values)[::-1][min(SPREAD, len(values)) - 1])
    return seen / total, largest / later if later > 0 else math.inf


def by_products(
    objective: HasValue, gradient: Array, constant: float, limits: Thresholds, theta: Array
) -> Curvature:
    """Take the decrement's part and the ends that Krylov spaces see; the least eigenpair itself at a critical point only."""
    length = float(np.linalg.norm(gradient))
    operator = hessian_operator(objective, theta)
    starts = unit_rows(0, streams.KRYLOV[0], 1, theta.size)
    if length > 0:
        starts = np.concatenate([starts, gradient[None] / length])
    seen = lanczos(operator, starts, KRYLOV)
    damping = damping_of(float(np.abs(seen.nodes).max()))
    part = float(np.sum(seen.weights[-1] / (np.abs(seen.nodes[-1]) + damping))) if length > 0 else 0.0
    decrement = 0.5 * length**2 * part / constant
    largest = float(seen.nodes.max())
    known = Curvature(
        theta, objective.value(theta), decrement, float(seen.nodes.min()), math.nan, largest,
        condition=largest * part if part > 0 else math.nan, spread=conditioning(seen.nodes[0], seen.weights[0])[1],
    )  # fmt: skip
    if decrement > limits.decrement:
        return known
    pairs = eigenpairs(operator, bottom=1, tolerance=TOLERANCE)
    least, error = float(pairs.values[0]), float(pairs.errors[0])
    return replace(known, least=least, error=error, vector=pairs.vectors[0])


def escape_from(objective: HasValue, local: Curvature, constant: float, limits: Thresholds) -> Escaped | None:
    """Go along the least eigenvector, both ways; None away from a saddle, or where no step lowers the loss."""
    if local.vector is None or not (local.decrement <= limits.decrement and local.least < -local.error):
        return None
    line = escape_along(complete(objective), local.theta, local.loss, local.vector, local.least)
    if line.best == 0.0 or -line.gain < LEAST_GAIN * constant:
        return None
    return Escaped(local.theta + line.best * local.vector, line.steps, line.predicted, line.actual)


def largest_curvature(objective: HasValue, theta: Array) -> float:
    """Give the largest eigenvalue, from below, as a Krylov space sees it."""
    starts = unit_rows(0, streams.KRYLOV[0], 1, theta.size)
    return float(lanczos(hessian_operator(objective, theta), starts, KRYLOV // 2).nodes.max())
