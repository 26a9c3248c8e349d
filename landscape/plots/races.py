"""A race of optimizers: losses with their band over seeds, and the paths on one plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from landscape.errors import InputError, did_you_mean
from landscape.plots.contours import draw_map, shared_levels
from landscape.plots.field import field_of
from landscape.plots.marks import worded_keys
from landscape.plots.style import figure_of, house_style_unless, new_figure
from landscape.plots.words import quantity_label, short, shorten
from landscape.records import Race

# Okabe and Ito's colours, dark enough on white; beyond seven the dashes and markers tell them apart.
COLORS = ("#004c85", "#d55e00", "#007a5e", "#a0457f", "#8a6d00", "#333333", "#3399cc")
# As many as have no common factor with the colours, so that no pair of both comes twice soon.
DASHES: tuple[Any, ...] = (
    "-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (4, 1.2, 1, 1.2, 1, 1.2)), (0, (9, 2)),
)  # fmt: skip
MARKERS = "osD^vPX*p<>h"
HEIGHT, LEGEND_ROW = 2.3, 0.135
# Free room below the lowest loss, of the logarithmic axis.
EDGE = 0.05


def look_of(index: int) -> dict[str, Any]:
    """Give the colour and dashes of the entrant at a place."""
    return {"color": COLORS[index % len(COLORS)], "linestyle": DASHES[index % len(DASHES)]}


def plot_race(record: Race, *, quantity: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw a quantity against updates, with medians and ranges over the seeds.

    The axis above counts the examples seen. In the legend the best stands first.

    Raises
    ------
    landscape.errors.InputError
        No such quantity.
    """
    name = "train_loss" if quantity is None else quantity
    if name not in record.values:
        raise InputError(
            f"no quantity '{name}' in this record: it has {', '.join(record.values)}{did_you_mean(name, record.values)}"
        )
    with house_style_unless(ax):
        axes = new_figure(HEIGHT + LEGEND_ROW * len(record.optimizers)).add_subplot() if ax is None else ax
        worst = -np.inf if name.endswith("_accuracy") else np.inf
        lines = [_band(axes, record, index, record.values[name][index], worst) for index in record.ranking()]
        _frame(axes, record, name)
        if ax is not None:
            ax.legend(handles=lines)
            return ax
        figure = figure_of(axes)
        figure.suptitle(title(record), x=0.02, ha="left", fontsize=axes.title.get_fontsize())
        figure.legend(
            handles=lines,
            loc="outside lower left",
            title="ranked by the final training loss",
            alignment="left",
        )
        return axes


def title(record: Race) -> str:
    """Name the model, what the bands are, and whether rates were tuned."""
    seeds = record.diverged.shape[1]
    said = [f"median and range of {seeds} seeds"] if seeds > 1 else []
    said.append("rates tuned alike" if record.tuned else "rates not tuned")
    return f"{shorten(str(record.settings.get('model_name', '')))}: {', '.join(said)}"


def _band(ax: Axes, record: Race, index: int, runs: np.ndarray, worst: float) -> Artist:
    """Draw one optimizer's runs [S, K]; where one has diverged there is no band, where the median has no line."""
    look = look_of(index)
    # A run that diverged is beyond all others, as in the ranking.
    counted = np.where(np.isfinite(runs), runs, worst)
    middle = np.median(counted, axis=0)
    (line,) = ax.plot(
        record.step, np.where(np.isfinite(middle), middle, np.nan), label=entrant(record, index), **look
    )
    if len(runs) > 1:
        known = np.isfinite(runs).all(axis=0)
        low, high = (np.where(known, edge(counted, axis=0), np.nan) for edge in (np.min, np.max))
        ax.fill_between(record.step, low, high, color=look["color"], alpha=0.18, linewidth=0)
    return line


def entrant(record: Race, index: int) -> str:
    """Name an optimizer with its rate, its final loss and what diverged."""
    final = float(np.median(record.final()[index]))
    words = f"{record.optimizers[index]}, η = {short(record.rates[index])}"
    words += f": {short(final)}" if np.isfinite(final) else ""
    gone = int(np.count_nonzero(record.diverged[index] >= 0))
    return words + (f", {gone} of {record.diverged.shape[1]} diverged" if gone else "")


def _frame(ax: Axes, record: Race, name: str) -> None:
    known = record.values[name][np.isfinite(record.values[name])]
    # What explodes would press all others to the floor.
    first = record.values[name][:, :, 0]
    top = 3.0 * float(np.nanmax(first)) if np.isfinite(first).any() else None
    logarithmic = bool(known.size) and known.min() > 0 and name.endswith("_loss")
    if logarithmic:
        ax.set_yscale("log")
    if top is not None and known.size and known.max() > top and name.endswith("_loss"):
        ax.set_ylim(top=top)
        if logarithmic:
            ax.set_ylim(bottom=known.min() * (known.min() / top) ** EDGE)
    ax.set_xlim(0, record.step[-1])
    ax.set_xlabel("updates")
    ax.set_ylabel(quantity_label(record.scan, name).replace(" (", "\n("))
    ratio = float(record.examples[-1] / record.step[-1])
    above = ax.secondary_xaxis(
        "top", functions=(lambda x: np.asarray(x) * ratio, lambda x: np.asarray(x) / ratio)
    )
    above.set_xlabel("examples seen")


def plot_race_paths(
    record: Race,
    *,
    quantity: str | None = None,
    levels: int | Sequence[float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the paths of the first seed over the loss on their principal plane.

    Raises
    ------
    landscape.errors.InputError
        The plane has no such quantity, or it cannot be drawn with these levels.
    """
    field = replace(field_of(record.scan, quantity), center=start_of(record))
    points = [(float(x), float(y)) for path in record.projected for x, y in path if np.isfinite(x)]
    with house_style_unless(ax):
        return draw_map(
            field,
            shared_levels(field, levels),
            ax,
            overlay=lambda axes: draw_paths(axes, record),
            around=points,
        )


def start_of(record: Race) -> str:
    """Name the point at which all runs start."""
    return "one fresh start" if record.settings.get("init") else "the model θ"


def draw_paths(ax: Axes, record: Race) -> list[Artist]:
    """Draw each path with a marker at its end; give the legend's keys."""
    keys = [draw_one_path(ax, record, index, index) for index in record.ranking()]
    return [*keys, *worded_keys([f"all start at {start_of(record)}", remark(record)])]


def draw_one_path(ax: Axes, record: Race, index: int, place: int) -> Artist:
    """Draw the path of one optimizer with the colour and marker of a place; give the legend's key."""
    x, y = record.projected[index].T
    last = int(np.flatnonzero(np.isfinite(x))[-1])
    (path,) = ax.plot(
        x, y, color=look_of(place)["color"], linewidth=1.1, zorder=4, label=record.optimizers[index],
        marker=MARKERS[place % len(MARKERS)], markevery=[last], markersize=4.5, markeredgecolor="white",
        markeredgewidth=0.6,
    )  # fmt: skip
    path.set_path_effects([Stroke(foreground="white", linewidth=2.2), Normal()])
    return path


def remark(record: Race) -> str:
    """Say how much of the paths the plane holds."""
    return f"{record.captured.sum():.1%} of the paths' variance is on this plane"


def race_figure_names(record: Race, *, quantity: str | None = None, kind: str = "both") -> list[str]:
    """Name the figures without drawing them.

    Raises
    ------
    landscape.errors.InputError
        No such quantity.
    """
    if quantity is not None and quantity not in record.values:
        raise InputError(
            f"no quantity '{quantity}' in this record: it has {', '.join(record.values)}{did_you_mean(quantity, record.values)}"
        )
    return ["race", "paths"]


def race_figures(
    record: Race,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw the losses, or a `quantity`, and the paths on the plane of the loss, with these `levels`."""
    return {
        "race": figure_of(plot_race(record, quantity=quantity)),
        "paths": figure_of(plot_race_paths(record, levels=levels)),
    }
