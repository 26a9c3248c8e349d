"""Named test surfaces of two parameters as objectives, with their exact gradients and Hessians."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError, did_you_mean
from landscape.formulas.surfaces import SURFACES
from landscape.objective.functions import CallableObjective, checked

Array = NDArray[np.float64]


class SurfaceObjective(CallableObjective):
    """A named surface of two parameters, with its exact gradient and Hessian.

    Parameters
    ----------
    name
        One of "rosenbrock", "himmelblau", "beale", "monkey_saddle", "toy" (the lecture's (1 − w₁w₂)²) and "convex" (the
        lecture's least squares of ten examples, parameters b and w).

    Raises
    ------
    InputError
        An unknown name.

    Examples
    --------
    >>> toy = SurfaceObjective("toy")
    >>> toy.value([0.0, 0.0]), toy.hessian([0.0, 0.0]).tolist()
    (1.0, [[0.0, -2.0], [-2.0, 0.0]])
    """

    def __init__(self, name: str) -> None:
        if name not in SURFACES:
            raise InputError(
                f"surface: expected one of {', '.join(SURFACES)}, found {name!r}{did_you_mean(name, SURFACES)}"
            )
        self.name, self.code, self.surface = name, list(SURFACES).index(name), SURFACES[name]
        super().__init__(
            lambda theta: self.surface.value(theta[0], theta[1]),
            lambda theta: np.array(self.surface.slope(theta[0], theta[1])),
            lambda theta, vector: self.hessian(theta) @ vector,
            size=2,
        )

    @property
    def box(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The usual range of each parameter."""
        return self.surface.box

    @property
    def minima(self) -> Array:
        """The isolated global minima, [K, 2], of which `toy` and `monkey_saddle` have none."""
        return np.array(self.surface.minima).reshape(-1, 2)

    def hessian(self, theta: ArrayLike) -> Array:
        """Return the Hessian at θ, [2, 2]."""
        point = checked(theta, 2)
        xx, xy, yy = self.surface.curvature(point[0], point[1])
        return np.array([[xx, xy], [xy, yy]], np.float64)
