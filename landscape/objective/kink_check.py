"""Detect finite differences that cross a kink by the pattern of active units, and repeat them with a smaller step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.objective.kinds import as_network
from landscape.objective.patterns import KinkPatterns
from landscape.objective.protocol import HasValue
from landscape.objective.units import crossings

Array = NDArray[np.float64]

SHRINK = 4.0
# Below this part of the step rounding would cost more digits than a kink's neighbourhood is worth.
MOST_SHRINKS = 6
# Stencils that are looked into for the units they cross, and units that are named.
MOST_LEFT, MOST_NAMED = 8, 12


class KinkCheck:
    """Whether a stencil's ends lie on one smooth piece; `there` is False where there are no kinks.

    Only networks are looked into: of other functions nothing is known, and `there` is False too.
    """

    def __init__(self, objective: HasValue, theta: Array) -> None:
        self.theta = theta
        network = as_network(objective)
        self.patterns = None if network is None else KinkPatterns(network)
        self.there = self.patterns is not None and self.patterns.there
        self.left: list[Array] = []

    def crosses(self, move: Array) -> bool:
        """Say whether a unit's sign differs between θ + move and θ − move."""
        if self.patterns is None or not self.there:
            return False
        ahead, behind = self.patterns.at(self.theta + move), self.patterns.at(self.theta - move)
        return not np.array_equal(ahead, behind)

    def leave(self, move: Array) -> None:
        """Note a stencil that crosses a kink at every step size."""
        if len(self.left) < MOST_LEFT:
            self.left.append(move)

    def units(self) -> list[str]:
        """Name the units whose kinks the remembered stencils cross, those of the most examples first."""
        if self.patterns is None or not self.left:
            return []
        ends = [self.theta + sign * move for move in self.left for sign in (1, -1)]
        found = crossings(self.patterns.objective, self.theta, np.stack(ends))
        return [f"{crossing.node} unit {crossing.unit}" for crossing in found[:MOST_NAMED]]


def shrink_at_kinks(check: KinkCheck, units: Array, step: float) -> tuple[Array, int, int]:
    """Give each unit vector [K, P] its step: smaller where that avoids a kink; count those crossed and cured.

    Where no step does, the first one stays: a jump divided by a smaller step would be a larger error.
    """
    steps = np.full(len(units), step)
    if not check.there:
        return steps, 0, 0
    crossed = [k for k, unit in enumerate(units) if check.crosses(step * unit)]
    cured = 0
    for k in crossed:
        for power in range(1, MOST_SHRINKS + 1):
            smaller = step / SHRINK**power
            if not check.crosses(smaller * units[k]):
                steps[k] = smaller
                cured += 1
                break
        else:
            check.leave(step * units[k])
    return steps, len(crossed), cured
