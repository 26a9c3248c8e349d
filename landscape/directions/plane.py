"""The plane through a model and two others."""

from __future__ import annotations

import numpy as np

from landscape.directions.between import between_direction
from landscape.directions.origin import Array, Origin
from landscape.directions.random import dot
from landscape.errors import InputError

Span = tuple[float, float]

# How much room there is around the three, of the plane's extent.
MARGIN = 0.2


def plane_directions(origin: Origin, other: Array, third: Array) -> tuple[Array, tuple[float, float]]:
    r"""Give u = B − A and an orthogonal v of the same length, such that C lies on the plane, with the coordinates of C.

    Raises
    ------
    InputError
        Another number of parameters, the same point, or three points on one line.

    Examples
    --------
    >>> origin = Origin(np.zeros(3))
    >>> vectors, corner = plane_directions(origin, np.array([2.0, 0.0, 0.0]), np.array([1.0, 3.0, 0.0]))
    >>> vectors.tolist(), corner
    ([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]], (0.5, 1.5))
    """
    u, to_third = between_direction(origin, other)[0], between_direction(origin, third)[0]
    length = np.sqrt(dot(u, u))
    along = dot(to_third, u) / dot(u, u)
    across = to_third - along * u
    across = across - (dot(across, u) / dot(u, u)) * u
    size = np.sqrt(dot(across, across))
    if not size > 1e-10 * np.sqrt(dot(to_third, to_third)):
        raise InputError(
            "the three models lie on one line, through which there are many planes: choose --direction between"
        )
    return np.stack([u, across * (length / size)]), (float(along), float(size / length))


def plane_spans(corner: tuple[float, float]) -> tuple[Span, Span]:
    """Give each axis a range that contains A, B and C with a margin, equally wide in both, so that the plane is drawn undistorted.

    >>> plane_spans((0.5, 1.5))
    ((-0.55, 1.55), (-0.3, 1.8))
    """
    lows, highs = (min(0.0, corner[0]), 0.0), (max(1.0, corner[0]), corner[1])
    extent = max(high - low for low, high in zip(lows, highs, strict=True)) * (1.0 + 2.0 * MARGIN)
    middle = [0.5 * (low + high) for low, high in zip(lows, highs, strict=True)]
    first, second = ((float(round(m - extent / 2, 12)), float(round(m + extent / 2, 12))) for m in middle)
    return first, second
