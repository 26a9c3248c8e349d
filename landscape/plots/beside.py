"""Surfaces side by side: one height, one view and one scale of colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from landscape.plots.box import LEFT, RIGHT, draw_bar
from landscape.plots.field import Field
from landscape.plots.heights import Heights, choose_heights
from landscape.plots.levels import Levels
from landscape.plots.look import chosen
from landscape.plots.marks import CENTER
from landscape.plots.scale import LETTER
from landscape.plots.style import COLUMN_WIDTH, SMALL, new_figure
from landscape.plots.surface import draw_sheet_between, scale_words
from landscape.plots.words import short, shorten, wrapped

# Inches: a title, a row of words, what a surface's numbers need beside it; a surface's height in parts of its width; the bar at most.
TITLE, ROW, NUMBERS, TALL, TALLEST_BAR, BESIDE_EDGE = 0.2, 0.14, 0.27, 0.97, 2.6, 0.03
# Inches: a surface at most.
WIDEST = 3.5
VIEW = (36.0, -60.0)


def usual_columns(count: int) -> int:
    """Choose how many surfaces stand in a row: with numbers on every side they need more room than maps."""
    return 1 if chosen().width == "single" else 2 if count in (2, 4) else 3


def surfaces_of(fields: Sequence[Field], titles: Sequence[str], levels: Levels, columns: int) -> Figure:
    """Draw surfaces with one height, one view and one scale of colours."""
    rows = -(-len(fields) // columns)
    wide = COLUMN_WIDTH * chosen().room
    width = (wide - LEFT + NUMBERS - RIGHT) / columns
    side = min(width - NUMBERS, WIDEST)
    # What stands in the middle of a wide place.
    spare = (width - NUMBERS - side) / 2
    heights = choose_heights(np.concatenate([field.values.ravel() for field in fields]), levels)
    words = wrapped(["; ".join([range_words(levels), *scale_words(levels, heights)])])
    below = ROW * len(words) + 0.1
    # The smaller a box, the farther below it, for its size, is the letter of its axis.
    step = TALL * side + TITLE + max(0.0, 0.35 - 0.16 * side)
    high = rows * step + below
    figure = new_figure(high, layout=None)
    for number, (field, name) in enumerate(zip(fields, titles, strict=True)):
        row, column = divmod(number, columns)
        left, top = LEFT + column * width + spare, high - row * step
        place = (left / wide, (top - TITLE - TALL * side) / high, side / wide, TALL * side / high)
        ax: Any = figure.add_axes(place, projection="3d", computed_zorder=False)
        draw_sheet_between(ax, field, heights, levels, chosen().view or VIEW)
        if not column:
            where = ((BESIDE_EDGE + spare) / wide, (top - TITLE - 0.55 * TALL * side) / high)
            figure.text(*where, ax.get_zlabel(), rotation=90, ha="left", va="center", fontsize=ax.zaxis.label.get_fontsize())  # fmt: skip
        ax.set_zlabel("")
        mark_center(ax, field, heights)
        size = ax.title.get_fontsize()
        where = ((left + side / 2) / wide, (top - 0.3 * TITLE) / high)
        figure.text(*where, fitted(name, width), ha="center", va="top", fontsize=size)
        if not np.isfinite(field.values).any() and levels.scale != "nothing":
            ax.text2D(0.5, 0.5, "no finite value", transform=ax.transAxes, ha="center", va="center")
    tall = min(0.85 * rows * step, TALLEST_BAR)
    draw_bar(figure, fields[0], levels, bottom=((high - TITLE + below) - tall) / 2 / high, height=tall / high)
    figure.text(0.02, 0.06 / high, "\n".join(words), va="bottom", fontsize=SMALL * chosen().size)
    return figure


def mark_center(ax: Any, field: Field, heights: Heights) -> None:
    """Mark the model itself on a surface, where it has a value."""
    if not field.holds_center:
        return
    value = field.center_value()
    index = tuple(int(np.abs(axis).argmin()) for axis in field.coordinates)
    at = field.values[index] if value is None else value
    if np.isfinite(at):
        ax.plot([0.0], [0.0], [float(heights.of(np.array(at)))], **CENTER)


def range_words(levels: Levels) -> str:
    """Say from where to where the colours run."""
    if levels.scale == "nothing":
        return "nowhere finite"
    return f"from {short(levels.low)} to {short(levels.high)}"


def fitted(title: str, width: float) -> str:
    """Shorten a title to the width of its panel, in inches; the caption has the whole."""
    return shorten(title.replace(r"\$", "$"), max(8, int(width / LETTER) - 3))
