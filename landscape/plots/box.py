"""The box around a surface: its place in a figure, limits, ticks, names of its axes, and the colour bar beside it."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D

from landscape.plots.contours import equal_units
from landscape.plots.field import Field
from landscape.plots.heights import Heights
from landscape.plots.levels import Levels
from landscape.plots.look import chosen
from landscape.plots.scale import LETTER, draw_scale, scale_label
from landscape.plots.style import figure_of
from landscape.plots.view import TALLNESS
from landscape.plots.words import GREEK, distinct, quantity_label, quantity_name, short

# Inches: what the heights' numbers and their name need on the left, the colour bar and its on the right.
LEFT, RIGHT = 0.42, 0.8
BAR, TICK_AND_NAME, LINE = 0.09, 0.32, 0.13
# Boxes narrower than this have room for few numbers.
NARROW = 1.5
ZOOM = 1.02
# Beyond such coordinates, and below their inverse, a plane is drawn in units of its own.
FARTHEST = 1e30


def scales_of(field: Field) -> tuple[float, ...]:
    """Return what each axis is divided by: 1, or its end where matplotlib's projection would overflow or vanish."""
    ends = [max(abs(axis[0]), abs(axis[-1])) for axis in field.coordinates]
    return tuple(float(end) if not 1 / FARTHEST < end < FARTHEST else 1.0 for end in ends)


def in_depth(field: Field) -> tuple[np.ndarray, ...]:
    """Return the coordinates in which a surface is drawn."""
    return tuple(axis / scale for axis, scale in zip(field.coordinates, scales_of(field), strict=True))


def sides_of(field: Field) -> tuple[float, float]:
    """Return how long the box is along each axis, in any unit."""
    x, y = in_depth(field)
    return (float(np.ptp(x)), float(np.ptp(y))) if equal_units(field) else (1.0, 1.0)


def frame_box(ax: Axes3D, field: Field, heights: Heights, levels: Levels) -> None:
    """Set limits, names and ticks."""
    x, y = in_depth(field)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xlabel(GREEK[field.axes[0]], labelpad=-6.5)
    ax.set_ylabel(GREEK[field.axes[1]], labelpad=-6.5)
    for axis, scale in zip((ax.xaxis, ax.yaxis), scales_of(field), strict=True):
        # At the corner two labels would meet.
        axis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10], prune="both"))
        if scale != 1.0:
            axis.set_major_formatter(partial(_unscaled, scale))
    _frame_heights(ax, field, heights, levels)
    if _width(ax) < NARROW:
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=2, steps=[1, 2, 5, 10], prune="both"))
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color("#f6f6f6")
        axis.set_tick_params(pad=0 if axis is ax.zaxis else -2)


def _frame_heights(ax: Axes3D, field: Field, heights: Heights, levels: Levels) -> None:
    ax.set_zlim(*heights.of(np.array([heights.low, heights.high])))
    ax.zaxis.set_major_locator(MaxNLocator(nbins=3 if _width(ax) < NARROW else 5, steps=[1, 2, 5, 10]))
    if heights.logarithmic:
        lines = _thinned(levels.lines - heights.base, 3 if _width(ax) < NARROW else 6)
        plus = "+" if levels.scale == "above the minimum" else ""
        ax.set_zticks(np.log10(lines), [plus + text for text in distinct(lines)])
    ax.zaxis.set_rotate_label(False)
    ax.set_zlabel(height_name(field, heights, levels), rotation=90, labelpad=-3.0)


def height_name(field: Field, heights: Heights, levels: Levels) -> str:
    """Name what the height is, and its unit; which loss it is stands beside the colours."""
    name, label = (what(field.record, field.quantity) for what in (quantity_name, quantity_label))
    inside = label.removeprefix(name).strip(" ()")
    unit = inside.rpartition(", ")[2] if ", " in inside or field.rises else ""
    above = (
        f" above {short(levels.low)}" if heights.logarithmic and levels.scale == "above the minimum" else ""
    )
    return f"{name}{above}" + (f" ({unit})" if unit else "")


def turn_box(ax: Axes3D, field: Field, elevation: float, azimuth: float) -> None:
    """Look at a box from a side, with the heights' numbers on its left: the colour bar is on the right."""
    ax.view_init(elev=elevation, azim=azimuth)
    sides = sides_of(field)
    ax.set_box_aspect((*sides, TALLNESS * max(sides)), zoom=ZOOM)
    left = "lower" if np.cos(np.radians(azimuth)) > 0 else "upper"
    ax.zaxis.set_ticks_position(left)
    ax.zaxis.set_label_position(left)


def draw_bar(
    figure: Figure, field: Field, levels: Levels, *, bottom: float, height: float, end: float = 1.0
) -> None:
    """Draw the colour bar and what stands beside it, from `bottom` over `height` and up to `end`, in parts of the figure; none where all is one colour."""
    if not levels.lines.size:
        return
    wide, high = (side / chosen().size for side in figure.get_size_inches())
    # A power of ten is shorter than it is written.
    numbers = LETTER * max(min(len(text), 4) if "$" in text else len(text) for text in levels.texts)
    # The name may be longer than the bar: it reaches into the picture's empty corners.
    longest = 1.15 * height * high
    beside = TICK_AND_NAME + numbers + LINE * (len(scale_label(field, levels)) * LETTER > longest)
    place = figure.add_axes((end - (beside + BAR) / wide, bottom, BAR / wide, height))
    draw_scale(figure, field, levels, height=longest, smooth=True, cax=place)


def _width(ax: Axes3D) -> float:
    """Return the width that a box has at most, in inches at the usual size of letters."""
    across, _ = figure_of(ax).get_size_inches()
    return float(ax.get_position(original=True).width * across / chosen().size)


def _unscaled(scale: float, value: float, place: int) -> str:
    """Write a tick as the coordinate that it stands for."""
    return f"{value * scale:g}"


def _thinned(lines: np.ndarray, most: int) -> np.ndarray:
    """Leave out lines until their labels stand apart, the last one kept."""
    step = int(np.ceil(lines.size / most))
    return lines[::-1][::step][::-1]
