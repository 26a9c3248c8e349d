"""The Hessian by finite differences of values, for a function without derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.curvature.dense import require_memory
from landscape.objective import Completed, HasValue, complete
from landscape.objective.functions import checked_point
from landscape.objective.step import step_of_least_spread

Array = NDArray[np.float64]

BLOCK_BYTES = 64 * 2**20
STEP_FACTOR = 2.0


@dataclass(frozen=True)
class ValueHessian:
    """A Hessian [P, P] from values alone, its step, and the spread between orders 2 and 4 (an estimate)."""

    matrix: Array
    step: float
    spread: float


def hessian_from_values(objective: HasValue, theta: ArrayLike, *, step: float | None = None) -> ValueHessian:
    r"""Take second differences of values, at h and h/2, extrapolated once (Richardson).

    $$H_{ij} \approx \frac{f(+,+) - f(+,-) - f(-,+) + f(-,-)}{4h^2}, \qquad
      H_{ii} \approx \frac{f(+) - 2f + f(-)}{h^2}$$

    The step starts from $\epsilon^{1/4}\max(1,\|\theta\|)$ and moves to where the spread between the
    orders, measured on the diagonal, is least. About 4 P² values, all points of a block at once.

    Raises
    ------
    InputError
        A point that is not finite, or a matrix that does not fit.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> toy = CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, size=2)
    >>> hessian_from_values(toy, [0.0, 0.0]).matrix.round(6).tolist()
    [[0.0, -2.0], [-2.0, 0.0]]
    """
    whole = complete(objective)
    point = checked_point(whole, theta)
    require_memory(point.size)
    if step is None:
        step = chosen_step(whole, point)
    coarse, fine = (second_differences(whole, point, h) for h in (step, step / 2))
    matrix = (4 * fine - coarse) / 3
    return ValueHessian(matrix, step, float(np.linalg.norm(matrix - fine)))


def chosen_step(objective: Completed, point: Array) -> float:
    """Walk from the first step for as long as the spread of the diagonal falls."""

    def spread(step: float) -> float:
        coarse, fine = (diagonal(objective, point, h) for h in (step, step / 2))
        return float(np.linalg.norm(coarse - fine))

    first = objective.epsilon**0.25 * max(1.0, float(np.linalg.norm(point)))
    return step_of_least_spread(spread, first, STEP_FACTOR)[0]


def diagonal(objective: Completed, point: Array, step: float) -> Array:
    """Give second differences along each parameter."""
    size = point.size
    every = np.arange(size)
    ahead = values_at(objective, point, every, every, step, 0.0)
    behind = values_at(objective, point, every, every, -step, 0.0)
    return (ahead - 2 * objective.value(point) + behind) / step**2


def second_differences(objective: Completed, point: Array, step: float) -> Array:
    """Give the whole matrix at one step."""
    size = point.size
    matrix = np.diag(diagonal(objective, point, step))
    rows, columns = np.triu_indices(size, k=1)
    signs = ((step, step, 1.0), (step, -step, -1.0), (-step, step, -1.0), (-step, -step, 1.0))
    mixed = sum(sign * values_at(objective, point, rows, columns, a, b) for a, b, sign in signs)
    matrix[rows, columns] = matrix[columns, rows] = mixed / (4 * step**2)
    return matrix


def values_at(
    objective: Completed,
    point: Array,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    a: float,
    b: float,
) -> Array:
    """Evaluate at θ + a·e_row + b·e_column for each pair, block by block."""
    block = max(1, BLOCK_BYTES // (8 * point.size))
    found = [np.zeros(0)]
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        thetas = np.repeat(point[None], len(rows[part]), axis=0)
        every = np.arange(len(thetas))
        thetas[every, rows[part]] += a
        thetas[every, columns[part]] += b
        found.append(objective.values(thetas))
    return np.concatenate(found)
