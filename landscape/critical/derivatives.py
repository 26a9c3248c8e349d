"""Derivatives of any objective near a point: exact where it has them, differences with a measured error where not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.curvature import (
    DenseMatrix,
    FiniteDifference,
    SymmetricOperator,
    dense_matrix,
    hessian_operator,
)
from landscape.curvature.step import step_of_least_spread
from landscape.objective import CallableObjective

Array = NDArray[np.float64]

# Differences of values: the step that the search starts from, relative to max(1, |θ|).
VALUE_STEP = 1e-2
STEP_FACTOR = 4.0


class Derivatives:
    """Values, gradients and products of an objective.

    `exact` says whether products are exact. Where the objective has values alone, gradients are differences
    of values (Richardson, order 6), and products differences of these.

    Examples
    --------
    >>> toy = CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, size=2)
    >>> derivatives = Derivatives(toy)
    >>> derivatives.gradient(np.array([1.0, 2.0])).round(9).tolist()
    [4.0, 2.0]
    >>> derivatives.matrix(np.zeros(2)).matrix.round(6).tolist()
    [[0.0, -2.0], [-2.0, 0.0]]
    """

    def __init__(self, objective: Any, seed: int = 0) -> None:
        self.objective, self.seed = objective, seed
        self.exact = hasattr(objective, "hvps") or objective.hvp is not None
        # Steps of differences, chosen where they are first needed: points nearby want the same.
        self.value_step: float | None = None
        self.gradient_step: float | None = None
        self.differentiable = objective
        if objective.gradient is None:
            self.differentiable = CallableObjective(
                objective.value, gradient=self.gradient_of_values, size=objective.size
            )

    @property
    def epsilon(self) -> float:
        """The rounding of the objective's arithmetic."""
        return float(np.finfo(np.dtype(self.objective.dtype)).eps)

    def value(self, theta: Array) -> float:
        """Evaluate at θ."""
        return float(self.objective.value(theta))

    def values(self, thetas: Array) -> Array:
        """Evaluate at each row of thetas [K, P]."""
        return np.asarray(self.objective.values(thetas), np.float64)

    def gradient(self, theta: Array) -> Array:
        """Give the gradient at θ."""
        return np.asarray(self.differentiable.gradient(theta), np.float64)

    def gradients(self, thetas: Array) -> Array:
        """Give the gradient at each row of thetas [K, P]."""
        if hasattr(self.differentiable, "gradients"):
            return np.asarray(self.differentiable.gradients(thetas))
        return np.stack([self.gradient(theta) for theta in thetas])

    def gradient_of_values(self, theta: Array) -> Array:
        """Take differences of values along each parameter, with the step of least spread."""
        size = theta.size

        @np.errstate(over="ignore", invalid="ignore")
        def table(step: float) -> tuple[Array, Array]:
            steps = step * np.maximum(1.0, np.abs(theta))
            row: list[Array] = []
            for level in range(3):
                moves = np.diag(steps / 2**level)
                both = self.values(np.concatenate([theta + moves, theta - moves]))
                above, row = row, [(both[:size] - both[size:]) / (2 * steps / 2**level)]
                for column, entry in enumerate(above, start=1):
                    row.append((4**column * row[-1] - entry) / (4**column - 1))
            return row[-1], row[-2]

        def spread(step: float) -> float:
            fine, coarse = table(step)
            with np.errstate(invalid="ignore"):
                distance = float(np.abs(fine - coarse).max())
            return distance if np.isfinite(distance) else np.inf

        if self.value_step is None:
            self.value_step = step_of_least_spread(spread, VALUE_STEP, STEP_FACTOR)[0]
        return table(self.value_step)[0]

    def operator(self, theta: Array) -> tuple[SymmetricOperator, FiniteDifference | None]:
        """Give the Hessian at θ by its products, and the differences they come from where they are not exact."""
        if self.exact:
            return hessian_operator(self.objective, theta), None
        difference = FiniteDifference(
            self.differentiable, theta, order="richardson", step=self.gradient_step, seed=self.seed
        )
        self.gradient_step = difference.step
        return difference.operator(), difference

    def products(self, theta: Array, rows: Array) -> Array:
        """Give the Hessian at θ times each row of vectors [K, P]."""
        return self.operator(theta)[0].rows(rows)

    def matrix(self, theta: Array) -> DenseMatrix:
        """Give the whole Hessian; its `asymmetry` includes the spread of differences."""
        operator, difference = self.operator(theta)
        dense = dense_matrix(operator)
        spread = 0.0 if difference is None else difference.seen.spread
        return DenseMatrix(dense.matrix, dense.asymmetry + spread)
