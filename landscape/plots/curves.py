"""A line through the loss as curves: training and test, the loss above, the accuracy and chosen metrics below."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from landscape.errors import InputError
from landscape.plots.field import LARGEST, Field, field_of
from landscape.plots.levels import finite_of, without_outliers
from landscape.plots.look import chosen
from landscape.plots.marks import (
    BEST,
    CENTER,
    OTHER,
    best_text,
    head,
    legend_below,
    missing_texts,
    worded_keys,
)
from landscape.plots.plateau import draw_constant_line, flat_words
from landscape.plots.style import (
    NOT_FINITE,
    SPLIT_LINES,
    UNFINISHED,
    add_rows,
    house_style_unless,
    new_figure,
)
from landscape.plots.words import (
    EIGENVALUES,
    LOWEST,
    SPLITS,
    axis_label,
    other_text,
    quantity_label,
    quantity_name,
    words_of,
)
from landscape.records import Scan

# Of the first panel, and of each that stands below it.
HEIGHT, PANEL = 2.1, 1.0
# Letters that fit beside a low panel.
LOW_LABEL = 15
LEGEND_ROW = 0.135
# The heights are logarithmic from here on: highest over lowest.
LOG_RATIO = 1000.0
SHORT_LABEL = 27
BAND = "band: ± one standard error"


def plot_curves(
    record: Scan,
    *,
    quantity: str | None = None,
    levels: int | Sequence[float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a one-dimensional scan as curves.

    By default the loss of every split, below it the accuracy, and the metrics that were chosen; with a `quantity`, that one for every
    split. Standard errors are bands. Stretches that are not finite are hatched. Logarithmic where the losses
    span decades.

    Parameters
    ----------
    record
        A scan with one axis of more than one point (or a single point).
    quantity
        `train_loss`, `test_accuracy`, …; by default losses, accuracies and the chosen metrics.
    levels
        Refused: curves have no contour lines.
    ax
        Where to draw the loss (or the quantity); by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The upper panel.

    Raises
    ------
    landscape.errors.InputError
        More dimensions, no such quantity, or levels.
    """
    field = field_of(record, quantity)
    if levels is not None:
        raise InputError("curves have no contour lines: leave levels (--levels) out")
    if len(field.axes) > 1:
        raise InputError(f"curves need one axis of several points, the record has {len(field.axes)}")
    groups = _groups(record, quantity)
    with house_style_unless(ax):
        if ax is None:
            return _on_own_figure(record, groups)
        legend_below(ax, _once(_panel(ax, record, groups[0])), ours=False)
        return ax


def _groups(record: Scan, quantity: str | None) -> list[list[str]]:
    """Say which quantities share a panel."""
    if quantity is not None and quantity not in record.values:
        return [[quantity]]
    there = [name.partition("_")[2] for name in record.values]
    metrics = dict.fromkeys(what for what in there if what not in ("loss", "accuracy", *EIGENVALUES))
    kinds = ["loss", "accuracy", *metrics] if quantity is None else [quantity.partition("_")[2]]
    groups = [[f"{split}_{kind}" for split in SPLITS if f"{split}_{kind}" in record.values] for kind in kinds]
    return [group for group in groups if group] or [[record.main]]


def _on_own_figure(record: Scan, groups: list[list[str]]) -> Axes:
    figure = new_figure(HEIGHT + PANEL * (len(groups) - 1))
    ratios = [3] + [2] * (len(groups) - 1)
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    keys: list[Artist] = []
    for panel, group in zip(panels, groups, strict=True):
        keys += _panel(panel, record, group, best=panel is panels[0])
    figure.align_ylabels()
    head(panels[0], field_of(record, groups[0][0]), ours=True, subject=_subject(record, groups[0]))
    for panel in panels[:-1]:
        panel.set_xlabel("")
    _add_legend(figure, panels[0], keys)
    return panels[0]


def _subject(record: Scan, group: list[str]) -> str:
    """Name what the curves are: `training and test loss`."""
    if len(group) == 1:
        return quantity_name(record, group[0])
    splits = [SPLITS[quantity.partition("_")[0]] for quantity in group]
    what = words_of(group[0].partition("_")[2])
    return f"{', '.join(splits[:-1])} and {splits[-1]} {what}"


def _add_legend(figure: Figure, ax: Axes, keys: list[Artist]) -> None:
    """Say everything once, in as many columns as fit."""
    keys = _once(keys)
    fitting = int(2 * chosen().room)
    columns = fitting if all(len(str(key.get_label())) <= SHORT_LABEL for key in keys) else fitting // 2
    add_rows(figure, LEGEND_ROW * -(-len(keys) // columns))
    legend_below(ax, keys, ours=True, columns=columns)


def _once(keys: list[Artist]) -> list[Artist]:
    """Leave out what is said already; curves and points first."""
    once = {str(key.get_label()): key for key in keys}
    return sorted(once.values(), key=lambda key: isinstance(key, Patch))


def _panel(ax: Axes, record: Scan, group: list[str], best: bool = True) -> list[Artist]:
    """Draw quantities of one kind, and mark the best point if asked for; give the legend's keys."""
    fields = [field_of(record, quantity) for quantity in group]
    keys = [key for field in fields for key in _curve(ax, field)]
    keys += draw_constant_line(ax, fields[0])
    _scale(ax, fields)
    if best:  # the panel whose quantity was asked for, or the loss's
        _scale_as_chosen(ax, fields)
    keys += worded_keys(flat_words(fields[0]))
    keys += _missing(ax, fields) + _points(ax, fields[0], best)
    _label(ax, fields)
    return keys


def _curve(ax: Axes, field: Field) -> list[Artist]:
    split = field.quantity.partition("_")[0]
    look = SPLIT_LINES.get(split, SPLIT_LINES["train"])
    x, y = _coordinates(field), np.atleast_1d(field.values)
    marker = "o" if _has_islands(y) else None
    label = (
        SPLITS[split]
        if split in SPLITS and field.record.data
        else quantity_name(field.record, field.quantity)
    )
    lines: list[Artist] = [*ax.plot(x, y, label=label, marker=marker, markersize=2, **look)]
    error = field.record.errors.get(field.quantity)
    if error is None:
        return lines
    spread = np.squeeze(error).reshape(y.shape)
    ax.fill_between(x, y - spread, y + spread, color=look["color"], alpha=0.18, linewidth=0)
    return [*lines, Patch(facecolor="#00000030", label=BAND)]


def _coordinates(field: Field) -> np.ndarray:
    """Give the coordinates along the line; of a single point, its own."""
    return field.coordinates[0] if field.axes else field.record.axes[0]


def _has_islands(values: np.ndarray) -> bool:
    """Say whether a finite point has no finite neighbour: a line alone would not show it."""
    finite = np.concatenate([[False], np.isfinite(values), [False]])
    return bool(np.any(finite[1:-1] & ~finite[:-2] & ~finite[2:]))


def _scale(ax: Axes, fields: list[Field]) -> None:
    known = finite_of(np.concatenate([field.values.ravel() for field in fields]))
    if known.size == 0:
        ax.text(0.5, 0.5, "no finite value", transform=ax.transAxes, ha="center", va="center")
        ax.set_yticks([])
        return
    if fields[0].rises:
        low = LOWEST.get(fields[0].quantity.partition("_")[2], known[0])
        ax.set_ylim(min(0.0, max(low, known[0])), max(1.0, known[-1]))
        return
    top = without_outliers(known)
    logarithmic = known[0] > 0 and top >= LOG_RATIO * known[0]
    if logarithmic:
        ax.set_yscale("log")
    if top < known[-1]:
        low = known[0] if logarithmic else known[0] - 0.05 * (top - known[0])
        ax.set_ylim(low, 1.05 * top)


def _scale_as_chosen(ax: Axes, fields: list[Field]) -> None:
    """Set the scale and its ends where the look says them."""
    look, known = chosen(), finite_of(np.concatenate([field.values.ravel() for field in fields]))
    if known.size == 0:
        return
    if look.scale == "log" and known[0] <= 0:
        raise InputError("scale: a logarithmic one needs values above 0: leave it out, or give linear")
    if look.scale is not None:
        ax.set_yscale(look.scale)
        ax.autoscale(axis="y")
    if look.limits is not None:
        ax.set_ylim(*look.limits)


def _missing(ax: Axes, fields: list[Field]) -> list[Artist]:
    """Hatch where a quantity has no value; one key for each kind, with the larger count."""
    keys: list[Artist] = []
    worst = max(fields, key=lambda field: np.count_nonzero(field.diverged))
    looks = [(worst.diverged, NOT_FINITE), (worst.unfinished, UNFINISHED)]
    for (mask, look), text in zip(
        [pair for pair in looks if pair[0].any()], missing_texts(worst), strict=True
    ):
        for low, high in _stretches(np.atleast_1d(mask), _coordinates(worst)):
            ax.axvspan(low, high, linewidth=0, zorder=0.5, **look)
        keys.append(Patch(linewidth=0.4, label=text, **look))
    return keys


def _stretches(mask: np.ndarray, x: np.ndarray) -> list[tuple[float, float]]:
    """Give the ends of each run of points in a mask, half a step wider than the points."""
    if len(x) < 2:
        return [(x[0] - 0.5, x[0] + 0.5)] if mask.any() else []
    edges = np.concatenate([[x[0]], (x[1:] + x[:-1]) / 2, [x[-1]]])
    steps = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(float(edges[a]), float(edges[b])) for a, b in steps.reshape(-1, 2)]


def _points(ax: Axes, field: Field, best: bool) -> list[Artist]:
    """Mark the model, the other model and the best point on the first curve."""
    keys: list[Artist] = []
    if field.holds_center:
        ax.axvline(0.0, color="#888888", linewidth=0.6, linestyle=":", zorder=0.8)
        keys += _mark(ax, field, 0.0, field.center_value(), {**CENTER, "label": "the model θ"})
    if field.holds_other:
        ax.axvline(1.0, color="#888888", linewidth=0.6, linestyle=":", zorder=0.8)
        keys += _mark(ax, field, 1.0, None, {**OTHER, "label": other_text(field.record)})
    if best and field.beaten and field.best is not None and field.axes:
        (x,) = field.point(field.best)
        keys += _mark(ax, field, x, None, {**BEST, "label": best_text(field)})
    return keys


def _mark(ax: Axes, field: Field, x: float, value: float | None, look: dict) -> list[Artist]:
    if value is None:
        value = float(np.interp(x, _coordinates(field), np.atleast_1d(field.values)))
    drawn = abs(value) <= LARGEST and (value > 0 or ax.get_yscale() == "linear")
    return list(ax.plot(x, value, **look)) if drawn else []


def _label(ax: Axes, fields: list[Field]) -> None:
    record, first = fields[0].record, fields[0]
    x = _coordinates(first)
    if len(x) > 1:
        ax.set_xlim(x[0], x[-1])
    ax.locator_params(axis="x", nbins=7)
    ax.set_xlabel(axis_label(record, first.axes[0] if first.axes else 0))
    split, _, what = first.quantity.partition("_")
    label = quantity_label(record, first.quantity)
    if len(fields) > 1 and split in SPLITS:
        label = label.replace(quantity_name(record, first.quantity), words_of(what), 1)
    name, bracket, unit = label.partition(" (")
    low = what not in ("loss", "accuracy", "", *EIGENVALUES)
    ax.set_ylabel(
        "\n".join([*(wrap(name, LOW_LABEL) if low else [name]), *([f"({unit}"] if bracket else [])])
    )
