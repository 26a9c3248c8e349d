"""The gradient by finite differences of values, for a function without derivatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.objective.step import step_of_least_spread

Array = NDArray[np.float64]

# The step that the search starts from, relative to max(1, |θ|).
VALUE_STEP = 1e-2
STEP_FACTOR = 4.0
LEVELS = 3
# Points of differences in memory at one time, in bytes.
BLOCK_BYTES = 64 * 2**20


class GradientOfValues:
    """Gradients as differences of values along each parameter: central ones, extrapolated to order 6 (Richardson).

    The step is that of least spread between the orders, chosen at the first point and kept. `error` is the length of the last
    gradient's error, as the spread and the rounding of values tell it; NaN before the first.

    Parameters
    ----------
    values
        Rows [K, P] to values [K].
    epsilon
        The unit of rounding of the values.

    Examples
    --------
    >>> slope = GradientOfValues(lambda rows: np.sum(rows**3, axis=1), 2.2e-16)
    >>> slope.at(np.array([1.0, 2.0])).round(9).tolist(), slope.error < 1e-9
    ([3.0, 12.0], True)
    """

    def __init__(self, values: Callable[[Array], Array], epsilon: float) -> None:
        self.values, self.epsilon = values, epsilon
        self.step: float | None = None
        self.error = np.nan

    def at(self, theta: Array) -> Array:
        """Give the gradient at θ [P]."""
        if self.step is None:
            self.step = step_of_least_spread(lambda step: self.spread(theta, step), VALUE_STEP, STEP_FACTOR)[
                0
            ]
        fine, coarse, rounding = self.table(theta, self.step)
        with np.errstate(invalid="ignore", over="ignore"):
            self.error = float(np.linalg.norm(fine - coarse)) + rounding
        return fine

    def spread(self, theta: Array, step: float) -> float:
        """Measure the largest distance between the two highest orders at a step."""
        fine, coarse, _ = self.table(theta, step)
        with np.errstate(invalid="ignore"):
            distance = float(np.abs(fine - coarse).max())
        return distance if np.isfinite(distance) else np.inf

    @np.errstate(over="ignore", invalid="ignore")
    def table(self, theta: Array, step: float) -> tuple[Array, Array, float]:
        """Give the gradient of the highest order, that of the order below, and the rounding error."""
        steps = step * np.maximum(1.0, np.abs(theta))
        row: list[Array] = []
        largest = 0.0
        for level in range(LEVELS):
            ahead, behind = self.beside(theta, steps / 2**level)
            largest = max(largest, float(np.abs(ahead).max()), float(np.abs(behind).max()))
            above, row = row, [(ahead - behind) / (2 * steps / 2**level)]
            for column, entry in enumerate(above, start=1):
                row.append((4**column * row[-1] - entry) / (4**column - 1))
        return row[-1], row[-2], self.epsilon * largest * float(np.linalg.norm(2**LEVELS / steps))

    def beside(self, theta: Array, steps: Array) -> tuple[Array, Array]:
        """Give the values ahead and behind along each parameter, [P] each, block by block."""
        size = theta.size
        block = max(1, BLOCK_BYTES // (16 * size))
        ahead, behind = np.empty(size), np.empty(size)
        for start in range(0, size, block):
            part = slice(start, min(size, start + block))
            moves = np.zeros((part.stop - start, size))
            moves[np.arange(len(moves)), np.arange(start, part.stop)] = steps[part]
            both = self.values(np.concatenate([theta + moves, theta - moves]))
            ahead[part], behind[part] = both[: len(moves)], both[len(moves) :]
        return ahead, behind
