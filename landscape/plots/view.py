"""The view of a surface, chosen so that no wall hides the marked points or the basin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Views of a corner: from a side one axis would be lost.
AZIMUTHS = (-60.0, -30.0, -120.0, -150.0, 120.0, 150.0, 60.0, 30.0)
ELEVATIONS = (36.0, 45.0, 55.0)
# Height of the drawing over its longer side.
TALLNESS = 0.7
_STEPS = 60


def best_view(
    heights: np.ndarray, sides: tuple[float, float], points: Sequence[tuple[float, float, float]]
) -> tuple[float, float]:
    """Choose elevation and azimuth, in degrees, for heights [n, m] from 0 to 1 (NaN: a hole).

    As many of `points` (x, y and height, each from 0 to 1) as possible are seen; among such views the
    flattest wins, and of these the one whose near rim is lowest. `sides` are the drawing's along x and y.
    """
    walls = np.where(np.isfinite(heights), heights, 1.0)

    def cost(view: tuple[float, float]) -> tuple[int, float, int]:
        hidden = sum(_is_hidden(walls, sides, point, view) for point in points)
        # Views that hardly differ keep their order: the picture is turned for a reason only.
        return hidden, view[0], round(20 * _near_rim(walls, view[1]))

    return min(((elevation, azimuth) for elevation in ELEVATIONS for azimuth in AZIMUTHS), key=cost)


def _is_hidden(
    heights: np.ndarray,
    sides: tuple[float, float],
    point: tuple[float, float, float],
    view: tuple[float, float],
) -> bool:
    """Say whether the surface is anywhere above the line of sight from a point to the eye."""
    elevation, azimuth = np.radians(view)
    x, y, height = point
    longest = max(sides)
    way = np.linspace(0.05, 1.5, _STEPS) * longest
    along_x = x + way * np.cos(azimuth) / sides[0]
    along_y = y + way * np.sin(azimuth) / sides[1]
    sight = height + way * np.tan(elevation) / (TALLNESS * longest)
    inside = (along_x >= 0) & (along_x <= 1) & (along_y >= 0) & (along_y <= 1)
    i = np.rint(along_x[inside] * (heights.shape[0] - 1)).astype(int)
    j = np.rint(along_y[inside] * (heights.shape[1] - 1)).astype(int)
    return bool(np.any(heights[i, j] > sight[inside] + 0.02))


def _near_rim(heights: np.ndarray, azimuth: float) -> float:
    """Give the mean height of the part of the rim that is nearest to the eye."""
    x, y = np.meshgrid(*(np.linspace(-1, 1, count) for count in heights.shape), indexing="ij")
    rim = np.maximum(np.abs(x), np.abs(y)) > 0.8
    toward = x * np.cos(np.radians(azimuth)) + y * np.sin(np.radians(azimuth))
    return float(heights[rim & (toward > 0.3)].mean())
