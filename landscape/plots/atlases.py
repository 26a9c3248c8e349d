"""The atlas of critical points: loss against the share of eigenvalues, counted with the error and without."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from landscape.errors import InputError
from landscape.plots.marks import legend_below
from landscape.plots.style import house_style_unless, new_figure
from landscape.plots.words import shorten
from landscape.records import Atlas

HEIGHT = 3.2
COUNTED: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": "#004c85", "markersize": 4}
NAIVE: dict[str, Any] = {
    "linestyle": "none",
    "marker": "s",
    "color": "#d55e00",
    "markersize": 3.8,
    "markerfacecolor": "none",
}
INDEX: dict[str, Any] = {"linestyle": "none", "marker": "v", "color": "#333333", "markersize": 4.5}


def plot_atlas(record: Atlas, *, ax: Axes | None = None) -> Axes:
    """Draw the loss of each critical point against its index and its share of positive eigenvalues.

    The index is the number of eigenvalues below zero beyond the error. The ratio is that of positive eigenvalues among all:
    with the error (filled), and by the sign alone (open), which for zero eigenvalues is the sign of rounding.

    Parameters
    ----------
    record
        An atlas with a critical point at least.
    ax
        Where to draw the ratio; by default on a figure of its own, the index above it.

    Raises
    ------
    landscape.errors.InputError
        No critical point was found.
    """
    if not np.any(record.critical):
        raise InputError("the atlas has no critical points to draw: try more starts")
    with house_style_unless(ax):
        if ax is not None:
            _ratio(ax, record)
            return ax
        figure = new_figure(HEIGHT)
        left, right = figure.subplots(1, 2, sharey=True)
        keys = _index(left, record)
        keys += _ratio(right, record)
        right.set_ylabel("")
        figure.suptitle(_title(record), x=0.02, ha="left", fontsize=7.5)
        legend_below(left, keys, ours=True)
        return left


def _index(ax: Axes, record: Atlas) -> list:
    kept = record.critical
    index, (low, high) = record.inertia[kept, 2], record.index_interval[kept].T
    ax.hlines(record.loss[kept], low, high, color="#b4b4b4", linewidth=1.5, zorder=1)
    keys = ax.plot(index, record.loss[kept], label="index: eigenvalues below zero beyond the error", **INDEX)
    keys += ax.plot([], [], color="#b4b4b4", linewidth=1.5, label="its interval: LDLᵀ of H ± δI")
    ax.set_xlabel("index")
    ax.set_ylabel("loss")
    ax.margins(x=0.08)
    ax.locator_params(axis="x", integer=True, nbins=6)
    ax.grid(True)
    return keys


def _ratio(ax: Axes, record: Atlas) -> list:
    kept = record.critical
    loss = record.loss[kept]
    naive, counted = record.positive[kept] / record.size, record.inertia[kept, 0] / record.size
    ax.hlines(
        loss, np.minimum(naive, counted), np.maximum(naive, counted), color="#d8d8d8", linewidth=0.6, zorder=1
    )
    keys = ax.plot(naive, loss, label="ratio by sign alone: zeros get the sign of rounding", **NAIVE)
    keys += ax.plot(counted, loss, label="ratio of eigenvalues above zero beyond the error", **COUNTED)
    ax.set_xlim(-0.03, 1.03)
    ax.set_xlabel("minimum ratio")
    ax.set_ylabel("loss")
    ax.grid(True)
    return keys


def _title(record: Atlas) -> str:
    name = shorten(str(record.settings.get("model_name") or "function"))
    kept = record.critical
    zero = np.mean(record.inertia[kept, 1]) / record.size
    return (
        f"{name}: {int(kept.sum())} critical points from {int(record.done.sum())} starts\n"
        f"P = {record.size:,}; {zero:.0%} of eigenvalues zero within the error"
    )
