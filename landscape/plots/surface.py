"""A plane of the loss as a surface, seen from the side on which its basin is open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3D, Poly3DCollection

from landscape.errors import InputError
from landscape.plots.box import LEFT, RIGHT, draw_bar, frame_box, in_depth, scales_of, sides_of, turn_box
from landscape.plots.contours import shared_levels
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
    words_beside,
)
from landscape.plots.planes import marked
from landscape.plots.style import COLUMN_WIDTH, colormap, house_style_unless, new_figure
from landscape.plots.view import best_view
from landscape.plots.words import (
    one_line_label,
    other_text,
    short,
    wrapped,
)
from landscape.records import Scan

# Inches: the title above the picture, a row of the words below it; the picture's height in parts of its width.
TITLE = 0.4
ROW = 0.135
PICTURE = 0.97
MOST_CELLS = 100
MESH = "#00000038"


def plot_surface(
    record: Scan,
    *,
    quantity: str | None = None,
    levels: int | Sequence[float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a two-dimensional scan as a surface in three dimensions.

    Colours are those of the contour map, with a colour bar where the surface has a figure of its own. Heights are logarithmic if
    most of the surface would otherwise be flat at the bottom, and outliers are cut off; the text below the figure says so. The view
    is from the lowest side, so that no wall hides the basin. Points that are not finite are holes.

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
    axes = _new_axes(rows, field, levels) if ax is None else ax
    _draw_sheet(axes, field, heights, levels)
    marks = _draw_marks(axes, field, heights)
    frame_box(axes, field, heights, levels)
    _look(axes, field, heights, marks)
    _explain(axes, field, marks, words, ours=ax is None)
    return axes


def _new_axes(rows: int, field: Field, levels: Levels) -> Axes3D:
    """Make axes between a title and so many rows of words, and the colour bar beside them; the automatic layout does not know depth."""
    wide, below = COLUMN_WIDTH * chosen().room, 0.1 + (0.0 if words_beside() else ROW * rows)
    side = (COLUMN_WIDTH - LEFT - RIGHT) * chosen().tall
    picture = side * PICTURE
    height = picture + TITLE + below
    figure = new_figure(height, layout=None)
    bottom, end = (below + 0.05 * side) / height, (LEFT + side + RIGHT) / wide
    draw_bar(figure, field, levels, bottom=bottom, height=0.8 * side / height, end=end)
    # The upper corners of the box are empty.
    place = (LEFT / wide, below / height, side / wide, (picture + 0.1) / height)
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
    steps = levels.smooth_norm()(cells[..., 2].mean(axis=1))
    cells[..., 2] = heights.of(cells[..., 2])
    sheet = Poly3DCollection(cells, facecolors=colormap()(steps), edgecolors=MESH, linewidths=0.12, zorder=1)
    ax.add_collection3d(sheet)


def draw_sheet_between(
    ax: Axes3D, field: Field, heights: Heights, levels: Levels, view: tuple[float, float]
) -> None:
    """Draw a surface on axes that stand beside others: short names, the same box and the same height in each."""
    _draw_sheet(ax, field, heights, levels)
    frame_box(ax, field, heights, levels)
    turn_box(ax, field, *view)


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
        places.append(((1.0, 0.0), _value_near(field, (1.0, 0.0)), other_text(field.record), OTHER))
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


def _look(ax: Axes3D, field: Field, heights: Heights, marks: list[Line3D]) -> None:
    x, y = in_depth(field)
    bottom, top = heights.of(np.array([heights.low, heights.high]))
    low, size = np.array([x[0], y[0], bottom]), np.array([np.ptp(x), np.ptp(y), top - bottom])
    points = [tuple((np.array(mark.get_data_3d()).ravel() - low) / size) for mark in marks]
    shares = (heights.of(field.values) - bottom) / (top - bottom)
    turn_box(ax, field, *(chosen().view or best_view(shares, sides_of(field), points)))


def axis_words(field: Field, levels: Levels, heights: Heights) -> list[str]:
    """Say what the axes along the plane are, a line each: beside them there is no room for it; and what is not to be seen from the numbers."""
    words = [one_line_label(field.record, index) for index in field.axes]
    holes = [f"{text} (holes)" for text in missing_texts(field)]
    return [*words, *scale_words(levels, heights), *holes]


def scale_words(levels: Levels, heights: Heights) -> list[str]:
    """Say so where heights or colours are logarithmic, or cut."""
    by_ratio = levels.scale in ("logarithmic", "above the minimum")
    said = ["heights and colours logarithmic"] if heights.logarithmic else []
    said += ["heights linear, colours logarithmic"] if by_ratio and not heights.logarithmic else []
    ends = [f"at {short(levels.high, 2)}"] if levels.clipped else []
    ends += [f"below {short(levels.low, 2)}"] if levels.below else []
    said += [f"cut {' and '.join(ends)}"] if ends else []
    return [", ".join(said)] if said else []


def _explain(ax: Axes3D, field: Field, handles: list[Line3D], words: list[str], ours: bool) -> None:
    head(ax, field, ours)
    if ours:
        legend_below(ax, [*handles, *worded_keys(wrapped(words))], ours=True, beside=words_beside())
        return
    # Beside other axes the letters and the marks must do: a legend would lie on the next picture.
