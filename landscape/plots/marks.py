"""Marks on a landscape: the centre, the best point, and cells without values."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from landscape.plots.field import Field
from landscape.plots.look import chosen
from landscape.plots.style import NOT_FINITE, UNFINISHED, figure_of
from landscape.plots.words import GREEK, other_text, quantity_name, short, title

_POINT: dict[str, Any] = {"linestyle": "none", "markeredgecolor": "black", "zorder": 6, "clip_on": False}
CENTER = {**_POINT, "marker": "o", "markersize": 5.5, "markerfacecolor": "white", "markeredgewidth": 1.1}
OTHER = {**_POINT, "marker": "s", "markersize": 5, "markerfacecolor": "white", "markeredgewidth": 1.1}
BEST = {**_POINT, "marker": "v", "markersize": 5.5, "markerfacecolor": "#ffd23f", "markeredgewidth": 0.7}

# In a row of words beside a picture.
LETTERS_BESIDE = 36
# Values that differ by less than this part are told by their difference.
CLOSE = 0.01


def center_text(field: Field) -> str:
    """Name the centre, with its value."""
    value = field.center_value()
    return field.center if value is None else f"{field.center} ({short(value)})"


def best_text(field: Field, brief: bool = False) -> str:
    """Name the best point of the grid, with its value and place; how much better it is than the centre where both round alike."""
    if field.best is None:
        return ""
    value, place = float(field.values[field.best]), field.point(field.best)
    if brief:
        return f"{'highest' if field.rises else 'lowest'} ({short(value)})"
    names = [f"{GREEK[axis]} = {short(at, 2)}" for axis, at in zip(field.axes, place, strict=True)]
    kind = "highest" if field.rises else "lowest"
    return f"{kind} on the grid ({value_beside(field, value)} at {', '.join(names)})"


def value_beside(field: Field, value: float) -> str:
    """Write a value, or its difference from the centre's where that is below 1 % of it.

    It is a difference, since 2.30 beside 2.31 says little.
    """
    center = field.center_value()
    near = center is not None and np.isfinite(center) and abs(value - center) < CLOSE * abs(center)
    if center is None or not near or center == value:
        return short(value)
    return f"{short(abs(value - center), 2)} {'higher' if value > center else 'lower'}"


def mark_points(ax: Axes, field: Field, best: bool = True, brief: bool = False) -> list[Artist]:
    """Mark the centre, the other model and, if it is elsewhere and asked for, the best point of a plane."""
    marks: list[Artist] = []
    if field.holds_other:
        marks += ax.plot(1.0, 0.0, label=other_text(field.record), **OTHER)
    if best and field.beaten and field.best is not None:
        marks += ax.plot(*field.point(field.best), label=best_text(field, brief), **BEST)
    if field.holds_center:
        marks += ax.plot(0.0, 0.0, label=center_text(field), **CENTER)
    return marks[::-1]


def hatch_missing(ax: Axes, field: Field) -> list[Patch]:
    """Hatch cells of a plane with a corner that is not finite or not computed; give the legend's keys."""
    diverged = _cells(field.diverged)
    unfinished = _cells(field.unfinished) & ~diverged
    for cells, look in ((unfinished, UNFINISHED), (diverged, NOT_FINITE)):
        if cells.any():
            ax.add_artist(PathPatch(_outline(field, cells), linewidth=0, zorder=0.5, **look))
    return missing_keys(field)


def missing_keys(field: Field) -> list[Patch]:
    """Give the legend's keys of what is hatched."""
    looks = [
        look for mask, look in ((field.diverged, NOT_FINITE), (field.unfinished, UNFINISHED)) if mask.any()
    ]
    texts = missing_texts(field)
    return [Patch(linewidth=0.4, label=text, **look) for look, text in zip(looks, texts, strict=True)]


def missing_texts(field: Field) -> list[str]:
    """Count what is not drawn: `not finite: 12 of 441 points`."""
    named = ((field.diverged, "not finite"), (field.unfinished, "not computed yet"))
    return [f"{name}: {np.count_nonzero(mask)} of {mask.size} points" for mask, name in named if mask.any()]


def _cells(points: np.ndarray) -> np.ndarray:
    """Say which cells between four points have one of `points` as a corner."""
    return points[:-1, :-1] | points[1:, :-1] | points[:-1, 1:] | points[1:, 1:]


def _outline(field: Field, cells: np.ndarray) -> Path:
    """Give cells of the plane as one path: hatching it takes no longer than hatching one cell."""
    x, y = field.coordinates
    i, j = np.nonzero(cells)
    around = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
    corners = np.stack([np.stack([x[i + di], y[j + dj]], axis=-1) for di, dj in around], axis=1)
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(corners.reshape(-1, 2), np.tile(codes, len(i)).astype(Path.code_type))


def head(ax: Axes, field: Field, ours: bool, subject: str = "") -> None:
    """Put the title at the left edge of a figure of ours, where it has the whole width; else on the axes."""
    name = subject or quantity_name(field.record, field.quantity)
    if not ours:
        # Beside other axes there is room for no more.
        ax.set_title(name)
        return
    text = title(field.record, name, field.axes, field.where() if field.axes else "")
    figure = figure_of(ax)
    place: dict[str, Any] = {} if figure.get_layout_engine() else {"y": 0.985, "va": "top"}
    figure.suptitle(text, x=0.02, ha="left", fontsize=ax.title.get_fontsize(), **place)


def worded_keys(words: Sequence[str]) -> list[Artist]:
    """Give keys for the legend that are words only."""
    return [Line2D([], [], linestyle="none", label=line) for line in words]


def words_beside() -> bool:
    """Say whether the words of one map stand on its right: over both columns it would be higher than it is worth with them below."""
    return chosen().width != "single"


def legend_below(
    ax: Axes, handles: Sequence[Artist], ours: bool, columns: int = 1, beside: bool = False
) -> Legend | None:
    """Put the legend under a figure of ours, or `beside` its picture, where it hides nothing; in other axes where there is room."""
    if not handles:
        return None
    if not ours:
        return ax.legend(handles=list(handles), loc="best", frameon=True, framealpha=0.9, fontsize="small")
    figure = figure_of(ax)
    for handle in handles if beside else ():
        # An equation is one word.
        label = str(handle.get_label()).replace(" = ", "\u00a0=\u00a0")
        handle.set_label(fill(label, LETTERS_BESIDE, break_on_hyphens=False))
    # Without an automatic layout there is no outside; the figure has left room.
    outside = "outside " if figure.get_layout_engine() else ""
    place: Any = outside + (("right center" if outside else "center right") if beside else "lower left")
    return figure.legend(
        handles=list(handles), loc=place, handletextpad=0.6, ncols=columns, columnspacing=1.0
    )
