"""The line down from a saddle along the most negative eigenvector, beside the quadratic model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from landscape.objective import Completed

Array = NDArray[np.float64]

# The search for a scale: steps relative to max(1, ‖θ‖), each twice the last.
SMALLEST = 1e-4
DOUBLINGS = 16
# The line that is kept: points on either side, the best step at BEST of them.
SIDE, BEST = 16, 10
# A loss is lower where it is so by more than this part of the losses compared: their rounding.
ROUNDING = 64.0


@dataclass(frozen=True)
class Escape:
    """Losses along an eigenvector.

    `steps` [n] are signed lengths α, `predicted` ½λα², `actual` L(θ + αv) − L(θ); `best` is the step that lowers the loss
    most, 0 where none does by more than rounding.
    """

    eigenvalue: float
    steps: Array
    predicted: Array
    actual: Array
    best: float
    gain: float


def escape_along(
    derivatives: Completed, theta: Array, loss: float, vector: Array, value: float, *, least: float = 0.0
) -> Escape:
    """Evaluate the loss both ways along a unit eigenvector [P] of the eigenvalue `value`; a fall by `least` or less counts as none.

    Examples
    --------
    >>> from landscape.objective import CallableObjective, complete
    >>> toy = CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, size=2)
    >>> found = escape_along(complete(toy), np.zeros(2), 1.0, np.sqrt([0.5, 0.5]), -2.0)
    >>> round(abs(found.best), 4), round(found.gain, 6)
    (1.4142, -1.0)
    """
    lengths = SMALLEST * max(1.0, float(np.linalg.norm(theta))) * 2.0 ** np.arange(DOUBLINGS)
    steps = np.concatenate([-lengths[::-1], lengths])
    losses = losses_along(derivatives, theta, vector, steps)
    scale = float(steps[int(np.argmin(losses))])
    refined = minimize_scalar(
        lambda step: float(losses_along(derivatives, theta, vector, np.array([step]))[0]),
        bounds=sorted((scale / 2, scale * 2)),
        method="bounded",
        options={"xatol": 1e-7 * abs(scale), "maxiter": 60},
    )
    best = float(refined.x) if refined.fun <= losses.min() else scale
    grid = best / BEST * np.arange(-SIDE, SIDE + 1) * np.sign(best)
    actual = losses_along(derivatives, theta, vector, grid) - loss
    place = SIDE + BEST if best > 0 else SIDE - BEST
    lower = bool(actual[place] < -max(least, rounding_of(derivatives, loss)))
    return Escape(
        eigenvalue=value,
        steps=grid,
        predicted=0.5 * value * grid**2,
        actual=actual,
        best=float(grid[place]) if lower else 0.0,
        gain=float(actual[place]) if lower else 0.0,
    )


def losses_along(derivatives: Completed, theta: Array, vector: Array, steps: Array) -> Array:
    """Evaluate at θ + αv; what is not finite is infinitely high."""
    values = derivatives.values(theta + steps[:, None] * vector)
    return np.where(np.isfinite(values), values, np.inf)


def rounding_of(derivatives: Completed, loss: float) -> float:
    """Give the largest difference between two losses that rounding alone can cause."""
    return ROUNDING * derivatives.epsilon * max(abs(loss), np.finfo(np.float64).tiny)
