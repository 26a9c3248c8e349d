"""Records side by side on one scale: the same levels, colours, limits and view in every panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from landscape.errors import InputError
from landscape.plots.beside import fitted, surfaces_of, usual_columns
from landscape.plots.contours import avoided, draw_bands, equal_units, holes, label_colors, looked_levels
from landscape.plots.field import Field, dimensions, drawable, field_of, slice_of
from landscape.plots.levels import Levels, choose_levels
from landscape.plots.line_labels import label_lines
from landscape.plots.look import Look, chosen, looking
from landscape.plots.marks import hatch_missing, mark_points
from landscape.plots.panels import named_center, optimizers_of, overlaid, path_words, places_of, share_legend
from landscape.plots.scale import draw_scale, say_without_lines
from landscape.plots.style import COLUMN_WIDTH, SMALL, new_figure, style
from landscape.plots.words import (
    GREEK,
    one_line_label,
    quantity_label,
    quantity_name,
    short,
)
from landscape.records import Record, Scan

# Inches: what stands above and below the panels, a title, a legend's row.
AROUND, TITLE, ROW = 0.42, 0.2, 0.14
# Beside maps, for numbers and the colour bar; the height of a map at most.
SCALE, TALLEST = 0.75, 3.5
# Maps in a row.
COLUMNS = {"single": 2, "double": 4}
# Okabe and Ito's, in an order that stays apart in grey.
LINES = ("#004c85", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


def plot_comparison(
    records: Sequence[Record],
    titles: Sequence[str] | None = None,
    *,
    kind: str = "contour",
    quantity: str | None = None,
    levels: int | Sequence[float] | None = None,
    columns: int | None = None,
    look: Look | None = None,
) -> Figure:
    """Draw several scans side by side on one scale, and lines in one panel.

    Parameters
    ----------
    records
        Two or more, finished, with one number of axes and the same quantity in the same unit.
    titles
        What stands above each; by default the models' names.
    kind
        Of planes: `contour` or `surface`.
    quantity, levels
        As `plot_contours` takes them; levels are chosen from all records together.
    columns
        Panels in a row.
    look
        Colours, width, limits, scale and view.

    Raises
    ------
    landscape.errors.InputError
        Records that cannot share a scale; the message says why.
    """
    names = checked_titles(records, titles)
    fields = shared_fields(records, quantity)
    if columns is not None and columns < 1:
        raise InputError(f"columns: expected at least 1, found {columns}")
    with looking(look), style():
        values = np.concatenate([drawable(field.values).ravel() for field in fields])
        if len(fields[0].axes) == 1:
            return lines_of(fields, names)
        together = looked_levels(values, levels, even=fields[0].rises)
        usual = usual_columns(len(records)) if kind == "surface" else COLUMNS[chosen().width]
        count = min(columns or usual, len(records))
        if kind == "surface":
            if len(fields[0].axes) != 2 or dimensions(fields[0].record) == 3:
                raise InputError("surfaces need two axes of several points: choose kind contour")
            return surfaces_of(fields, names, together, count)
        return maps_of(records, fields, names, together, count)


def checked_titles(records: Sequence[Record], titles: Sequence[str] | None) -> list[str]:
    """Return a title of each record.

    Raises
    ------
    InputError
        There are less than two records, or another number of titles.
    """
    if len(records) < 2:
        raise InputError(f"a comparison needs two records or more, found {len(records)}")
    if titles is None:
        return [str(record.settings.get("model_name") or f"record {i + 1}").replace("$", r"\$") for i, record in enumerate(records)]  # fmt: skip
    if len(titles) != len(records):
        raise InputError(f"titles: expected {len(records)}, one for each record, found {len(titles)}")
    return [str(title).replace("$", r"\$") for title in titles]


def shared_fields(records: Sequence[Record], quantity: str | None) -> list[Field]:
    """Return one quantity of each record, of a volume on its slice through the centre.

    Raises
    ------
    InputError
        They cannot share a scale: another number of axes, another quantity, another loss or unit.
    """
    scans = []
    for record in records:
        scan = getattr(record, "scan", record)
        if not isinstance(scan, Scan):
            raise InputError(f"a comparison is of scans or records with one, found a record of the kind '{record.kind}'")  # fmt: skip
        if not scan.finished:
            raise InputError(
                f"one of the records is {scan.named()}: run the command that began it again to finish it"
            )
        scans.append(scan)
    counts = [dimensions(scan) for scan in scans]
    if len(set(counts)) > 1 or counts[0] not in (1, 2, 3):
        told = " and ".join(str(count) for count in dict.fromkeys(counts))
        raise InputError(f"the records cannot share a figure: they have {told} axes of several points")
    fields = [field_of(scan, quantity) for scan in scans]
    names = {field.quantity for field in fields}
    if len(names) > 1:
        raise InputError(
            f"the records cannot share a scale: their quantities are {' and '.join(sorted(names))}; choose one with --quantity"
        )
    units = list(dict.fromkeys(quantity_label(field.record, field.quantity) for field in fields))
    if len(units) > 1:
        raise InputError(f"the records cannot share a scale: one is {units[0]}, another {units[1]}")
    if counts[0] == 3:
        fields = [slice_of(field, 2, int(np.abs(field.coordinates[2]).argmin())) for field in fields]
    return fields


def panel_size(fields: Sequence[Field], columns: int) -> tuple[float, float]:
    """Give width and height of a panel's map, in inches."""
    width = (COLUMN_WIDTH * chosen().room - SCALE) / columns
    ratios = [
        (f.coordinates[1][-1] - f.coordinates[1][0]) / (f.coordinates[0][-1] - f.coordinates[0][0]) if equal_units(f) else 0.9
        for f in fields
    ]  # fmt: skip
    return width, min(width * min(max(ratios), 1.3), TALLEST)


def maps_of(
    records: Sequence[Record], fields: Sequence[Field], titles: Sequence[str], levels: Levels, columns: int
) -> Figure:
    """Draw contour maps with one colour bar."""
    rows = -(-len(fields) // columns)
    _, height = panel_size(fields, columns)
    figure = new_figure(rows * (height + TITLE) + AROUND, layout="compressed")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in panels[len(fields) :]:
        unused.remove()
    drawn: list[Any] = []
    over: list[Artist] = []
    points: list[Artist] = []
    optimizers = optimizers_of(records)
    alike = len({(field.coordinates[1][0], field.coordinates[1][-1]) for field in fields}) == 1
    for record, field, name, ax in zip(records, fields, titles, panels, strict=False):
        hatch_missing(ax, field)
        drawn.append(draw_bands(ax, field, levels))
        x, y = field.coordinates
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(y[0], y[-1])
        if equal_units(field):
            ax.set_aspect("equal")
        ax.set_title(fitted(name, panel_size(fields, columns)[0]), loc="center")
        if not np.isfinite(field.values).any():
            say_without_lines(ax, choose_levels(field.values))
        ax.set_xlabel(GREEK[field.axes[0]])
        if len(drawn) % columns == 1 or columns == 1:
            ax.set_ylabel(GREEK[field.axes[1]])
        elif alike:
            ax.tick_params(labelleft=False)
        ax.locator_params(nbins=3 if columns > 1 and chosen().width == "single" else 4)
        over += overlaid(ax, record, field, optimizers)
        points += mark_points(ax, named_center(record, field), best=False)
    share_legend(figure, panels[0], over, points)
    if levels.lines.size:
        draw_scale(
            figure,
            fields[0],
            levels,
            ax=list(panels[: len(fields)]),
            height=rows * height,
            aspect=25 * rows,
            pad=0.02,
        )
    fit_height(figure, list(panels[: len(fields)]), rows, height)  # before there is a free place to be found
    for record, field, lines, ax in zip(records, fields, drawn, panels, strict=False):
        if lines is not None and columns <= COLUMNS[chosen().width]:
            taken = [*avoided(field), *places_of(record, field)]
            label_lines(ax, lines, levels.texts, label_colors(levels), SMALL, avoid=taken, holes=holes(field))
    return figure


def fit_height(figure: Figure, panels: Sequence[Axes], rows: int, height: float) -> None:
    """Lay a figure out, and take away the height that its maps leave: numbers beside them make them smaller than `height`."""
    figure.draw_without_rendering()
    tallest = max(ax.get_position().height for ax in panels) * figure.get_figheight()
    spare = height * chosen().size - tallest
    if spare > 0:
        figure.set_figheight(figure.get_figheight() - rows * spare)
        figure.draw_without_rendering()


def lines_of(fields: Sequence[Field], titles: Sequence[str]) -> Figure:
    """Draw lines in one panel: one colour for each record, the test data dashed if there are some."""
    rows = -(-len(fields) // 2) + 1
    figure = new_figure(2.3 + rows * ROW)
    ax = figure.add_subplot()
    keys, split = [], fields[0].quantity.partition("_")[0]
    what = fields[0].quantity.partition("_")[2]
    known = []
    for number, (field, name) in enumerate(zip(fields, titles, strict=True)):
        color = LINES[number % len(LINES)]
        (axis,) = field.coordinates
        ax.plot(axis, field.values, color=color)
        keys.append(Line2D([], [], color=color, label=name))
        known.append(field.values[np.isfinite(field.values)])
        beside = f"test_{what}"
        if split == "train" and beside in field.record.values:
            other = field_of(field.record, beside).values
            ax.plot(axis, other, color=color, linestyle=(0, (4, 1.5)))
            known.append(other[np.isfinite(other)])
    values = np.concatenate(known)
    look = chosen()
    positive = bool(values.size and values.min() > 0)
    wide = positive and values.max() > 1000 * values.min()
    if look.scale == "log" or (look.scale is None and wide and not fields[0].rises):
        if not positive:
            raise InputError("scale: a logarithmic one needs values above 0: leave it out, or give linear")
        ax.set_yscale("log")
    if look.limits is not None:
        ax.set_ylim(*look.limits)
    if any(field.record.values.get(f"test_{what}") is not None for field in fields) and split == "train":
        keys += [Line2D([], [], color="#666666", label="training"), Line2D([], [], color="#666666", linestyle=(0, (4, 1.5)), label="test")]  # fmt: skip
    labels = list(dict.fromkeys(one_line_label(field.record, field.axes[0]) for field in fields))
    ax.set_xlabel(labels[0] if len(labels) == 1 and len(labels[0]) < 45 else GREEK[fields[0].axes[0]])
    label = quantity_label(fields[0].record, fields[0].quantity)
    ax.set_ylabel(
        (label.replace("training ", "", 1) if len(keys) > len(fields) else label).replace(" (", "\n(")
    )
    figure.legend(handles=keys, loc="outside lower left", ncols=2)
    return figure


def marks_words(fields: Sequence[Field]) -> list[str]:
    """Say what the white point and the hatching are, where there are any: panels have no legend."""
    if len(fields[0].axes) == 1:
        return []
    said = ["The white point is the model itself."] if any(field.holds_center for field in fields) else []
    return said + ["Hatched: not finite."] * any(field.diverged.any() for field in fields)


def caption_of(
    records: Sequence[Record], titles: Sequence[str] | None, quantity: str | None, look: Look | None
) -> str:
    """Write what a caption should say: what is drawn, on which scale, and the settings of each record."""
    names = checked_titles(records, titles)
    fields = shared_fields(records, quantity)
    label = quantity_label(fields[0].record, fields[0].quantity)
    lines = [f"{label[0].upper()}{label[1:]}, on one scale for all."]
    if look is not None and look.limits is not None:
        lines.append(f"Values are cut at {short(look.limits[0])} and {short(look.limits[1])}.")
    lines += marks_words(fields)
    for record, name, field in zip(records, names, fields, strict=True):
        scan, settings = field.record, field.record.settings
        grid = " × ".join(str(axis.size) for axis in field.coordinates)
        axes = "; ".join(f"{one_line_label(scan, i)} from {short(scan.axes[i][0])} to {short(scan.axes[i][-1])}" for i in field.axes)  # fmt: skip
        value = field.center_value()
        finite = field.values[np.isfinite(field.values)]
        parts = [
            f"{name}: {settings.get('model_name', 'a function')}, {grid} points", axes, *([field.where()] if field.at else []),
            *([] if value is None else [f"{quantity_name(scan, field.quantity)} {short(value, 4)} at the centre"]),
            *path_words(record),
            *([f"{short(finite.min(), 4)} to {short(finite.max(), 4)} on the grid"] if finite.size else ["nowhere finite"]),
            ", ".join([*(f"{what}{settings[key]}" for key, what in (("seed", "seed "), ("dtype", "")) if settings.get(key) is not None),
                       f"examples {settings.get('examples') or 'all'}, landscape {scan.version}"]),
        ]  # fmt: skip
        lines.append("; ".join(parts) + ".")
    return "\n".join(lines).replace(r"\$", "$") + "\n"
