"""The extreme eigenvalues of each node's part of the Hessian, node under node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from landscape.errors import InputError
from landscape.plots.eigenvalue_axis import hessian_title, scale_eigenvalues, shade_negative
from landscape.plots.marks import legend_below
from landscape.plots.style import add_rows, figure_of, house_style_unless, new_figure
from landscape.plots.words import shorten
from landscape.records import Hessian

AROUND = 1.0
ROW = 0.19
LEGEND_ROW = 0.135
LONGEST_NAME = 18
LARGEST: Mapping[str, Any] = {"marker": "o", "color": "#004c85", "markersize": 4}
SMALLEST: Mapping[str, Any] = {"marker": "v", "color": "#d55e00", "markersize": 4.5}


def plot_node_eigenvalues(record: Hessian, *, ax: Axes | None = None) -> Axes:
    """Draw the smallest and the largest eigenvalue of each node's submatrix.

    Parameters
    ----------
    record
        A Hessian made with `by_node`.
    ax
        The axes to draw on; by default those of a new figure.

    Raises
    ------
    landscape.errors.InputError
        The record has no eigenvalues of nodes.
    """
    if not record.node_names:
        raise InputError("the record has no eigenvalues of nodes: make it with --by-node")
    with house_style_unless(ax):
        count = len(record.node_names)
        axes = new_figure(AROUND + ROW * count).add_subplot() if ax is None else ax
        keys = _draw(axes, record)
        axes.set_title(hessian_title(record, "curvature by node"))
        if ax is None:
            figure = figure_of(axes)
            add_rows(figure, LEGEND_ROW * len(keys))
        legend_below(axes, keys, ours=ax is None)
        return axes


def _draw(ax: Axes, record: Hessian) -> list[Artist]:
    places = np.arange(len(record.node_names))
    low, high = record.node_eigenvalues.T
    whole = record.eigenvalues[-1:] if record.settings.get("top") else record.eigenvalues[:0]
    scale_eigenvalues(ax, np.concatenate([low, high, whole]), "x")
    ax.hlines(places, low, high, color="#999999", linewidth=0.8, zorder=1)
    keys: list[Artist] = []
    for values, errors, look, text in (
        (high, record.node_errors[:, 1], LARGEST, "largest of the node's submatrix"),
        (low, record.node_errors[:, 0], SMALLEST, "smallest"),
    ):
        ax.errorbar(values, places, xerr=errors, fmt="none", ecolor="#555555", elinewidth=0.6)
        keys += ax.plot(values, places, linestyle="none", label=text, **look)
    if len(whole):
        keys.append(
            ax.axvline(
                whole[0], color="#333333", linestyle=":", linewidth=0.9, label="largest of the whole Hessian"
            )
        )
    ax.set_yticks(places, [shorten(name, LONGEST_NAME) for name in record.node_names])
    ax.set_ylim(len(places) - 0.5, -0.5)
    ax.set_xlabel("eigenvalue λ")
    return keys + shade_negative(ax, "x")
