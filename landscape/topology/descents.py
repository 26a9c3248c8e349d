"""Whether basins of a slice are distinct minima of the whole function: descents from their lowest points, and the paths between the ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from landscape.connection import relax
from landscape.connection.descents import NO_BARRIER, descend_from, height_between
from landscape.connection.saddles import tree_of
from landscape.errors import ComputationError, InputError
from landscape.objective import Completed
from landscape.records import Scan

Array = NDArray[np.float64]

# Points of a band at the start, the most steps of each of its cycles, and points looked at in each of its pieces.
PIVOTS, CYCLES, LOOKED = 9, (40, 40, 60), 5

Once = Callable[[str, Callable[[], dict[str, np.ndarray]]], dict[str, np.ndarray]]


def height_over(objective: Completed, one: Array, other: Array) -> float:
    """Return the highest value on an elastic band relaxed from the straight line; NaN if none was found.

    It is a way, so the lowest pass is no higher; a lower one may be found from another start.

    >>> from landscape.objective import CallableObjective, complete
    >>> hill = CallableObjective(lambda x: float((x[0]**2 + (x[1] - 0.2)**2 - 1)**2), size=2)
    >>> ends = np.array([-1.0, 0.2]), np.array([1.0, 0.2001])
    >>> height_between(complete(hill), *ends) > 0.9, height_over(complete(hill), *ends) < 0.1
    (True, True)
    """

    def sloped(points: Array, places: Array) -> tuple[Array, Array]:
        return valued(points, places), np.stack(
            [np.asarray(objective.gradient(row), np.float64) for row in points]
        )

    def valued(points: Array, places: Array) -> Array:
        return np.asarray(objective.values(points), np.float64)

    chain = one + np.linspace(0.0, 1.0, PIVOTS)[:, None] * (other - one)
    try:
        band = relax(
            sloped, valued, chain, valued(np.stack([one, other]), np.array([0.0, 1.0])), cycles=CYCLES
        )
    except (ComputationError, InputError):
        return float("nan")
    inner = np.linspace(0.0, 1.0, LOOKED)[:-1, None, None]
    between = (band.points[:-1] + inner * np.diff(band.points, axis=0)).reshape(-1, one.size)
    return float(max(np.max(objective.values(between)), band.values[-1]))


def passes_to_look_at(numbers: np.ndarray, between: Array) -> list[tuple[int, int]]:
    """Give the pairs of ends, one for each branch of the tree of lowest straight ways between distinct minima.

    >>> passes_to_look_at(np.array([0, 0, 2]), np.array([[0.0, 0.1, 3.0], [0.1, 0.0, 2.0], [3.0, 2.0, 0.0]]))
    [(1, 2)]
    """
    names = np.unique(numbers).tolist()
    lowest: dict[tuple[int, int], tuple[float, int, int]] = {}
    for i in range(len(numbers)):
        for j in range(i + 1, len(numbers)):
            a, b = sorted((names.index(numbers[i]), names.index(numbers[j])))
            if a != b:
                lowest[(a, b)] = min(lowest.get((a, b), (np.inf, 0, 0)), (float(between[i, j]), i, j))
    tree = tree_of(len(names), {pair: height for pair, (height, _, _) in lowest.items()})
    return [lowest[(a, b)][1:] for a, b, _ in tree]


def distinct_minima(between: np.ndarray, loss: np.ndarray, rise: float | np.ndarray) -> NDArray[np.int64]:
    """Number the minima: two ends are one where the lowest way that is known between them does not rise above the higher by more than `rise`.

    Only such a way is evidence: a way that rises says nothing of others.

    >>> distinct_minima(np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2), 0.5).tolist()
    [0, 1]
    """
    higher = np.maximum(loss[:, None], loss[None])
    near = between - higher <= rise
    number = np.arange(loss.size)
    for _ in range(loss.size):
        number = np.array([number[near[i]].min() for i in range(loss.size)])
    return number.astype(np.int64)


def verify_basins(
    scan: Scan,
    places: np.ndarray,
    objective: Completed,
    once: Once,
    progress: Callable[[float, str], object],
) -> dict[str, np.ndarray]:
    """Descend from each place of the grid in the whole space, and compare the ends.

    Parameters
    ----------
    scan
        Where the places lie: center + Σ αᵢ directions[i].
    places
        [b], in the flat grid.
    objective
        Its value and gradient.
    once
        Keeps a finished descent under a name, or gives the one that is kept.
    progress
        Called with the share that is done, and the same in words.

    Returns
    -------
    dict
        `loss`, `gradient_norm`, `converged`, `minimum` [b]; `distance` and `between` [b, b], the length and the height of the straight
        ways between the ends; `way` [b, b], the height of bent ones, NaN where none was looked for.
    """
    ends = []
    for number, place in enumerate(places):
        progress(number / (len(places) + 1), f"{number} of {len(places)} descents")
        at = [axis[i] for axis, i in zip(scan.axes, np.unravel_index(int(place), scan.shape), strict=True)]
        start = np.asarray(scan.center, np.float64) + np.array(at) @ np.asarray(scan.directions, np.float64)
        ends.append(once(f"descent {number}", partial(_descent, objective, start)))
    loss = np.array([float(end["loss"]) for end in ends])
    thetas = np.stack([end["theta"] for end in ends])
    between, distance = np.diag(loss), np.zeros((len(ends), len(ends)))
    for i in range(len(ends)):
        for j in range(i):
            between[i, j] = between[j, i] = height_between(objective, thetas[i], thetas[j])
            distance[i, j] = distance[j, i] = np.linalg.norm(thetas[i] - thetas[j])
    removed = max(float(end["before"]) - float(end["loss"]) for end in ends)
    rise = NO_BARRIER * max(removed, 0.0) + 1e-9 * float(np.abs(loss).max())
    way = np.full(between.shape, np.nan)
    pairs = passes_to_look_at(distinct_minima(between, loss, rise), between)
    for number, (i, j) in enumerate(pairs):
        progress(
            (len(places) + number / len(pairs)) / (len(places) + 1),
            f"{number} of {len(pairs)} ways between minima",
        )
        found = once(f"way {i}-{j}", partial(_height, objective, thetas[i], thetas[j]))
        way[i, j] = way[j, i] = float(found["height"])
    progress(1.0, f"{len(places)} of {len(places)} descents")
    return {
        "loss": loss, "distance": distance, "between": between, "way": way,
        "gradient_norm": np.array([float(end["gradient_norm"]) for end in ends]),
        "converged": np.array([bool(end["converged"]) for end in ends]),
        "minimum": distinct_minima(np.fmin(between, way), loss, np.fmax(rise, NO_BARRIER * (between - np.maximum(loss[:, None], loss)))),
    }  # fmt: skip


def _height(objective: Completed, one: Array, other: Array) -> dict[str, np.ndarray]:
    return {"height": np.array(height_over(objective, one, other))}


def _descent(objective: Completed, start: Array) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in descend_from(objective, start).items()}
