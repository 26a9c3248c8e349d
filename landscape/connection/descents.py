"""Descents to the nearest minimum in the whole space, and how far the loss rises on the straight line between two ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from landscape.objective import Completed

Array = NDArray[np.float64]

# Iterations of a descent, and the gradient, in parts of the first one, at which it is done.
STEPS, CONVERGED = 500, 1e-5
# Points on the straight way between two ends, and the rise that is no barrier, in parts of what the descents removed, or of the straight way's.
BETWEEN, NO_BARRIER = 21, 1e-3


def descent(
    objective: Completed, start: Array, seen: Callable[[Array], object] | None = None
) -> OptimizeResult:
    """Descend by SciPy's L-BFGS until rounding ends it; `seen` is called with each iterate."""
    return minimize(
        objective.value_and_gradient, start, jac=True, method="L-BFGS-B", callback=seen,
        options={"maxiter": STEPS, "gtol": 0.0, "ftol": 1e-14},
    )  # fmt: skip


def descend_from(objective: Completed, start: Array) -> dict[str, Any]:
    """Descend by SciPy's L-BFGS from one point; give the end, the loss there and before, and the gradient's length at both.

    >>> from landscape.objective import CallableObjective, complete
    >>> bowl = complete(CallableObjective(lambda x: float(x @ x), lambda x: 2 * x, size=2))
    >>> descend_from(bowl, np.array([3.0, 4.0]))["theta"].round(6).tolist()
    [0.0, 0.0]
    """
    first = float(np.linalg.norm(objective.gradient(start)))
    found = descent(objective, start)
    norm = float(np.linalg.norm(objective.gradient(found.x)))
    return {
        "theta": np.asarray(found.x, np.float64), "loss": float(found.fun), "before": float(objective.value(start)),
        "gradient_norm": norm, "converged": norm <= CONVERGED * first,
    }  # fmt: skip


def height_between(objective: Completed, one: Array, other: Array) -> float:
    """Return the highest value on the straight way from one point to another, its ends among them.

    >>> from landscape.objective import CallableObjective, complete
    >>> double = complete(CallableObjective(lambda x: float((x[0]**2 - 1)**2), size=1))
    >>> height_between(double, np.array([-1.0]), np.array([1.0]))
    1.0
    """
    way = np.linspace(0.0, 1.0, BETWEEN)[:, None]
    return float(np.max(objective.values(one + way * (other - one))))
