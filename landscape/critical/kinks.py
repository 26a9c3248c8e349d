"""Kinks at or near a point, found by the jump of the gradient, with the units that cause them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape import streams
from landscape.curvature import hessian_operator
from landscape.objective import Completed, NetworkObjective, as_network
from landscape.objective.patterns import KINKED, KinkPatterns
from landscape.objective.probes import unit_rows
from landscape.objective.units import Crossing, crossings, unit_ranges

Array = NDArray[np.float64]

PROBES = 3
# A jump of the gradient over ±h that is still this part of it over ±h/16 is no curvature's.
NEAR, SMALLER, KEPT = 1e-5, 1 / 16, 0.5
# And it must exceed what rounding makes of a gradient of the size met there.
BEYOND_ROUNDING = 1e4
# One-sided slopes: lengths relative to max(1, ‖θ‖); a slope is one where both agree to this.
SIDES = (1e-4, 1e-5)
AGREE = 0.1
MOST_AXES = 64


@dataclass(frozen=True)
class Kinks:
    """Whether the gradient jumps at the point, or the Hessian alone (`bent`), the units that cause it, and the one-sided slopes.

    `units` are those within reach: on it, or crossed by the remaining Newton step or the escape. `slope` is the lowest one-sided
    slope found at a kink, along `direction`; `all_rise` that every direction there is was tried (P = 1) and rises.
    """

    on: bool
    units: tuple[Crossing, ...]
    slope: float = 0.0
    direction: Array | None = None
    all_rise: bool = False
    bent: bool = False


def look_for_kinks(derivatives: Completed, theta: Array, reached: Array) -> Kinks:
    """Compare the gradient on both sides of θ [P], and find the units that switch between θ and the points reached [K, P]."""
    network = as_network(derivatives)
    there = True
    units: tuple[Crossing, ...] = ()
    if network is not None:
        there = KinkPatterns(network).there
        if there and any(node.op in KINKED for node in network.model.nodes):
            units = (*at_kink(network, theta), *crossings(network, theta, reached))
            names = {(unit.node, unit.unit): unit for unit in reversed(units)}
            units = tuple(dict.fromkeys(names[unit.node, unit.unit] for unit in units))
    if not there:
        return Kinks(False, units)
    if not jumps(derivatives, theta):
        return Kinks(False, units, bent=bends(derivatives, theta))
    slope, direction, all_rise = one_sided(derivatives, theta)
    return Kinks(True, units, slope, direction, all_rise)


def at_kink(objective: NetworkObjective, theta: Array) -> list[Crossing]:
    """Name the units whose pre-activation is at their kink for some example."""
    return [
        Crossing(found.node, int(unit), int(found.near[unit]))
        for found in unit_ranges(objective, theta)
        for unit in np.flatnonzero(found.near)
    ]


def jumps(derivatives: Completed, theta: Array) -> bool:
    """Say whether the gradient jumps across θ along random directions at every step size."""
    units = unit_rows(derivatives.seed, streams.KINKS[0], PROBES, theta.size)
    scale = max(1.0, float(np.linalg.norm(theta)))
    if not derivatives.exact_gradient:
        return values_jump(derivatives, theta, units, scale)

    def beside(step: float) -> Array:
        return derivatives.gradients(np.concatenate([theta + step * units, theta - step * units]))

    return stays(derivatives, beside, scale)


def bends(derivatives: Completed, theta: Array) -> bool:
    """Say the same of the Hessian's products with these directions, where they are exact."""
    units = unit_rows(derivatives.seed, streams.KINKS[0], PROBES, theta.size)

    def beside(step: float) -> Array:
        rows = [
            hessian_operator(derivatives, theta + sign * step * unit).rows(unit[None])
            for sign in (1, -1)
            for unit in units
        ]
        return np.concatenate(rows)

    return derivatives.exact and stays(derivatives, beside, max(1.0, float(np.linalg.norm(theta))))


def stays(derivatives: Completed, beside: Callable[[float], Array], scale: float) -> bool:
    """Say whether the difference of vectors [2·PROBES, P] ahead and behind persists at a smaller step."""
    sizes, largest = [], float(np.finfo(np.float64).tiny)
    for step in (NEAR * scale, NEAR * SMALLER * scale):
        both = beside(step)
        sizes.append(np.linalg.norm(both[:PROBES] - both[PROBES:], axis=1))
        largest = max(largest, float(np.linalg.norm(both, axis=1).max()))
    floor = BEYOND_ROUNDING * derivatives.epsilon * largest
    return bool(np.any((sizes[1] > KEPT * sizes[0]) & (sizes[1] > floor)))


def values_jump(derivatives: Completed, theta: Array, units: Array, scale: float) -> bool:
    """Say the same from values: the second difference over h is h² where smooth and h across a kink."""
    here = derivatives.value(theta)
    sizes = []
    for step in (SIDES[0] * scale, SIDES[0] * SMALLER * scale):
        both = derivatives.values(np.concatenate([theta + step * units, theta - step * units]))
        sizes.append(np.abs(both[:PROBES] + both[PROBES:] - 2 * here) / step)
    floor = BEYOND_ROUNDING * derivatives.epsilon * max(1.0, abs(here))
    return bool(np.any((sizes[1] > KEPT * sizes[0]) & (sizes[1] > floor)))


def one_sided(derivatives: Completed, theta: Array) -> tuple[float, Array | None, bool]:
    """Give the lowest one-sided slope beyond its error with its direction, and whether the loss rises in all directions.

    Tried are the parameters' axes, both ways, random directions, and the gradients seen beside the point.
    """
    tried = directions(derivatives, theta)
    scale = max(1.0, float(np.linalg.norm(theta)))
    here = derivatives.value(theta)
    slopes = np.array(
        [(derivatives.values(theta + side * scale * tried) - here) / (side * scale) for side in SIDES]
    )
    rounding = 64 * derivatives.epsilon * max(abs(here), 1e-3) / (SIDES[-1] * scale)
    certain = (np.abs(slopes[0] - slopes[1]) <= AGREE * np.abs(slopes[1])) & (np.abs(slopes[1]) > rounding)
    falling = np.where(certain, slopes[1], np.inf)
    lowest = int(np.argmin(falling))
    if np.isfinite(falling[lowest]) and falling[lowest] < 0:
        return float(falling[lowest]), tried[lowest], False
    return 0.0, None, bool(theta.size == 1 and np.all(certain) and np.all(slopes[1] > 0))


def directions(derivatives: Completed, theta: Array) -> Array:
    """Give unit vectors [k, P] to try at a kink."""
    size = theta.size
    units = unit_rows(derivatives.seed, streams.KINKS[1], PROBES, size)
    parts: list[Any] = [units, -units]
    if size <= MOST_AXES:
        parts += [np.eye(size), -np.eye(size)]
    beside = theta + NEAR * max(1.0, float(np.linalg.norm(theta))) * np.concatenate([units, -units])
    gradients = derivatives.gradients(beside)
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    known = gradients[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
    parts += [known, -known]
    return np.concatenate(parts)
