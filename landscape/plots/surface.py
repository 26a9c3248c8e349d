"""A plane of the loss as a surface, seen from the side on which its basin is open."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3D, Poly3DCollection

from landscape.errors import InputError
from landscape.plots.contours import equal_units, shared_levels
from landscape.plots.field import Field, field_of
from landscape.plots.heights import Heights, choose_heights
from landscape.plots.levels import Levels
from landscape.plots.look import chosen
from landscape.plots.marks import (
    BEST,
    CENTER,
    OTHER,
    best_text,
    center_text,
    head,
    legend_below,
    missing_texts,
    worded_keys,
)
from landscape.plots.planes import marked
from landscape.plots.style import colormap, house_style_unless, new_figure
from landscape.plots.view import TALLNESS, best_view
from landscape.plots.words import (
    GREEK,
    distinct,
    one_line_label,
    quantity_label,
    short,
    wrapped,
)
from landscape.records import Scan

# Inches: the picture, the title above it, a row of the words below it.
PICTURE = 2.45
TITLE = 0.38
ROW = 0.135
ZOOM = 1.02
MOST_CELLS = 100
MESH = "#00000038"
# Beyond such coordinates, and below their inverse, a plane is drawn in units of its own.
FARTHEST = 1e30


def plot_surface(
    record: Scan,
    *,
    quantity: str | None = None,
    levels: int | Sequence[float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a two-dimensional scan as a surface in three dimensions.

    Colours are those of the contour map. Heights are logarithmic if most of the surface would otherwise be flat at the
    bottom, and outliers are cut off; the text below the figure says so. The view is from the lowest side, so that no
    wall hides the basin. Points that are not finite are holes.

    Parameters
    ----------
    record
        A scan with two axes of more than one point.
    quantity
        `train_loss`, `test_accuracy`, …; by default the record's main one.
    levels
        About how many steps of colour, or the values between them.
    ax
        Three-dimensional axes to draw on; by default those of a new figure.

    Raises
    ------
    landscape.errors.InputError
        Another number of dimensions, flat axes, no such quantity, or levels that cannot be drawn.
    """
    field = field_of(record, quantity)
    if len(field.axes) != 2:
        raise InputError(f"a surface needs two axes of several points, the record has {len(field.axes)}")
    if ax is not None and not isinstance(ax, Axes3D):
        raise InputError("a surface needs three-dimensional axes: make them with projection='3d'")
    with house_style_unless(ax):
        return _draw(field, shared_levels(field, levels), ax)


def _draw(field: Field, levels: Levels, ax: Axes3D | None) -> Axes:
    heights = choose_heights(field.values, levels)
    words, plane = axis_words(field, levels, heights), marked(field.record)
    words += [] if plane is None else plane.remarks()
    rows = len(wrapped(words)) + field.holds_center + field.holds_other + field.beaten
    rows += 0 if plane is None else len(plane.others())
    axes = _new_axes(rows) if ax is None else ax
    _draw_sheet(axes, field, heights, levels)
    marks = _draw_marks(axes, field, heights)
    _frame(axes, field, heights, levels)
    _look(axes, field, heights, marks)
    _explain(axes, field, marks, words, ours=ax is None)
    return axes


def _new_axes(rows: int) -> Axes3D:
    """Make axes between a title and so many rows of words; the automatic layout does not know depth."""
    below = ROW * rows + 0.1
    height = PICTURE + TITLE + below
    figure = new_figure(height, layout=None)
    place = (0.0, below / height, 1.0, (PICTURE + 0.1) / height)  # the upper corners of the box are empty
    return figure.add_axes(place, projection="3d", computed_zorder=False)


def _draw_sheet(ax: Axes3D, field: Field, heights: Heights, levels: Levels) -> None:
    """Draw the cells whose four corners are finite; `Axes3D.plot_surface` stumbles over the others."""
    if levels.scale == "nothing":
        ax.text2D(0.5, 0.5, "no finite value", transform=ax.transAxes, ha="center", va="center")
        return
    x, y = np.meshgrid(*in_depth(field), indexing="ij")
    corners = np.stack([x, y, field.values], axis=-1)[np.ix_(*map(_kept, x.shape))]
    cells = np.stack([corners[:-1, :-1], corners[1:, :-1], corners[1:, 1:], corners[:-1, 1:]], axis=2)
    cells = cells[np.isfinite(cells[..., 2]).all(axis=2)]
    steps = np.interp(cells[..., 2].mean(axis=1), levels.bands, np.linspace(0, 1, levels.bands.size))
    cells[..., 2] = heights.of(cells[..., 2])
    sheet = Poly3DCollection(cells, facecolors=colormap()(steps), edgecolors=MESH, linewidths=0.12, zorder=1)
    ax.add_collection3d(sheet)


def draw_sheet_between(ax: Axes3D, field: Field, heights: Heights, levels: Levels) -> None:
    """Draw a surface on axes that stand beside others: short names, the same box and the same height in each."""
    _draw_sheet(ax, field, heights, levels)
    _frame(ax, field, heights, levels)
    x, y = in_depth(field)
    sides = (float(np.ptp(x)), float(np.ptp(y))) if equal_units(field) else (1.0, 1.0)
    ax.set_box_aspect((*sides, TALLNESS * max(sides)), zoom=ZOOM)


def _kept(count: int) -> np.ndarray:
    """Take every point of a side, or of a very fine one so many, its ends among them."""
    return np.linspace(0, count - 1, min(count, MOST_CELLS + 1)).round().astype(int)


def _draw_marks(ax: Axes3D, field: Field, heights: Heights) -> list[Line3D]:
    places = []
    if field.holds_center:
        value = field.center_value()
        value = _value_near(field, (0.0, 0.0)) if value is None else value
        places.append(((0.0, 0.0), value, center_text(field), CENTER))
    if field.holds_other:
        places.append(((1.0, 0.0), _value_near(field, (1.0, 0.0)), "the other model", OTHER))
    if field.beaten and field.best is not None:
        x, y = field.point(field.best)
        places.append(((x, y), float(field.values[field.best]), best_text(field), BEST))
    plane = marked(field.record)
    for at, text, look in [] if plane is None else plane.others():
        places.append((at, _value_near(field, at), text, look))
    marks = []
    for (x, y), value, text, look in places[::-1]:
        height = float(heights.of(np.array(value if np.isfinite(value) else heights.low)))
        across, along = (at / scale for at, scale in zip((x, y), scales_of(field), strict=True))
        marks += ax.plot([across], [along], [height], label=text, **look)
    return marks[::-1]


def _value_near(field: Field, point: tuple[float, float]) -> float:
    """Give the value at the point of the grid nearest to `point`."""
    index = tuple(int(np.abs(a - at).argmin()) for a, at in zip(field.coordinates, point, strict=True))
    return float(field.values[index])


def scales_of(field: Field) -> tuple[float, ...]:
    """Return what each axis is divided by: 1, or its end where matplotlib's projection would overflow or vanish."""
    ends = [max(abs(axis[0]), abs(axis[-1])) for axis in field.coordinates]
    return tuple(float(end) if not 1 / FARTHEST < end < FARTHEST else 1.0 for end in ends)


def in_depth(field: Field) -> tuple[np.ndarray, ...]:
    """Return the coordinates in which a surface is drawn."""
    return tuple(axis / scale for axis, scale in zip(field.coordinates, scales_of(field), strict=True))


def _frame(ax: Axes3D, field: Field, heights: Heights, levels: Levels) -> None:
    x, y = in_depth(field)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xlabel(GREEK[field.axes[0]], labelpad=-6.5)
    ax.set_ylabel(GREEK[field.axes[1]], labelpad=-6.5)
    ax.xaxis.set_major_locator(
        MaxNLocator(nbins=4, steps=[1, 2, 5, 10], prune="both")
    )  # at the corner two labels would meet
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10], prune="both"))
    for axis, scale in zip((ax.xaxis, ax.yaxis), scales_of(field), strict=True):
        if scale != 1.0:
            axis.set_major_formatter(partial(_unscaled, scale))
    ends = heights.of(np.array([heights.low, heights.high]))
    ax.set_zlim(*ends)
    ax.zaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    if heights.logarithmic:
        lines = _thinned(levels.lines - heights.base)
        plus = "+" if levels.scale == "above the minimum" else ""
        ax.set_zticks(np.log10(lines), [plus + text for text in distinct(lines)])
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color("#f6f6f6")
        axis.set_tick_params(pad=0 if axis is ax.zaxis else -2)


def _unscaled(scale: float, value: float, place: int) -> str:
    """Write a tick as the coordinate that it means."""
    return f"{value * scale:g}"


def _look(ax: Axes3D, field: Field, heights: Heights, marks: list[Line3D]) -> None:
    x, y = in_depth(field)
    sides = (float(np.ptp(x)), float(np.ptp(y))) if equal_units(field) else (1.0, 1.0)
    bottom, top = heights.of(np.array([heights.low, heights.high]))
    low, size = np.array([x[0], y[0], bottom]), np.array([np.ptp(x), np.ptp(y), top - bottom])
    points = [tuple((np.array(mark.get_data_3d()).ravel() - low) / size) for mark in marks]
    shares = (heights.of(field.values) - bottom) / (top - bottom)
    elevation, azimuth = chosen().view or best_view(shares, sides, points)
    ax.view_init(elev=elevation, azim=azimuth)
    ax.set_box_aspect((*sides, TALLNESS * max(sides)), zoom=ZOOM)


def _thinned(lines: np.ndarray, most: int = 6) -> np.ndarray:
    """Leave out lines until their labels stand apart, the last one kept."""
    step = int(np.ceil(lines.size / most))
    return lines[::-1][::step][::-1]


def axis_words(field: Field, levels: Levels, heights: Heights) -> list[str]:
    """Say what the three axes are, a line each: beside the axes there is no room for it."""
    words = [one_line_label(field.record, index) for index in field.axes]
    height = f"height: {quantity_label(field.record, field.quantity)}"
    if levels.scale == "above the minimum" and heights.logarithmic:
        height += f" above {short(levels.low)}"
    height += ", logarithmic" if heights.logarithmic else ""
    if levels.scale in ("logarithmic", "above the minimum") and not heights.logarithmic:
        height += "; colours logarithmic"
    height += f", cut at {short(levels.high, 2)}" if levels.clipped else ""
    holes = [f"{text} (holes)" for text in missing_texts(field)]
    return [*words, height, *holes]


def _explain(ax: Axes3D, field: Field, handles: list[Line3D], words: list[str], ours: bool) -> None:
    head(ax, field, ours)
    if ours:
        legend_below(ax, [*handles, *worded_keys(wrapped(words))], ours=True)
        return
    # Beside other axes the letters and the marks must do: a legend would lie on the next picture.
