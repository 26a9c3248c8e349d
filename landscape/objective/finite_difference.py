r"""Products of the Hessian from differences of gradients, with the step chosen and the error measured.

Central differences at steps h, h/2, h/4 are one column of Richardson's table; each further column removes
the next even power of h. "central" takes the first entry, "fourth" (order 4) the second, "richardson"
(order 6) the third.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape import streams
from landscape.errors import InputError, did_you_mean
from landscape.objective.functions import checked_point
from landscape.objective.kink_check import KinkCheck, shrink_at_kinks
from landscape.objective.probes import unit_rows
from landscape.objective.protocol import Objective
from landscape.objective.step import step_of_least_spread

Array = NDArray[np.float64]

# How many entries of Richardson's table each order takes.
LEVELS = {"central": 1, "fourth": 2, "richardson": 3}
PROBES = 4
STEP_FACTOR = 4.0
# Vectors whose gradients are in memory at one time: about so many bytes of them.
BLOCK_BYTES = 64 * 2**20


@dataclass
class Seen:
    """Errors of all products so far: the largest spread, and the vectors whose stencil crossed a kink.

    `spread` is for unit vectors. Of the `crossed`, `cured` did so no more with a smaller step.
    """

    spread: float = 0.0
    crossed: int = 0
    cured: int = 0


class FiniteDifference:
    r"""Products of the Hessian at θ by differences of an objective's gradient.

    $$Hv \approx \frac{g(\theta + hv) - g(\theta - hv)}{2h}, \qquad \|v\| = 1$$

    The step starts from $\epsilon^{1/3}\max(1, \|\theta\|)$ and moves to where the spread between orders,
    measured on random vectors, is least. The spread is an estimate of the error; a bound of it only where
    no kink was crossed.

    Parameters
    ----------
    objective
        With gradients, its own or those that `landscape.complete` makes.
    theta
        The point, [P].
    order
        "central", "fourth" or "richardson": 2, 4 or 6 gradients a product.
    step
        h; chosen if not given.
    seed
        Of the vectors on which the step is chosen.

    Raises
    ------
    InputError
        A point that is not finite, an unknown order, a step that is not positive, or an objective that has no gradient.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> quartic = CallableObjective(lambda x: float(np.sum(x**4)), lambda x: 4 * x**3, size=2)
    >>> difference = FiniteDifference(quartic, [1.0, 2.0])
    >>> bool(np.allclose(difference.products(np.eye(2)), np.diag([12.0, 48.0]), rtol=1e-8))
    True
    """

    def __init__(
        self,
        objective: Objective,
        theta: ArrayLike,
        *,
        order: str = "fourth",
        step: float | None = None,
        seed: int = 0,
    ) -> None:
        if order not in LEVELS:
            raise InputError(
                f"unknown order '{order}': choose {', '.join(LEVELS)}{did_you_mean(order, LEVELS)}"
            )
        if step is not None and not step > 0:
            raise InputError(f"step: expected a positive number, found {step}")
        self.objective, self.order, self.levels = objective, order, LEVELS[order]
        self.theta = checked_point(objective, theta)
        self.epsilon = float(np.finfo(np.dtype(objective.dtype)).eps)
        self.kinks = KinkCheck(objective, self.theta)
        self.seen = Seen()
        self.probe_spread = 0.0
        self.step = self.chosen_step(seed) if step is None else self.given_step(float(step), seed)

    @property
    def first_step(self) -> float:
        """The step that the search starts from."""
        return float(self.epsilon ** (1 / 3) * max(1.0, float(np.linalg.norm(self.theta))))

    def chosen_step(self, seed: int) -> float:
        """Walk from the first step, up or down, for as long as the spread on random vectors falls."""
        units = unit_rows(seed, streams.STEPS[0], PROBES, self.theta.size)

        def spread(step: float) -> float:
            return self.spread_at(units, step)

        best, self.probe_spread = step_of_least_spread(spread, self.first_step, STEP_FACTOR)
        return best

    def given_step(self, step: float, seed: int) -> float:
        """Take a step as given, and measure its spread."""
        self.probe_spread = self.spread_at(unit_rows(seed, streams.STEPS[0], PROBES, self.theta.size), step)
        return step

    def spread_at(self, units: Array, step: float) -> float:
        """Measure the largest spread over unit vectors at a step; for "central", the distance to the next higher order."""
        result, coarse = self.table(units, np.full(len(units), step), max(2, self.levels))
        return float(np.linalg.norm(result - coarse, axis=1).max())

    def central(self, units: Array, steps: Array) -> Array:
        """Give central differences along unit vectors [K, P] at steps [K]."""
        moves = steps[:, None] * units
        both = self.objective.gradients(np.concatenate([self.theta + moves, self.theta - moves]))
        return (both[: len(units)] - both[len(units) :]) / (2 * steps[:, None])

    def table(self, units: Array, steps: Array, levels: int) -> tuple[Array, Array]:
        """Give the last entry of Richardson's table, and the one of the order below from the coarser steps.

        Their distance exceeds the error of the first: by orders where truncation rules, by a little where
        rounding does. With one level both are the same.
        """
        row: list[Array] = []
        result = coarse = np.zeros(0)
        for level in range(levels):
            above, row = row, [self.central(units, steps / 2**level)]
            for column, entry in enumerate(above, start=1):
                row.append((4**column * row[-1] - entry) / (4**column - 1))
            result, coarse = row[-1], above[-1] if above else row[-1]
        return result, coarse

    def products(self, vectors: ArrayLike) -> Array:
        """Give H v for each row of vectors [K, P], and note spreads and kinks in `seen`."""
        rows = np.atleast_2d(np.asarray(vectors, np.float64))
        block = max(1, BLOCK_BYTES // (16 * self.theta.size))
        parts = [self.block_products(rows[start : start + block]) for start in range(0, len(rows), block)]
        return np.concatenate(parts)

    def block_products(self, rows: Array) -> Array:
        """Give the products of as many vectors at a time as fit into memory."""
        lengths = np.linalg.norm(rows, axis=1)
        units = rows / np.where(lengths > 0, lengths, 1.0)[:, None]
        steps, crossed, cured = shrink_at_kinks(self.kinks, units, self.step)
        result, coarse = self.table(units, steps, self.levels)
        spread = self.probe_spread
        if self.levels > 1:
            spread = float(np.linalg.norm(result - coarse, axis=1).max())
        # θ ± hv is rounded too: of that, equal orders know nothing.
        rounding = self.epsilon * max(1.0, float(np.abs(self.theta).max())) / steps
        rounded = float((rounding * np.linalg.norm(result, axis=1)).max())
        self.seen.spread = max(self.seen.spread, spread, rounded)
        self.seen.crossed += crossed
        self.seen.cured += cured
        return lengths[:, None] * result
