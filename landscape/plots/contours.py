"""A plane of the loss as a map: bands of colour, lines with their heights, the points that matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from landscape.errors import InputError
from landscape.plots.field import Field, field_of
from landscape.plots.levels import Levels, choose_levels
from landscape.plots.line_labels import label_lines
from landscape.plots.look import chosen
from landscape.plots.marks import (
    hatch_missing,
    head,
    legend_below,
    mark_points,
    worded_keys,
    words_beside,
)
from landscape.plots.planes import marked
from landscape.plots.plateau import constant_of, draw_constant_contour, flat_words
from landscape.plots.scale import LETTER, draw_scale, say_without_lines
from landscape.plots.style import (
    SMALL,
    add_rows,
    colormap,
    figure_of,
    house_style_unless,
    new_figure,
    set_height,
)
from landscape.plots.words import GREEK, axis_label, eigenvalues_of, one_line_label, wrapped
from landscape.records import Scan

# Inches: the map's width in a column beside its labels and scale; what stands above and below it.
MAP_WIDTH = 2.2
AROUND = 0.82
LEGEND_ROW = 0.135
# Of keys that an overlay adds, which have markers.
MARKED_ROW = 0.17
TALLEST = 1.3
# Inches: a map at most.
HIGHEST = 3.3
# Equal axes where a step along both directions is equally long, unless one side would be a sliver.
SAME_LENGTH = 0.05
LONGEST_SIDE = 2.0
# A surface whose lines fall into more pieces than this is too rough for lines: its bands say more without.
ROUGH = 40


@dataclass(frozen=True)
class Parts:
    """What is drawn beside the map itself."""

    labels: bool = True
    colorbar: bool = True
    legend: bool = True


WHOLE = Parts()


def plot_contours(
    record: Scan,
    *,
    quantity: str | None = None,
    levels: int | Sequence[float] | None = None,
    ax: Axes | None = None,
    labels: bool = True,
    colorbar: bool = True,
    legend: bool = True,
) -> Axes:
    """Draw a two-dimensional scan as a contour map.

    The levels are evenly spaced, or logarithmically if the values span decades. Cells with a corner that is not finite
    are hatched. The axes have equal scales if a step along both directions is equally long.

    Parameters
    ----------
    record
        A scan with two axes of more than one point.
    quantity
        `train_loss`, `test_accuracy`, …; by default the record's main one.
    levels
        About how many lines, or the heights themselves.
    ax
        The axes to draw on; by default those of a new figure. On other axes the words are short.
    labels, colorbar, legend
        Whether to write the heights on the lines, and to draw a colour bar and a legend.

    Raises
    ------
    landscape.errors.InputError
        Another number of dimensions, no such quantity, or levels that cannot be drawn.
    """
    field = field_of(record, quantity)
    if len(field.axes) != 2:
        raise InputError(f"a contour map needs two axes of several points, the record has {len(field.axes)}")
    plane = marked(record)
    with house_style_unless(ax):
        return draw_map(
            field,
            shared_levels(field, levels),
            ax,
            parts=Parts(labels, colorbar, legend),
            overlay=None if plane is None else plane.draw,
            around=() if plane is None else plane.points,
        )


def shared_levels(field: Field, wanted: int | Sequence[float] | None) -> Levels:
    """Choose levels from the values of all splits, so that one colour means one loss in all figures.

    What is best when it is high (an accuracy) has even steps: its basin is not at the bottom.
    """
    record = field.record
    _, _, what = field.quantity.partition("_")
    family = [name for name in record.values if what and name.partition("_")[2] == what]
    values = np.stack([field_of(record, name).values for name in family or [field.quantity]])
    return looked_levels(values, wanted, even=field.rises)


def looked_levels(values: np.ndarray, wanted: int | Sequence[float] | None, *, even: bool = False) -> Levels:
    """Choose levels, with the range and the scale that the look says."""
    look = chosen()
    return choose_levels(values, wanted, even=even, limits=look.limits, scale=look.scale)


def draw_map(
    field: Field,
    levels: Levels,
    ax: Axes | None,
    overlay: Callable[[Axes], list[Artist]] | None = None,
    around: Sequence[tuple[float, float]] = (),
    parts: Parts = WHOLE,
) -> Axes:
    """Draw the map, and on it an `overlay` that gives the legend's keys; no label stands on `around`."""
    axes = new_figure(height_of(field)).add_subplot() if ax is None else ax
    keys = hatch_missing(axes, field)
    lines = draw_bands(axes, field, levels)
    frame_plane(axes, field, brief=ax is not None)
    named = [] if ax is not None else name_upright(axes, field)
    head(axes, field, ours=ax is None)
    extra = [] if overlay is None else overlay(axes)
    if ax is not None:
        extra = shortened(extra)
    beside = ax is None and words_beside()
    if ax is None and not beside:
        set_height(figure_of(axes), height_of(field) + MARKED_ROW * len(extra) + LEGEND_ROW * len(named))
    marks = mark_points(axes, field, brief=ax is not None)
    saddle = draw_center_contour(axes, field)
    plateau = [*draw_constant_contour(axes, field), *worded_keys(flat_words(field))] if ax is None else []
    plateau = [*saddle, *plateau] if ax is None else plateau
    if plateau and not beside:
        add_rows(figure_of(axes), LEGEND_ROW * len(plateau))
    if parts.legend:
        legend_below(axes, [*extra, *marks, *plateau, *keys, *named], ours=ax is None, beside=beside)
    if levels.lines.size and parts.colorbar:
        # Inset, the bar is as high as the map, whatever the layout makes of that.
        place = axes.inset_axes((1.03, 0.0, 0.045, 1.0))
        draw_scale(figure_of(axes), field, levels, height=map_height(field), cax=place)
        value = constant_of(field) if ax is None else None
        if value is not None and levels.low < value < levels.high:
            place.axhline(value, color="black", linestyle=(0, (2, 1)), linewidth=1.1)
    elif not levels.lines.size:
        say_without_lines(axes, levels)
    if ax is None:
        figure_of(
            axes
        ).draw_without_rendering()  # the layout must stand before there is a free place to be found
    if lines is not None and parts.labels:
        label_lines(
            axes,
            lines,
            levels.texts,
            label_colors(levels),
            SMALL,
            avoid=[*avoided(field), *around],
            holes=np.concatenate([holes(field), lines_beside(axes, lines)]),
        )
    return axes


def lines_beside(ax: Axes, lines: QuadContourSet) -> np.ndarray:
    """Give points [n, 2] of the lines that a map has beside its levels, so that no number stands on them."""
    others = [one for one in ax.collections if isinstance(one, QuadContourSet) and not one.filled and one is not lines]  # fmt: skip
    parts = [np.asarray(part) for one in others for level in one.allsegs for part in level if len(part)]
    return np.concatenate(parts) if parts else np.empty((0, 2))


def shortened(keys: Sequence[Artist]) -> list[Artist]:
    """Leave out of a legend's keys what is words alone, and the details of the others: on axes of one's own it hides a part of the map."""
    drawn = [
        key
        for key in keys
        if not isinstance(key, Line2D)
        or key.get_linestyle() != "None"
        or key.get_marker() not in ("", "None", None)
    ]
    for key in drawn:
        key.set_label(str(key.get_label()).partition(",")[0].partition(" (")[0])
    return drawn


def draw_center_contour(ax: Axes, field: Field) -> list[Artist]:
    """Draw the line on which a plane of eigenvectors has the loss of θ, where a curvature is negative; give the legend's key.

    At a saddle it is the cross between what lies above θ and what lies below it, which the levels may miss. On a map of curvatures it is the
    line of zero, beyond which the loss is convex.
    """
    if field.quantity.partition("_")[2] in ("curvature", "lambda_min"):
        return dotted_line(ax, field, 0.0, "zero: above it no curvature is negative")
    curved = eigenvalues_of(field.record).items()
    down = [GREEK[index] for index, value in curved if index in field.axes and value < 0]
    value = field.center_value()
    if not down or field.rises or value is None or not field.holds_center:
        return []
    return dotted_line(ax, field, value, f"as high as θ; negative curvature along {' and '.join(down)}")


def dotted_line(ax: Axes, field: Field, value: float, words: str) -> list[Artist]:
    """Draw the line of one height, dotted, if there is one; give the legend's key."""
    values = field.values[np.isfinite(field.values)]
    if not (values.size and values.min() < value < values.max()):
        return []
    x, y = field.coordinates
    look: dict[str, Any] = {"color": "white", "linewidth": 1.0, "linestyle": (0, (1, 1.2))}
    edge = [Stroke(linewidth=2.0, foreground="black"), Normal()]
    surface = np.ma.masked_invalid(field.values).T
    lines = ax.contour(
        x,
        y,
        surface,
        levels=[value],
        colors="white",
        linewidths=1.0,
        linestyles=[look["linestyle"]],
        zorder=3,
    )
    lines.set_path_effects(edge)
    return [Line2D([], [], label=words, path_effects=edge, **look)]


def draw_bands(ax: Axes, field: Field, levels: Levels) -> QuadContourSet | None:
    """Fill the bands and draw the lines between them, where there are finite cells."""
    values = np.ma.masked_invalid(field.values).T
    x, y = field.coordinates
    if levels.scale == "nothing" or not _has_cell(field.values):
        return None
    norm = levels.norm()
    edges = levels.bands.copy()
    edges[0] -= 1e-9 * (edges[1] - edges[0])  # the lowest band contains its lower end
    ax.contourf(
        x,
        y,
        values,
        levels=edges,
        cmap=colormap(),
        norm=norm,
        extend=levels.extend,
        corner_mask=False,
        zorder=1,
    )
    inside = levels.lines[(levels.lines > values.min()) & (levels.lines < values.max())]
    if inside.size == 0:
        return None
    contours = ax.contour(
        x,
        y,
        values,
        levels=levels.lines,
        colors=line_colors(levels),
        linewidths=0.45,
        corner_mask=False,
        zorder=2,
    )
    if sum(map(len, contours.allsegs)) > ROUGH * levels.lines.size:
        contours.remove()
        return None
    return contours


def _has_cell(values: np.ndarray) -> bool:
    finite = np.isfinite(values)
    return bool((finite[:-1, :-1] & finite[1:, :-1] & finite[:-1, 1:] & finite[1:, 1:]).any())


def _lightness(levels: Levels) -> np.ndarray:
    """Give the lightness, 0 to 1, of the colour just above each line."""
    red, green, blue, _ = colormap()(levels.norm()(np.nextafter(levels.lines, np.inf))).T
    return 0.299 * red + 0.587 * green + 0.114 * blue


def line_colors(levels: Levels) -> list[str]:
    """Give each line a colour that is seen on its bands."""
    return ["#ffffffb0" if lightness < 0.5 else "#000000a0" for lightness in _lightness(levels)]


def label_colors(levels: Levels) -> list[str]:
    """Give each label a colour that is read on its bands."""
    return ["white" if lightness < 0.5 else "black" for lightness in _lightness(levels)]


def avoided(field: Field) -> list[tuple[float, float]]:
    """Give the marked points, on which no label may stand."""
    points = [(0.0, 0.0)] if field.holds_center else []
    points += [(1.0, 0.0)] if field.holds_other else []
    if field.best is not None:
        x, y = field.point(field.best)
        points.append((x, y))
    return points


def holes(field: Field) -> np.ndarray:
    """Give the coordinates [n, 2] of the points with no value, so that no label stands on their hatching."""
    x, y = field.coordinates
    i, j = np.nonzero(~np.isfinite(field.values))
    return np.stack([x[i], y[j]], axis=1)


def frame_plane(ax: Axes, field: Field, brief: bool = False) -> None:
    """Set limits, labels (letters only where `brief`) and, where the units agree, equal axes."""
    x, y = field.coordinates
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    if equal_units(field):
        ax.set_aspect("equal")
    ax.set_xlabel(GREEK[field.axes[0]] if brief else axis_label(field.record, field.axes[0]))
    ax.set_ylabel(GREEK[field.axes[1]] if brief else axis_label(field.record, field.axes[1]))
    ax.locator_params(nbins=5)


def name_upright(ax: Axes, field: Field) -> list[Artist]:
    """Leave the letter alone beside a map that is lower than its name is long; give the name as a key of the legend."""
    longest = max(map(len, axis_label(field.record, field.axes[1]).split("\n")))
    if longest * LETTER <= 1.05 * map_height(field):
        return []
    ax.set_ylabel(GREEK[field.axes[1]])
    return worded_keys(wrapped([one_line_label(field.record, field.axes[1])]))


def equal_units(field: Field) -> bool:
    """Say whether a step along both directions is equally long, and the picture no sliver."""
    lengths = np.linalg.norm(field.record.directions[list(field.axes)], axis=1)
    x, y = (axis[-1] - axis[0] for axis in field.coordinates)
    same = abs(lengths[0] - lengths[1]) <= SAME_LENGTH * lengths.max()
    return bool(same and max(x, y) <= LONGEST_SIDE * min(x, y))


def height_of(field: Field) -> float:
    """Give the height of a figure of one map."""
    rows = (
        field.holds_center + field.holds_other + field.beaten + field.diverged.any() + field.unfinished.any()
    )
    return float(map_height(field) + AROUND + (0.0 if words_beside() else LEGEND_ROW * rows))


def map_height(field: Field) -> float:
    """Give the height of the map itself: over both columns it is not as many times larger as the page is wider."""
    x, y = (axis[-1] - axis[0] for axis in field.coordinates)
    height = MAP_WIDTH * chosen().tall * (min(y / x, TALLEST) if equal_units(field) else 0.9)
    return float(min(height, HIGHEST))
