"""Projections of a path on a plane: coordinates, shares of the variance, and distances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.objective.session import session

Array = NDArray[np.float64]
Span = tuple[float, float]

# How much of the path's extent is left free on either side.
MARGIN = 0.15


@dataclass(frozen=True)
class Projection:
    """Coordinates [K, d] of points along directions, lengths [K] out of their span, shares [d] of the squares."""

    coordinates: Array
    distance: Array
    captured: Array


def project(points: ArrayLike, center: ArrayLike, directions: ArrayLike) -> Projection:
    """Project points [K, P] orthogonally onto center + span of directions [d, P].

    The coordinates c minimize ‖point − center − Σ cᵢ dᵢ‖, for directions of any angle and length. The shares
    of Σ ‖point − center‖² are those of d₁, of what d₂ adds, and so on; they are 0 where all points are the
    center.

    Examples
    --------
    >>> found = project([[3.0, 4.0, 12.0]], np.zeros(3), [[1.0, 0.0, 0.0], [1.0, 2.0, 0.0]])
    >>> found.coordinates.round(12).tolist(), found.distance.round(12).tolist()
    ([[1.0, 2.0]], [12.0])
    >>> (169 * found.captured).round(9).tolist()
    [9.0, 16.0]
    """
    offsets = np.atleast_2d(np.asarray(points, np.float64)) - np.asarray(center, np.float64)
    rows = np.asarray(directions, np.float64)
    # BLAS has one thread in a session, so that the bits are the same however many the process may use.
    with session():
        basis, triangle = np.linalg.qr(rows.T)
        along = offsets @ basis
        coordinates = np.linalg.solve(triangle, along.T).T
        distance = np.linalg.norm(offsets - along @ basis.T, axis=1)
    total = float(np.sum(offsets**2))
    captured = np.sum(along**2, axis=0) / total if total > 0 else np.zeros(len(rows))
    return Projection(coordinates, distance, captured)


def spans_around(coordinates: Array) -> list[Span]:
    """Give each axis a range that shows all points and the center, with a margin.

    Examples
    --------
    >>> spans_around(np.array([[2.0, 0.0], [1.0, 0.0]]))
    [(-0.3, 2.3), (-1.0, 1.0)]
    """
    low = np.minimum(coordinates.min(axis=0), 0.0)
    high = np.maximum(coordinates.max(axis=0), 0.0)
    margin = MARGIN * (high - low)
    return [
        (float(a - m), float(b + m)) if b > a else (-1.0, 1.0)
        for a, b, m in zip(low, high, margin, strict=True)
    ]
