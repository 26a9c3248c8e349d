"""The loss along each eigenvector of the Hessian by itself, so that a negative curvature is visible beside a steep direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from landscape.errors import InputError
from landscape.plots.field import Field, field_of
from landscape.plots.marks import CENTER, head, legend_below
from landscape.plots.style import house_style_unless, new_figure
from landscape.plots.words import (
    GREEK,
    MINUS,
    eigenvalue_rank,
    eigenvalues_of,
    quantity_label,
    quantity_name,
    short,
)
from landscape.records import Scan

PANEL, AROUND = 1.15, 0.95
TRUTH: dict[str, Any] = {"color": "#004c85", "linestyle": "-"}
MODEL: dict[str, Any] = {"color": "#d55e00", "linestyle": (0, (4, 1.5))}


def plot_cuts(
    record: Scan, *, quantity: str | None = None, levels: int | Sequence[float] | None = None, ax: Axes | None = None
) -> Axes:  # fmt: skip
    """Draw the loss along each eigenvector through θ, less that of θ, beside its quadratic model gα + ½λα².

    On a map of the plane the steepest direction takes all contour lines; here each has a scale of its own, and a negative curvature bends
    down. The slope g is a central difference of the grid.

    Parameters
    ----------
    record
        A scan along eigenvectors of the Hessian, with θ on its grid.
    quantity
        `train_loss`, …; by default the record's main one.
    levels
        Refused: lines have none.
    ax
        Where to draw the first of them; by default those of a new figure, with all.

    Raises
    ------
    landscape.errors.InputError
        No axis is an eigenvector, or θ is not on the grid.
    """
    if levels is not None:
        raise InputError("cuts have no contour lines: leave levels (--levels) out")
    field, found = field_of(record, quantity), eigenvalues_of(record)
    axes = cut_axes(record)
    if not axes:
        raise InputError(
            "cuts are drawn along eigenvectors, with θ inside the grid: scan with --direction eigen"
        )
    with house_style_unless(ax):
        if ax is not None:
            legend_below(ax, _cut(ax, field, axes[0], found[axes[0]]), ours=False)
            return ax
        figure = new_figure(AROUND + PANEL * len(axes))
        panels = figure.subplots(len(axes), 1, squeeze=False)[:, 0]
        for panel, axis in zip(panels, axes, strict=True):
            keys = _cut(panel, field, axis, found[axis])
        figure.align_ylabels()
        name, label = quantity_name(record, field.quantity), quantity_label(record, field.quantity)
        words = label.replace(name, f"{name} {MINUS} that of θ", 1).replace(" (", "\n(", 1)
        figure.supylabel(words, fontsize=panels[0].xaxis.label.get_fontsize())
        head(panels[0], field, ours=True, subject=f"{name} along eigenvectors")
        legend_below(panels[0], keys, ours=True, columns=3)
        return panels[0]


def cut_axes(record: Scan) -> list[int]:
    """Name the axes that are eigenvectors and along which a line of the grid goes through θ; none where it goes through none."""
    through = all(np.any(axis == 0) for axis in record.axes)
    return [index for index in eigenvalues_of(record) if record.axes[index].size > 2] if through else []


def _limits(change: np.ndarray, usual: tuple[float, float], eigenvalue: float) -> tuple[float, float]:
    """Give the range of heights: all, but of a negative curvature so much that the way down fills half of the panel."""
    down = -float(np.nanmin(change))
    return (-1.2 * down, min(usual[1], 1.2 * down)) if eigenvalue < 0 < down else usual


def _cut(ax: Axes, field: Field, axis: int, eigenvalue: float) -> list[Artist]:
    """Draw one line through θ; give the legend's keys."""
    record = field.record
    place: list[Any] = [int(np.flatnonzero(one == 0)[0]) for one in record.axes]
    at, middle = record.axes[axis], place[axis]
    place[axis] = slice(None)
    values = np.asarray(record.quantity(field.quantity), np.float64)[tuple(place)]
    change = np.where(np.isfinite(values), values - values[middle], np.nan)
    slope = np.gradient(change, at)[middle] if 0 < middle < at.size - 1 else 0.0
    length = float(np.linalg.norm(record.directions[axis]))
    ax.axhline(0.0, color="#888888", linewidth=0.6, zorder=0.8)
    ax.plot(at, change, **TRUTH)
    limits = _limits(change, ax.get_ylim(), eigenvalue)
    ax.plot(at, slope * at + 0.5 * eigenvalue * (length * at) ** 2, **MODEL)
    ax.set_ylim(limits)
    ax.plot(0.0, 0.0, **CENTER)
    ax.set_xlim(at[0], at[-1])
    ax.locator_params(nbins=5)
    ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useMathText=True)
    ax.set_xlabel(f"{GREEK[axis]}: {eigenvalue_rank(axis + 1)} eigenvalue λ = {short(eigenvalue)}")
    return [
        Line2D([], [], label="the loss", **TRUTH),
        Line2D([], [], label=f"g{GREEK[0]} + ½λ{GREEK[0]}²", **MODEL),
        Line2D([], [], label="the model θ", **{**CENTER, "clip_on": True}),
    ]
