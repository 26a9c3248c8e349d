"""Checks that directions have the norms and angles that they should have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from landscape.directions.normalize import row_norms
from landscape.directions.origin import Array, Origin
from landscape.directions.random import dot


@dataclass(frozen=True)
class DirectionCheck:
    """What was measured on directions as they are used.

    Attributes
    ----------
    lengths
        ‖d‖ of each.
    filter_ratio
        Least and largest ‖row of d‖ / ‖row of θ‖ over all filters of all directions; None without filters.
    cosine
        The cosine between two directions that is largest in magnitude; None for one direction.
    zeroed
        The share of each direction's entries that are zero.
    """

    lengths: tuple[float, ...]
    filter_ratio: tuple[float, float] | None
    cosine: float | None
    zeroed: tuple[float, ...]

    @property
    def filter_deviation(self) -> float | None:
        """The largest relative difference between a row's norm and its filter's."""
        return None if self.filter_ratio is None else max(abs(ratio - 1.0) for ratio in self.filter_ratio)

    def summary(self) -> dict[str, Any]:
        """Lay it out for JSON."""
        return {
            "lengths": list(self.lengths),
            "filter_ratio": None if self.filter_ratio is None else [finite(r) for r in self.filter_ratio],
            "filter_deviation": None if self.filter_deviation is None else finite(self.filter_deviation),
            "cosine": self.cosine,
            "zeroed": list(self.zeroed),
        }


def finite(value: float) -> float | None:
    """Write infinity as JSON can: null."""
    return value if math.isfinite(value) else None


def cosine(a: Array, b: Array) -> float:
    """Measure the cosine of the angle between two vectors.

    Examples
    --------
    >>> cosine(np.array([1.0, 0.0]), np.array([3.0, 4.0]))
    0.6
    """
    unit_a, unit_b = (vector / row_norms(vector[None, :])[0] for vector in (a, b))
    return dot(unit_a, unit_b)


def check_directions(directions: Array, origin: Origin) -> DirectionCheck:
    """Measure directions [d, P] against the filters they start from, and against each other."""
    pairs = [cosine(a, b) for a, b in combinations(directions, 2)]
    return DirectionCheck(
        lengths=tuple(row_norms(directions).tolist()),
        filter_ratio=filter_ratio(directions, origin),
        cosine=max(pairs, key=abs) if pairs else None,
        zeroed=tuple(float(np.mean(direction == 0)) for direction in directions),
    )


def filter_ratio(directions: Array, origin: Origin) -> tuple[float, float] | None:
    """Compare row norms with the filters'; zeros along a filter of zeros are as they should be."""
    least, largest = math.inf, -math.inf
    for tensor in origin.tensors or ():
        if not tensor.has_filters:
            continue
        weights = row_norms(tensor.rows(origin.theta))
        for direction in directions:
            rows = row_norms(tensor.rows(direction))
            there = (rows > 0) | (weights > 0)
            with np.errstate(divide="ignore"):
                ratios = rows[there] / weights[there]
            least, largest = min([least, *ratios.tolist()]), max([largest, *ratios.tolist()])
    return None if largest < least else (least, largest)
