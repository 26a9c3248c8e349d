"""Both descents from a saddle: in which minimum each ends, and whether the loss ever rises above the saddle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.connection.descents import NO_BARRIER, descend_from, descent, height_between
from landscape.objective import Completed

Array = NDArray[np.float64]

# The first step off the saddle, of the distance between the minima, and how often it is doubled until the loss falls by more than rounding.
OFF, DOUBLINGS, FALLS = 1e-4, 12, 1e-12
# Steps along the gradient before L-BFGS ends the descent, how long one is at most, of the same distance, and how much the next may be longer.
SLIDES, LONGEST, LONGER = 200, 0.02, 1.5
# Places on each piece of a way down that are looked at.
INSIDE = 4
# Two ends are one minimum where they lie within this part of the distance between the minima.
NEAR = 1e-3


def sides_of(
    objective: Completed, saddle: Array, vector: Array, minima: Array,
    turned: Callable[[Array, Array], Array] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Go down both ways from a saddle [P] along its eigenvector, and say which of two minima [2, P] each way comes to.

    The minima are taken down to the end too, since training stops before it. An end is that of a minimum where both lie together, or where the
    straight way between them does not rise by more than a thousandth of the saddle's height above the lower; it is no one's otherwise.

    Parameters
    ----------
    turned
        From two points [P] to the second with the units of a network in the order in which it is most like the first. An end that is no one's may be
        a minimum's own with its units in another order, the same function.

    Returns
    -------
    list
        Of each way `to`, 0 or 1, None where it is neither; `reordered`, whether it is that one with its units in another order; `loss`, at its end;
        `distance`, from the end to that minimum's, or to the nearer one's; `highest`, the highest loss on the way to the end and on to the
        minimum, which is the saddle's own where the way proves what it should.

    Examples
    --------
    >>> from landscape.objective import CallableObjective, complete
    >>> toy = complete(CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, lambda w: -2 * (1 - w[0] * w[1]) * w[::-1], size=2))
    >>> found = sides_of(toy, np.zeros(2), np.sqrt([0.5, 0.5]), np.array([[-1.0, -1.0], [1.0, 1.0]]))
    >>> [(way["to"], way["highest"]) for way in found]
    [(1, 1.0), (0, 1.0)]
    """
    apart = float(np.linalg.norm(minima[1] - minima[0]))
    top = float(objective.value(saddle))
    ends = [descend_from(objective, theta) for theta in minima]
    least = NO_BARRIER * max(top - min(end["loss"] for end in ends), 0.0)
    found = []
    for sign in (1.0, -1.0):
        theta, highest = slid(objective, saddle, sign * vector, apart)
        theta, higher = settled(objective, theta)
        loss = float(objective.value(theta))
        distances = [float(np.linalg.norm(theta - end["theta"])) for end in ends]
        ways = [height_between(objective, theta, end["theta"]) for end in ends]
        fits = [
            k for k in (0, 1) if distances[k] <= NEAR * apart or ways[k] - max(loss, ends[k]["loss"]) <= least
        ]
        # Where both fit, the nearer one.
        to = min(fits, key=lambda k: distances[k]) if fits else None
        whole = max(highest, higher, -np.inf if to is None else ways[to])
        reordered = False
        if to is None and turned is not None:
            apart_turned = [float(np.linalg.norm(turned(end["theta"], theta) - end["theta"])) for end in ends]
            nearer = int(np.argmin(apart_turned))
            if apart_turned[nearer] <= NEAR * apart:
                to, reordered = nearer, True
        distance = min(distances) if to is None else distances[to]
        found.append({"to": to, "reordered": reordered, "loss": loss, "distance": distance, "highest": whole})
    return found


def slid(objective: Completed, saddle: Array, direction: Array, apart: float) -> tuple[Array, float]:
    """Go down from a saddle, a step off it and then short steps along the gradient that lower the loss; where that ends, and the highest loss on it."""
    top, step = float(objective.value(saddle)), OFF * apart
    for _ in range(DOUBLINGS):
        if float(objective.value(saddle + step * direction)) < top - FALLS * abs(top):
            break
        step *= 2.0
    point, length = saddle + step * direction, step
    highest = height_between(objective, saddle, point)
    loss, gradient = objective.value_and_gradient(point)
    for _ in range(SLIDES):
        norm = float(np.linalg.norm(gradient))
        if norm == 0.0 or length < OFF * OFF * apart:
            break
        trial = point - length / norm * gradient
        there, slope = objective.value_and_gradient(trial)
        if there < loss:
            highest = max(highest, highest_inside(objective, point, trial))
            point, loss, gradient, length = trial, there, slope, min(LONGER * length, LONGEST * apart)
        else:
            length *= 0.5
    return point, highest


def settled(objective: Completed, start: Array) -> tuple[Array, float]:
    """Descend by L-BFGS to the end; the end, and the highest loss on the straight ways from each iterate to the next."""
    last, highest = start, float(objective.value(start))

    def seen(theta: Array) -> None:
        nonlocal last, highest
        highest, last = max(highest, highest_inside(objective, last, theta)), np.array(theta)

    found = descent(objective, start, seen)
    return np.asarray(found.x, np.float64), highest


def highest_inside(objective: Completed, one: Array, other: Array) -> float:
    """Give the highest value at a few places between two points and at the second."""
    share = np.linspace(0.0, 1.0, INSIDE + 1)[1:, None]
    return float(np.max(objective.values(one + share * (other - one))))
