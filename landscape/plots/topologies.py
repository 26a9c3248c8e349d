"""Figures of a surface's topology: basins on the map, their persistence, and how they merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke

from landscape.errors import InputError
from landscape.plots.basins import into_of, limit_words, numbers, order_of, shallow, shown, top_of
from landscape.plots.contours import draw_map, shared_levels
from landscape.plots.field import dimensions, field_of
from landscape.plots.marks import legend_below, worded_keys
from landscape.plots.style import SMALL, figure_of, house_style_unless, new_figure
from landscape.plots.words import quantity_label, shorten, wrapped
from landscape.records import Topology

# Bars of what is noise.
SOME = 8
NOISE = "#c4c4c4"
INTERIOR, AT_EDGE = "#004c85", "#d55e00"
OUTLINE: dict[str, Any] = {"colors": "white", "linewidths": 1.0, "zorder": 3}
MINIMUM: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markersize": 3.6, "markerfacecolor": "black", "markeredgecolor": "white",
    "markeredgewidth": 0.7, "zorder": 6, "clip_on": False,
}  # fmt: skip
EDGE_MINIMUM = MINIMUM | {"marker": "^", "markersize": 4.6}
SADDLE: dict[str, Any] = {
    "linestyle": "none", "marker": "x", "markersize": 4.6, "markeredgecolor": "#d40000", "markeredgewidth": 1.3, "zorder": 6,
    "path_effects": [Stroke(linewidth=2.6, foreground="white"), Normal()],
}  # fmt: skip
HEIGHT, ROW = 2.2, 0.135
# In the diagram of heights: a basin with no saddle has no height there.
DEEPEST: dict[str, Any] = {
    "linestyle": "none", "marker": "^", "markersize": 4, "color": "#333333", "label": "the deepest, which joins no other: at the top",
}  # fmt: skip
# Logarithmic from here on: highest over lowest.
LOG_RATIO = 1000.0
# And where ratios decide.
RATIO = 3.0
SLICE = "Basins and saddles of this slice; the whole loss need not have them."


def plot_basins(
    record: Topology, *, levels: int | Sequence[float] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the basins of a plane on its contour map, outlined and numbered, with the saddles between them.

    The deepest basin has the number 1.

    Parameters
    ----------
    record
        The topology of a scan with two axes of several points.
    levels
        As `plot_contours` takes them.
    ax
        The axes to draw on; by default those of a new figure.

    Raises
    ------
    landscape.errors.InputError
        Another number of axes, or levels that cannot be drawn.
    """
    if dimensions(record.scan) != 2:
        raise InputError(
            f"basins are outlined on a plane, the scan has {dimensions(record.scan)} axes of several points"
        )
    field = field_of(record.scan, record.quantity)
    with house_style_unless(ax):
        chosen = shared_levels(field, levels)
        places = [place for k in shown(record) for place in points_of(record, k, field.axes)]
        return draw_map(field, chosen, ax, overlay=lambda axes: outlined(axes, record), around=places)


def points_of(record: Topology, basin: int, axes: Sequence[int]) -> list[tuple[float, float]]:
    """Give the places of minimum and saddle on a plane."""
    found = [record.at(int(place)) for place in record.index[basin] if place >= 0]
    return [(at[axes[0]], at[axes[1]]) for at in found]


def outlined(ax: Axes, record: Topology) -> list[Artist]:
    """Draw outlines, minima and saddles; give the legend's keys."""
    field = field_of(record.scan, record.quantity)
    edged = [Stroke(linewidth=2.0, foreground="black"), Normal()]
    lines = LineCollection(
        borders(np.squeeze(record.basin_of), *field.coordinates),
        path_effects=edged,
        **OUTLINE,
    )
    keys: list[Artist] = []
    if lines.get_segments():
        ax.add_collection(lines)
        keys.append(Line2D([], [], color="white", linewidth=1.0, path_effects=edged, label="edges of basins"))
    crosses = [points_of(record, k, field.axes)[1] for k in shown(record) if record.index[k, 1] >= 0]
    for k, number in numbers(record).items():
        x, y = points_of(record, k, field.axes)[0]
        ax.plot([x], [y], **(EDGE_MINIMUM if record.open[k] else MINIMUM))
        ax.annotate(str(number), (x, y), (3.5, 3.5), textcoords="offset points", fontsize=SMALL, zorder=7,
                    path_effects=[Stroke(linewidth=1.6, foreground="white"), Normal()], annotation_clip=False)  # fmt: skip
    if crosses:
        ax.plot(*np.array(crosses).T, **SADDLE)
    inside = sum(not record.open[k] for k in record.kept)
    edge = len(record.kept) - inside
    keys += [Line2D([], [], label=f"lowest points of basins ({inside})", **MINIMUM)] if inside else []
    keys += (
        [Line2D([], [], label=f"lowest points on the edge ({edge}): open", **EDGE_MINIMUM)] if edge else []
    )
    keys += [Line2D([], [], label=f"saddles of the slice ({len(crosses)})", **SADDLE)] if crosses else []
    return keys


def borders(label: np.ndarray, x: np.ndarray, y: np.ndarray) -> list[list[tuple[float, float]]]:
    """Give the lines half-way between neighbours of different basins."""
    half_x, half_y = (np.concatenate([[a[0]], (a[1:] + a[:-1]) / 2, [a[-1]]]) for a in (x, y))
    across = (label[1:] != label[:-1]) & (label[1:] >= 0) & (label[:-1] >= 0)
    along = (label[:, 1:] != label[:, :-1]) & (label[:, 1:] >= 0) & (label[:, :-1] >= 0)
    upright = [[(half_x[i + 1], half_y[j]), (half_x[i + 1], half_y[j + 1])] for i, j in np.argwhere(across)]
    flat = [[(half_x[i], half_y[j + 1]), (half_x[i + 1], half_y[j + 1])] for i, j in np.argwhere(along)]
    return upright + flat


def plot_barcode(record: Topology, *, ax: Axes | None = None) -> Axes:
    """Draw each basin as a bar from its lowest point to the saddle where it joins a deeper one.

    Basins that count as noise are grey.

    Parameters
    ----------
    record
        The topology of a scan.
    ax
        The axes to draw on; by default those of a new figure.
    """
    kept, noise = shown(record), shallow(record)
    with house_style_unless(ax):
        ours = ax is None
        bars = [*noise[:SOME][::-1], *kept[::-1]]
        axes = new_figure(0.95 + 0.1 * max(len(bars), 4) + 4 * ROW).add_subplot() if ax is None else ax
        top = top_of(record)
        for row, k in enumerate(bars):
            low, high = record.pairs[k, 0], min(record.pairs[k, 1], top)
            axes.plot(
                [low, high], [row, row], linewidth=3.2, solid_capstyle="butt", color=color_of(record, k)
            )
            if np.isinf(record.pairs[k, 1]):
                axes.plot([top], [row], marker=">", markersize=4, color=color_of(record, k), clip_on=False)
            if k in numbers(record):
                axes.annotate(str(numbers(record)[k]), (low, row), (-3, 0), textcoords="offset points",
                              ha="right", va="center", fontsize=SMALL, annotation_clip=False)  # fmt: skip
        axes.set_ylim(-0.8, len(bars) - 0.2)
        axes.set_yticks([])
        axes.set_xlabel(f"{quantity_label(record.scan, record.quantity)}")
        scaled(axes, record, "x")
        axes.spines[["left", "top", "right"]].set_visible(False)
        finish(axes, record, "how long each basin lasts", keys_of(record, len(noise), bars=True), ours)
        return axes


def plot_persistence(record: Topology, *, ax: Axes | None = None) -> Axes:
    """Draw basins by the heights of minimum and saddle, where deeper basins lie farther above the diagonal.

    The band along the diagonal is what counts as noise.

    Parameters
    ----------
    record
        The topology of a scan.
    ax
        The axes to draw on; by default those of a new figure.
    """
    with house_style_unless(ax):
        ours = ax is None
        axes = new_figure(2.6 + 4 * ROW).add_subplot() if ax is None else ax
        top, low = top_of(record), float(record.pairs[:, 0].min())
        line = np.linspace(low, top, 200)
        error = float(np.median(record.error))
        ratio = record.scale == "log"
        band = (
            np.maximum(line * record.threshold, line + error)
            if ratio
            else line + max(record.threshold, error)
        )
        axes.fill_between(line, line, np.minimum(band, top), color="#e4e4e4", linewidth=0, zorder=0)
        axes.plot(line, line, color="#333333", linewidth=0.6, zorder=1)
        for k in [*shallow(record), *shown(record)]:
            height = min(record.pairs[k, 1], top)
            marker = "^" if np.isinf(record.pairs[k, 1]) else "o"
            hollow = bool(record.open[k])
            color = color_of(record, k)
            axes.plot(record.pairs[k, 0], height, marker=marker, markersize=4, linestyle="none", clip_on=False,
                      markerfacecolor="white" if hollow and color != NOISE else color, markeredgecolor=color, zorder=3)  # fmt: skip
            if k in numbers(record):
                axes.annotate(str(numbers(record)[k]), (record.pairs[k, 0], height), (4, -2), textcoords="offset points", fontsize=SMALL)  # fmt: skip
        label = quantity_label(record.scan, record.quantity)
        axes.set_xlabel(f"lowest point: {label}")
        axes.set_ylabel("saddle")
        scaled(axes, record, "x")
        scaled(axes, record, "y")
        whole = [DEEPEST] if any(np.isinf(record.pairs[k, 1]) for k in shown(record)) else []
        keys = keys_of(record, len(shallow(record)), bars=False)
        keys += [Line2D([], [], **look) for look in whole]
        keys += [Patch(color="#e4e4e4", label=f"{limit_words(record)}: noise")]
        finish(axes, record, "basins by height", keys, ours)
        return axes


def plot_merge_tree(record: Topology, *, ax: Axes | None = None) -> Axes:
    """Draw how basins merge: a branch for each, from its lowest point up to the saddle where it meets a deeper one.

    Wider branches are basins that fill more of the window.

    Parameters
    ----------
    record
        The topology of a scan.
    ax
        The axes to draw on; by default those of a new figure.
    """
    with house_style_unless(ax):
        ours = ax is None
        axes = new_figure(HEIGHT + 0.6 + 3 * ROW).add_subplot() if ax is None else ax
        top, kept = top_of(record), shown(record)
        place = {k: x for x, k in enumerate(order_of(record, kept))}
        area = {k: record.basin_summary(k)["area"] for k in kept}
        for k in kept:
            low, high = record.pairs[k, 0], min(record.pairs[k, 1], top)
            color = color_of(record, k)
            axes.plot(
                [place[k], place[k]],
                [low, high],
                color=color,
                linewidth=1 + 5 * area[k],
                solid_capstyle="butt",
            )
            into = into_of(record, k)
            if into in place:
                axes.plot([place[k], place[into]], [high, high], color="#333333", linewidth=0.7, zorder=1)
            axes.annotate(f"{numbers(record)[k]}\n{area[k]:.0%}", (place[k], low), (0, -3), textcoords="offset points",
                          ha="center", va="top", fontsize=SMALL, annotation_clip=False)  # fmt: skip
        axes.set_xlim(-0.6, len(kept) - 0.4)
        axes.set_xticks([])
        axes.set_ylabel(quantity_label(record.scan, record.quantity).replace(" (", "\n("))
        axes.margins(y=0.16)
        scaled(axes, record, "y")
        axes.spines[["bottom", "top", "right"]].set_visible(False)
        finish(
            axes, record, "how basins join (number, share of the window)", keys_of(record, 0, bars=True), ours
        )
        return axes


def color_of(record: Topology, basin: int) -> str:
    """Give the colour of a basin: of one inside, one that is open, and noise."""
    if record.survivor[basin] != basin:
        return NOISE
    return AT_EDGE if record.open[basin] else INTERIOR


def keys_of(record: Topology, noise: int, *, bars: bool) -> list[Artist]:
    """Give the legend's keys."""
    look: dict[str, Any] = (
        {"linewidth": 3.2} if bars else {"linestyle": "none", "marker": "o", "markersize": 4}
    )
    inside = sum(not record.open[k] for k in record.kept)
    edge = len(record.kept) - inside
    keys: list[Artist] = []
    keys += (
        [Line2D([], [], color=INTERIOR, label=f"basins inside the window ({inside})", **look)]
        if inside
        else []
    )
    hollow: dict[str, Any] = {} if bars else {"markerfacecolor": "white"}
    keys += (
        [Line2D([], [], color=AT_EDGE, label=f"open at its edge ({edge})", **look, **hollow)] if edge else []
    )
    keys += [Line2D([], [], color=NOISE, label=f"{limit_words(record)}: left out ({noise})", **look)] if noise else []  # fmt: skip
    return keys


def scaled(ax: Axes, record: Topology, axis: str) -> None:
    """Make an axis logarithmic where the heights span decades."""
    low = float(record.pairs[:, 0].min())
    # Over a narrow range a logarithm is a line, and its ticks are not round.
    if low > 0 and top_of(record) > (RATIO if record.scale == "log" else LOG_RATIO) * low:
        (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    elif axis == "x":
        # Numbers that differ late are long.
        ax.locator_params(axis="x", nbins=4)


def finish(ax: Axes, record: Topology, subject: str, keys: Sequence[Artist], ours: bool) -> None:
    """Write title, legend, and that these are features of the slice."""
    name = shorten(str(record.settings.get("model_name", "")))
    text = f"{name}: {subject}" if name else subject
    if not ours:
        ax.set_title(text)
        if keys:
            ax.legend(handles=list(keys))
        return
    figure_of(ax).suptitle(text, x=0.02, ha="left", fontsize=ax.title.get_fontsize())
    legend_below(ax, [*keys, *worded_keys(wrapped([SLICE]))], ours=True)


def topology_figure_names(record: Topology, *, quantity: str | None = None, kind: str = "both") -> list[str]:
    """Name the figures without drawing them.

    Raises
    ------
    landscape.errors.InputError
        Another quantity than that of the analysis.
    """
    if quantity is not None and quantity != record.quantity:
        raise InputError(
            f"this is the topology of {record.quantity}: analyze the scan again with quantity='{quantity}'"
        )
    return ["map", *NAMES] if dimensions(record.scan) == 2 else list(NAMES)


def topology_figures(
    record: Topology, *, quantity: str | None = None, kind: str = "both", levels: int | Sequence[float] | None = None
) -> dict[str, Figure]:  # fmt: skip
    """Draw all figures of a topology, by name."""
    drawn = {name: plot(record) for name, plot in NAMES.items()}
    names = topology_figure_names(record, quantity=quantity, kind=kind)
    first = {"map": plot_basins(record, levels=levels)} if "map" in names else {}
    return {name: figure_of(ax) for name, ax in {**first, **drawn}.items()}


NAMES = {"barcode": plot_barcode, "diagram": plot_persistence, "tree": plot_merge_tree}
