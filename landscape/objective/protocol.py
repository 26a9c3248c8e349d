"""What algorithms may ask of an objective, whatever device or framework computes it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from landscape.objective.evaluation import Evaluation

Array = NDArray[np.float64]


class Sweep(Protocol):
    """A grid of points in work: steps in their order, all progress in `state`, results at any time.

    `names` are the columns of the result; `state` (float64) is everything accumulated so far and can be saved and
    restored; points that are not done are NaN in `finish`.
    """

    names: tuple[str, ...]
    steps: int
    state: Array

    def run(self, step: int) -> None:
        """Do one step of work."""

    def finish(self) -> dict[str, Array]:
        """Give each column, float64 [K], points in C order."""

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done, bool [K]."""


class Objective(Protocol):
    """A function of θ [P]. Values and gradients include the penalty; `evaluate` keeps it apart."""

    @property
    def size(self) -> int:
        """P, the length of θ; 0 where any length will do."""

    @property
    def dtype(self) -> DTypeLike:
        """The type of the arithmetic."""

    def value(self, theta: ArrayLike) -> float:
        """Evaluate at θ."""

    def values(self, thetas: ArrayLike) -> Array:
        """Evaluate at each row of thetas [K, P], giving [K]."""

    def gradient(self, theta: ArrayLike) -> Array:
        """Give the gradient at θ, [P]."""

    def hvp(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Give the product of the Hessian at θ with a vector, [P]."""

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Give loss, accuracy and penalty at θ."""

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> Sweep:
        """Prepare the grid center + Σ αᵢ directions[i] with αᵢ from axes[i]."""
