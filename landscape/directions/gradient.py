"""The gradient of the objective as a direction."""

from __future__ import annotations

import numpy as np

from landscape.directions.origin import Array, Origin
from landscape.errors import InputError


def gradient_direction(origin: Origin) -> Array:
    """Take the gradient at θ as it is, [1, P]: a step of −η along it is one of gradient descent.

    Raises
    ------
    InputError
        The objective has no gradient, or it is zero or not finite here.
    """
    if origin.gradient is None:
        raise InputError(
            "direction 'gradient' needs an objective with a gradient, and this one has none: try 'random'"
        )
    gradient = np.array(origin.gradient(origin.theta), dtype=np.float64)
    if not np.all(np.isfinite(gradient)):
        raise InputError("the gradient here is not finite, so it gives no direction: try 'random'")
    if not np.any(gradient):
        raise InputError("the gradient here is exactly zero, so it gives no direction: try 'random'")
    return gradient[None, :]
