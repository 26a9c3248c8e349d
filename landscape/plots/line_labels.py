"""Numbers on contour lines, each where it is farthest from everything else, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from numpy.typing import ArrayLike

from landscape.plots.style import figure_of

# Of the font's size: the width of a digit.
DIGIT = 0.62
# What must be free around a label's middle line.
AIR = 0.75
CANDIDATES = 40
# Pieces of a line that are tried, the longest ones.
LONGEST = 4

Point = tuple[float, float]


def label_lines(
    ax: Axes,
    contours: QuadContourSet,
    texts: Sequence[str],
    colors: Sequence[str],
    size: float,
    avoid: Sequence[Point] = (),
    holes: np.ndarray | None = None,
) -> list[Point]:
    """Write each line's height on it once, where there is room; give the places in data coordinates.

    A label keeps clear of all other lines, of labels written before, of the points in `avoid`, of the
    `holes` [n, 2] in the map (both in data coordinates) and of the frame. A line without such a place gets
    none: the colour bar has its number.
    """
    points_per_pixel = 72.0 / figure_of(ax).dpi

    def to_points(at: ArrayLike) -> np.ndarray:
        return np.asarray(ax.transData.transform(np.asarray(at))) * points_per_pixel

    lines = [[to_points(s) for s in segments if len(s) > 2] for segments in contours.allsegs]
    frame = np.asarray(ax.get_window_extent().get_points()) * points_per_pixel
    taken = [to_points(point) for point in avoid]
    missing = to_points(holes) if holes is not None and len(holes) else np.empty((0, 2))
    places: list[Point] = []
    for index in _widest_first(lines):
        width = DIGIT * size * _letters(texts[index])
        others = [missing, *(_dense(s, 2.0) for i, near in enumerate(lines) if i != index for s in near)]
        place = _best_place(lines[index], others, taken, frame, (width, size))
        if place is None:
            continue
        taken.append(place)
        x, y = ax.transData.inverted().transform(place / points_per_pixel)
        places.append((float(x), float(y)))
    if places:
        _write(contours, texts, colors, size, places)
    return places


def _write(
    contours: QuadContourSet, texts: Sequence[str], colors: Sequence[str], size: float, places: list[Point]
) -> None:
    """Write at each place the text of the line that runs through it, and open the line for it."""
    levels = np.asarray(contours.levels).tolist()
    contours.clabel(
        levels,
        fmt=dict(zip(levels, texts, strict=True)),
        colors=list(colors),
        fontsize=size,
        inline=True,
        inline_spacing=1.5,
        manual=places,
    )


def _letters(text: str) -> float:
    """Count what is seen of a text: of a formula the letters, and exponents are small."""
    if not text.startswith("$"):
        return len(text)
    base, _, exponent = text.strip("$").partition("^")
    return len(base) + 0.7 * len(exponent.strip("{}"))


def _widest_first(lines: list[list[np.ndarray]]) -> list[int]:
    """Order lines so that the outermost ends get their labels before those between them."""
    order, low, high = [], 0, len(lines) - 1
    while low <= high:
        order += [low] if low == high else [low, high]
        low, high = low + 1, high - 1
    return order


def _best_place(
    segments: list[np.ndarray],
    others: list[np.ndarray],
    taken: list[np.ndarray],
    frame: np.ndarray,
    label: tuple[float, float],
) -> np.ndarray | None:
    """Find the place on a line with the most air, None if there is not enough."""
    width, _ = label
    obstacles = np.concatenate(others)
    best, best_air = None, 0.0
    longest = sorted(segments, key=len, reverse=True)[:LONGEST]
    for segment in longest:
        path = _dense(segment, 1.0)
        reach = int(np.ceil(width / 2))
        if len(path) < 2 * reach + 3:
            continue
        for middle in np.unique(np.linspace(reach, len(path) - 1 - reach, CANDIDATES).astype(int)):
            under = path[middle - reach : middle + reach + 1]
            air = _air(under, obstacles, taken, frame, label)
            if air > best_air:
                best, best_air = path[middle], air
    return best


def _air(
    under: np.ndarray,
    obstacles: np.ndarray,
    taken: list[np.ndarray],
    frame: np.ndarray,
    label: tuple[float, float],
) -> float:
    """Measure how free a label would be, in points; 0 where it may not stand."""
    width, size = label
    middle = under[len(under) // 2]
    half = np.array([width / 2 + 2, width / 2 + 2])
    if np.any(middle - half < frame[0]) or np.any(middle + half > frame[1]):
        return 0.0
    chord = under[-1] - under[0]
    length = np.hypot(*chord)
    if length < 0.8 * width:
        return 0.0
    normal = np.array([-chord[1], chord[0]]) / length
    bend = np.abs((under - under[0]) @ normal).max()
    if bend > 0.35 * size:
        return 0.0
    for point in taken:
        if np.hypot(*(middle - point)) < width + size:
            return 0.0
    near = under[:: max(1, len(under) // 6)]
    air = 4 * size
    if len(obstacles):
        gaps = np.hypot(*(near[:, None, :] - obstacles[None, :, :]).transpose(2, 0, 1))
        air = min(air, float(gaps.min()))
    if air < AIR * size:
        return 0.0
    level = abs(chord[0]) / length  # a label that lies is read more easily than one that stands
    return (air - 2 * bend) * (0.6 + 0.4 * level)


def _dense(segment: np.ndarray, step: float) -> np.ndarray:
    """Put points along a line, `step` points apart."""
    lengths = np.hypot(*np.diff(segment, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    count = max(2, int(along[-1] / step) + 1)
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, segment[:, 0]), np.interp(at, along, segment[:, 1])], axis=1)
