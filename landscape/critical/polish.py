"""Polishing: full-batch steps to the critical point nearby, whatever its index.

Each step lowers ‖g‖, never the loss as such, so that a saddle is reached and not passed. Newton's step
−H⁺g comes first; its damped forms −H(H² + μI)⁻¹g, which minimize ‖g‖², and shorter steps stand in where it fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.critical.derivatives import Derivatives
from landscape.critical.local import Local, look

Array = NDArray[np.float64]

# Of a step: what μ is, relative to the square of the largest eigenvalue; 0 is Newton's.
DAMPINGS = (0.0, 1e-16, 1e-12, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
SHORTER = 0.25 ** np.arange(4)
STEPS = 80
# A step must leave so much of the gradient at most; once the point counts as critical, half of it.
LEAST_GAIN, LEAST_GAIN_AT_END = 0.99, 0.5
# The Newton decrement, relative, of a critical point.
CRITICAL = 1e-12


@dataclass(frozen=True)
class Polished:
    """Where polishing ended, in how many steps, how far away, and how many of them were Newton's."""

    local: Local
    steps: int
    distance: float
    newton_steps: int
    reason: str = ""


def polish(
    derivatives: Derivatives,
    start: Local,
    *,
    scale: float,
    dense: bool,
    reach: float,
    steps: int = STEPS,
    progress: Callable[[int, Local], None] = lambda step, local: None,
) -> Polished:
    """Lower ‖g‖ until it falls no more, no farther than `reach` from the start.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> saddle = CallableObjective(lambda x: float(x[0]**2 - x[1]**2), lambda x: 2 * x * [1, -1],
    ...     lambda x, v: 2 * v * [1, -1], size=2)
    >>> derivatives = Derivatives(saddle)
    >>> start = look(derivatives, np.array([0.1, 0.2]), scale=1.0, dense=True)
    >>> polish(derivatives, start, scale=1.0, dense=True, reach=1.0).local.theta.tolist()
    [0.0, 0.0]
    """
    local, newton = start, 0
    for step in range(steps):
        progress(step, local)
        moved = better(derivatives, local, start.theta, reach)
        if moved is None:
            return ended(local, start, step, newton, "")
        theta, was_newton = moved
        local = look(derivatives, theta, scale=scale, dense=dense, ends=False)
        newton += was_newton
    return ended(local, start, steps, newton, f"the gradient still falls after {steps} steps")


def ended(local: Local, start: Local, steps: int, newton: int, reason: str) -> Polished:
    """Say where it ended."""
    return Polished(local, steps, float(np.linalg.norm(local.theta - start.theta)), newton, reason)


def better(derivatives: Derivatives, local: Local, origin: Array, reach: float) -> tuple[Array, bool] | None:
    """Try all candidates at once and give the point of the least gradient; None where none is less."""
    norm = local.gradient_norm
    if norm == 0:
        return None
    moves = candidates(local)
    thetas = local.theta + moves
    inside = np.linalg.norm(thetas - origin, axis=1) <= reach
    if not inside.any():
        return None
    gradients = derivatives.gradients(thetas[inside])
    norms = np.linalg.norm(gradients, axis=1)
    norms[~np.isfinite(norms)] = np.inf
    best = int(np.argmin(norms))
    gain = LEAST_GAIN_AT_END if local.decrement <= CRITICAL else LEAST_GAIN
    if not norms[best] <= gain * norm:
        return None
    return thetas[inside][best], bool(np.flatnonzero(inside)[best] == 0)


def candidates(local: Local) -> Array:
    """Give the steps [k, P] to try, Newton's first."""
    if local.steps is not None:
        return np.concatenate([local.steps[:1] * SHORTER[:, None], local.steps[1:]])
    values, along = local.eigenvalues, local.vectors @ local.gradient
    largest = float(np.abs(values).max())
    if largest == 0:
        return -local.gradient[None] * np.geomspace(1e-3, 1e3, 7)[:, None]
    kept = np.abs(values) > local.bounds
    safe = np.where(kept, values, 1.0)
    coefficients = [
        np.where(kept, values / (safe**2 + damping * largest**2), 0.0) * along for damping in DAMPINGS
    ]
    moves = -np.array(coefficients) @ local.vectors
    return np.concatenate([moves[:1] * SHORTER[:, None], moves[1:]])
