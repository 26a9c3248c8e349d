"""A volume of the loss as slices along its third axis, all on the same levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.plots.contours import draw_bands, equal_units, shared_levels
from landscape.plots.field import Field, field_of, slice_of
from landscape.plots.levels import Levels
from landscape.plots.look import chosen as look
from landscape.plots.marks import hatch_missing, head, legend_below, mark_points, missing_keys, worded_keys
from landscape.plots.scale import draw_scale, say_without_lines
from landscape.plots.style import add_rows, house_style_unless, new_figure
from landscape.plots.words import GREEK, one_line_label, short, wrapped
from landscape.records import Scan

MOST = 9
# Panels in a row.
COLUMNS = {"single": 3, "double": 5}
# Inches: a panel, the title above it, what stands around all panels, a row of the legend.
PANEL = 0.72
PANEL_TITLE = 0.17
AROUND = 0.95
LEGEND_ROW = 0.135


def plot_slices(
    record: Scan,
    *,
    quantity: str | None = None,
    levels: int | Sequence[float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a three-dimensional scan as up to nine contour maps along the third axis.

    All slices have the same levels and colours; the ones nearest to the centre and through the best point are
    among them.

    Parameters
    ----------
    record
        A scan with three axes of more than one point.
    quantity
        `train_loss`, `test_accuracy`, …; by default the record's main one.
    levels
        About how many lines, or the heights themselves.
    ax
        Where to draw the one slice nearest to the centre; by default all on a figure of their own.

    Returns
    -------
    matplotlib.axes.Axes
        The panel of the slice nearest to the centre.

    Raises
    ------
    landscape.errors.InputError
        Another number of dimensions, no such quantity, or levels that cannot be drawn.
    """
    field = field_of(record, quantity)
    if len(field.axes) != 3:
        raise InputError(f"slices need three axes of several points, the record has {len(field.axes)}")
    with house_style_unless(ax):
        chosen = shared_levels(field, levels)
        middle = int(np.abs(field.coordinates[2]).argmin())
        if ax is None:
            return _draw_all(field, chosen, middle)
        marks = _draw_panel(ax, slice_of(field, 2, middle), chosen)
        ax.set_xlabel(GREEK[field.axes[0]])
        ax.set_ylabel(GREEK[field.axes[1]])
        legend_below(ax, [*marks, *missing_keys(field)], ours=False)
        return ax


def chosen_slices(field: Field, most: int = MOST) -> list[int]:
    """Choose positions along the third axis: evenly, and the centre's and the best point's."""
    axis = field.coordinates[2]
    positions = np.unique(np.linspace(0, axis.size - 1, min(most, axis.size)).round().astype(int))
    wanted = [int(np.abs(axis).argmin())]
    wanted += [field.best[2]] if field.best is not None else []
    for position in wanted[::-1]:
        positions[np.abs(positions - position).argmin()] = position
    return sorted({int(position) for position in positions})


def _draw_all(field: Field, levels: Levels, middle: int) -> Axes:
    positions = chosen_slices(field)
    columns = min(COLUMNS[look().width], len(positions))
    rows = -(-len(positions) // columns)
    figure = new_figure(rows * (PANEL * look().tall + PANEL_TITLE) + AROUND, layout="compressed")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in grid[len(positions) :]:
        unused.remove()
    panels = dict(zip(positions, grid, strict=False))
    marks: list[Artist] = []
    for position, panel in panels.items():
        best = field.beaten and field.best is not None and field.best[2] == position
        marks += _draw_panel(panel, slice_of(field, 2, position), levels, best=best)
    _frame(figure, field, levels, list(panels.values()), columns)
    words = worded_keys(wrapped([one_line_label(field.record, index) for index in field.axes]))
    keys = [*marks, *missing_keys(field), *words]
    add_rows(figure, LEGEND_ROW * len(keys))
    drawn = panels[middle]
    legend_below(drawn, keys, ours=True)
    return drawn


def _draw_panel(ax: Axes, field: Field, levels: Levels, best: bool = True) -> list[Artist]:
    hatch_missing(ax, field)
    draw_bands(ax, field, levels)
    if not levels.lines.size:
        say_without_lines(ax, levels)
    x, y = field.coordinates
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    if equal_units(field):
        ax.set_aspect("equal")
    ax.locator_params(nbins=3)
    index = max(field.at)
    ax.set_title(f"{GREEK[index]} = {short(field.at[index], 2)}", loc="center", pad=2.5)
    return mark_points(ax, field, best=best)


def _frame(figure: Figure, field: Field, levels: Levels, panels: list[Axes], columns: int) -> None:
    head(panels[0], field, ours=True)
    for index, panel in enumerate(panels):
        lowest, leftmost = index + columns >= len(panels), index % columns == 0
        panel.set_xlabel(GREEK[field.axes[0]] if lowest else "")
        panel.set_ylabel(GREEK[field.axes[1]] if leftmost else "")
        panel.tick_params(labelbottom=lowest, labelleft=leftmost)
    if levels.lines.size:
        height = -(-len(panels) // columns) * PANEL * look().tall
        draw_scale(figure, field, levels, ax=panels, height=height, aspect=30, pad=0.02)
