"""Polishing: full-batch steps to the critical point nearby, whatever its index.

Each step lowers the gradient, not the loss as such, so that a saddle is reached and not passed. Newton's step
−H⁺g comes first; shorter ones, and its damped forms −H(H² + μI)⁻¹g, which minimize ‖g‖², stand in where it fails. What
a step leaves is measured by gᵀ(|H| + δI)⁻¹g with the Hessian that made the step, as the decrement measures it: ‖g‖ itself would
stop in a bent valley, where a step along the floor meets the walls (Deuflhard, Newton Methods for Nonlinear Problems, section 3.2).

Where the gradient meets a floor above zero there is no critical point to be reached, and a few steps down the loss, in which
negative curvature counts by its size, lead on to where there may be one. So a saddle that is there is never left for a minimum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from landscape.critical.kept import steps_of, with_steps
from landscape.critical.local import DAMPING_AT_ZERO, Local, damping_of, look
from landscape.errors import ComputationError
from landscape.objective import Completed
from landscape.records import Piece

Array = NDArray[np.float64]

# Of a step: what μ is, relative to the square of the largest eigenvalue; 0 is Newton's.
DAMPINGS = (0.0, 1e-16, 1e-12, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
SHORTER = 0.5 ** np.arange(10)
STEPS = 80
# A step must leave so much of the gradient at most; once the point counts as critical, half of it.
LEAST_GAIN, LEAST_GAIN_AT_END = 0.99, 0.5
# Steps without a new least decrement after which there is no hope: the measure changes with the Hessian.
PATIENCE = 10
# Steps that are still made once the point counts as critical, and where derivatives are differences.
AT_END, AT_END_OF_DIFFERENCES = 30, 3
# Steps down in one go, and their damping relative to the largest eigenvalue.
DESCENT = 5
DAMPING_DOWN = 1e-4
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
    derivatives: Completed,
    start: Local,
    *,
    scale: float,
    dense: bool,
    reach: float,
    steps: int = STEPS,
    progress: Callable[[int, Local], None] = lambda step, local: None,
    piece: Piece | None = None,
) -> Polished:
    """Reduce the gradient until it falls no more, within `reach` of the start; a piece of unfinished work holds the state.

    Examples
    --------
    >>> from landscape.objective import CallableObjective, complete
    >>> saddle = CallableObjective(lambda x: float(x[0]**2 - x[1]**2), lambda x: 2 * x * [1, -1],
    ...     lambda x, v: 2 * v * [1, -1], size=2)
    >>> derivatives = complete(saddle)
    >>> start = look(derivatives, np.array([0.1, 0.2]), scale=1.0, dense=True)
    >>> polish(derivatives, start, scale=1.0, dense=True, reach=1.0).local.theta.tolist()
    [0.0, 0.0]
    """
    local = best = start
    begun = newton = since = critical = 0
    if piece is not None and piece.state is not None:
        kept = piece.state
        with_steps(derivatives, kept)
        begun, newton, since, critical = (int(number) for number in kept["counts"])
        local, best = (
            start if np.array_equal(theta, start.theta) else look(derivatives, theta, scale=scale, dense=dense, ends=False)
            for theta in (kept["theta"], kept["best"])
        )  # fmt: skip
    most = AT_END if derivatives.exact else AT_END_OF_DIFFERENCES
    for step in range(begun, steps):
        if piece is not None:
            counts = np.array([step, newton, since, critical])
            at = {"counts": counts, "theta": local.theta, "best": best.theta, **steps_of(derivatives)}
            piece.keep(partial(dict, at))
        progress(step, local)
        critical += local.decrement <= CRITICAL
        going = since < PATIENCE and critical <= most
        moved = better(derivatives, local, start.theta, reach) if going else None
        if moved is None:
            if best.decrement <= CRITICAL:
                return ended(best, start, step, newton, "")
            try:
                lower = descended(derivatives, local, scale, start.theta, reach)
            except ComputationError:
                lower = None
            if lower is None:
                return ended(best, start, step, newton, "no further step within this radius makes progress")
            local, since = lower, 0
        else:
            theta, was_newton = moved
            try:
                local = look(derivatives, theta, scale=scale, dense=dense, ends=False)
            except ComputationError:
                return ended(best, start, step, newton, "the next step has derivatives that are not finite")
            newton, since = newton + was_newton, since + 1
        if local.decrement < best.decrement:
            best, since = local, 0
    return ended(best, start, steps, newton, f"{steps} steps are all that are made")


def descended(
    derivatives: Completed, local: Local, scale: float, origin: Array, reach: float
) -> Local | None:
    """Go down a few steps; None if there is no way down, or none within reach."""
    lower = None
    for _ in range(DESCENT if local.dense else 0):
        theta = step_down(derivatives, local)
        if theta is None or np.linalg.norm(theta - origin) > reach:
            break
        local = lower = look(derivatives, theta, scale=scale, dense=True)
    return lower


def step_down(derivatives: Completed, local: Local) -> Array | None:
    """Take the best of the steps −t(|H| + δI)⁻¹g that lower the loss; None if none does.

    References
    ----------
    Dauphin et al., "Identifying and attacking the saddle point problem", arXiv 1406.2572.
    """
    sizes = np.abs(local.eigenvalues)
    damped = sizes + DAMPING_DOWN * max(float(sizes.max()), DAMPING_AT_ZERO)
    move = -((local.vectors @ local.gradient) / damped) @ local.vectors
    thetas = local.theta + SHORTER[:, None] * move
    losses = derivatives.values(thetas)
    losses[~np.isfinite(losses)] = np.inf
    best = int(np.argmin(losses))
    return np.asarray(thetas[best]) if losses[best] < local.loss else None


def ended(local: Local, start: Local, steps: int, newton: int, reason: str) -> Polished:
    """Make the result where polishing ended."""
    return Polished(local, steps, float(np.linalg.norm(local.theta - start.theta)), newton, reason)


def better(derivatives: Completed, local: Local, origin: Array, reach: float) -> tuple[Array, bool] | None:
    """Try all candidates at once and give the one that leaves the least gradient; None if none leaves less."""
    if local.gradient_norm == 0:
        return None
    thetas = local.theta + candidates(local)
    inside = np.linalg.norm(thetas - origin, axis=1) <= reach
    if not inside.any():
        return None
    gain = LEAST_GAIN_AT_END if local.decrement <= CRITICAL else LEAST_GAIN
    gradients = derivatives.gradients(thetas[inside])
    for measure in (measured, length):
        sizes = measure(local, gradients)
        best = int(np.argmin(sizes))
        if sizes[best] <= gain * measure(local, local.gradient[None])[0]:
            return thetas[inside][best], bool(np.flatnonzero(inside)[best] == 0)
    return None


def measured(local: Local, gradients: Array) -> Array:
    """Measure gradients [k, P] by (|H| + δI)⁻¹, or by their length where the Hessian is not known."""
    if not local.dense:
        return length(local, gradients)
    values = np.abs(local.eigenvalues)
    parts = (gradients @ local.vectors.T) ** 2 / (values + damping_of(float(values.max())))
    return finite_or_infinite(np.sqrt(parts.sum(axis=1)))


def length(local: Local, gradients: Array) -> Array:
    """Measure gradients by their length, in which parts along flat directions count fully."""
    return finite_or_infinite(np.linalg.norm(gradients, axis=1))


def finite_or_infinite(sizes: Array) -> Array:
    """Replace what is not finite by infinity."""
    return np.where(np.isfinite(sizes), sizes, np.inf)


def candidates(local: Local) -> Array:
    """Give the steps [k, P] to try, Newton's first."""
    if local.steps is not None:
        return np.concatenate([local.steps[:1] * SHORTER[:, None], local.steps[1:]])
    values, along = local.eigenvalues, local.vectors @ local.gradient
    largest = float(np.abs(values).max())
    if largest == 0:
        return -local.gradient[None] * np.geomspace(1e-3, 1e3, 7)[:, None]
    kept = np.abs(values) > local.bounds
    # In units of the largest, whose square may be no number.
    parts = np.where(kept, values / largest, 1.0)
    coefficients = [
        np.where(kept, parts / (parts**2 + damping), 0.0) * (along / largest) for damping in DAMPINGS
    ]
    moves = -np.array(coefficients) @ local.vectors
    return np.concatenate([moves[:1] * SHORTER[:, None], moves[1:]])
