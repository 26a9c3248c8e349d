"""The spectrum of a Hessian: how many eigenvalues lie where, which stand apart, and what is negative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from landscape.plots.eigenvalue_axis import (
    eigenvalue_edges,
    hessian_title,
    scale_eigenvalues,
    shade_negative,
)
from landscape.plots.marks import legend_below
from landscape.plots.style import add_rows, figure_of, house_style_unless, new_figure
from landscape.plots.words import short
from landscape.records import Hessian

HEIGHT = 2.25
LEGEND_ROW = 0.135
BARS = "#8fb3d1"
EDGE = "#004c85"
BAND = "#00000030"
NEGATIVE: Mapping[str, Any] = {"marker": "v", "color": "#d55e00", "markersize": 4.5}
POSITIVE: Mapping[str, Any] = {
    "marker": "o",
    "color": "#004c85",
    "markersize": 3.6,
    "markerfacecolor": "white",
}
OUTLIER: Mapping[str, Any] = {"marker": "o", "color": "#004c85", "markersize": 3.6}
# A gap is one from this ratio between neighbours on.
LEAST_GAP = 1.5


def plot_spectrum(record: Hessian, *, ax: Axes | None = None) -> Axes:
    """Draw the spectrum: a histogram where it is known, else the eigenvalues by rank.

    It is known from a density, or from all eigenvalues.

    Heights are logarithmic, eigenvalues linear near zero and logarithmic beyond, so that what is negative
    is seen beside outliers that are a thousand times larger. Filled: the eigenvalues above the widest gap.

    Parameters
    ----------
    record
        A Hessian with eigenvalues or a density.
    ax
        The axes to draw on; by default those of a new figure.
    """
    with house_style_unless(ax):
        axes = new_figure(HEIGHT).add_subplot() if ax is None else ax
        keys = _histogram(axes, record) if _has_measure(record) else _ranks(axes, record)
        axes.set_title(hessian_title(record, "spectrum of the Hessian"))
        if ax is None:
            figure = figure_of(axes)
            add_rows(figure, LEGEND_ROW * len(keys))
        legend_below(axes, keys, ours=ax is None)
        return axes


def outliers(eigenvalues: np.ndarray) -> tuple[int, float]:
    """Count the positive eigenvalues above the widest gap, and give its ratio; 0 where none is wide.

    >>> outliers(np.array([-1.0, 0.1, 0.11, 0.12, 3.0, 4.0]))
    (2, 25.0)
    """
    falling = eigenvalues[eigenvalues > 0][::-1]
    if len(falling) < 2:
        return 0, 1.0
    ratios = falling[:-1] / falling[1:]
    widest = int(np.argmax(ratios))
    ratio = float(ratios[widest])
    return (widest + 1, ratio) if ratio >= LEAST_GAP else (0, ratio)


def _has_measure(record: Hessian) -> bool:
    """Say whether the number of eigenvalues is known in every interval."""
    return bool(record.density) or len(record.eigenvalues) == record.settings.get("parameters")


def _top(record: Hessian) -> np.ndarray:
    """Give the eigenvalues among which outliers are looked for: the largest that were asked for."""
    count = int(record.settings.get("top") or 0)
    return record.eigenvalues[len(record.eigenvalues) - count :] if count else record.eigenvalues


def _histogram(ax: Axes, record: Hessian) -> list[Artist]:
    """Draw how many eigenvalues lie in each bin; of a density with a band over its vectors."""
    total = int(record.settings.get("parameters") or 1)
    exact = len(record.eigenvalues) == total
    known = record.eigenvalues if exact else np.append(record.density["nodes"].ravel(), record.eigenvalues)
    edges = eigenvalue_edges(known)
    scale_eigenvalues(ax, known, "x")
    if exact:
        counts, error = np.histogram(known, edges)[0].astype(float), None
    else:
        counts, error = _estimated_counts(record, edges, total)
    floor = 0.5
    ax.stairs(np.maximum(counts, floor), edges, baseline=floor, fill=True, facecolor=BARS)
    ax.stairs(np.maximum(counts, floor), edges, baseline=floor, color=EDGE, linewidth=0.7)
    keys: list[Artist] = []
    if error is not None:
        low, high = np.maximum(counts - error, floor), np.maximum(counts + error, floor)
        ax.stairs(high, edges, baseline=low, fill=True, facecolor=BAND)
        vectors = len(record.density["nodes"])
        keys = [Patch(facecolor=BAND, label=f"± one standard error over {vectors} random vectors")]
    ax.set_yscale("log")
    ax.set_ylim(floor, 3.0 * max(counts.max(), 1.0))
    ax.set_ylabel(f"eigenvalues in a bin (of {total:,})")
    ax.set_xlabel("eigenvalue λ")
    return _marked(ax, record) + keys + shade_negative(ax, "x")


def _estimated_counts(record: Hessian, edges: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the mean number of eigenvalues in each bin and its standard error, from the quadratures."""
    each = total * np.stack(
        [
            np.histogram(nodes, edges, weights=weights)[0]
            for nodes, weights in zip(record.density["nodes"], record.density["weights"], strict=True)
        ]
    )
    return each.mean(axis=0), each.std(axis=0, ddof=1) / np.sqrt(len(each))


def _marked(ax: Axes, record: Hessian) -> list[Artist]:
    """Mark outliers and what is certainly negative, along the upper edge."""
    values, errors = record.eigenvalues, record.errors
    apart, ratio = outliers(_top(record))
    keys: list[Artist] = []
    height: dict[str, Any] = {
        "transform": ax.get_xaxis_transform(),
        "linestyle": "none",
        "clip_on": False,
        "zorder": 5,
    }
    if apart:
        chosen = values[len(values) - apart :]
        text = f"{apart} outlier{'s' * (apart != 1)} above the widest gap (a factor of {short(ratio, 2)})"
        keys += ax.plot(chosen, np.full(apart, 0.94), label=text, **OUTLIER, **height)
    if len(values) and values[0] + errors[0] < 0:
        text = f"smallest, {short(float(values[0]))} ± {short(float(errors[0]), 1)}"
        keys += ax.plot(values[:1], [0.94], label=text, **NEGATIVE, **height)
    return keys


def _ranks(ax: Axes, record: Hessian) -> list[Artist]:
    """Draw the eigenvalues that were computed by rank: the smallest at the left, the largest at the right."""
    values, errors = record.eigenvalues, record.errors
    top = min(int(record.settings.get("top") or 0), len(values))
    places = np.arange(len(values)) + 2 * (np.arange(len(values)) >= len(values) - top) * (top < len(values))
    scale_eigenvalues(ax, values, "y")
    apart, ratio = outliers(_top(record))
    ax.errorbar(places, values, yerr=errors, fmt="none", ecolor="#555555", elinewidth=0.6, zorder=2)
    keys = _rank_marks(ax, places, values, errors, apart, ratio)
    _rank_labels(ax, places, len(values) - top, top)
    ax.set_ylabel("eigenvalue λ")
    return keys + shade_negative(ax, "y")


def _rank_marks(
    ax: Axes, places: np.ndarray, values: np.ndarray, errors: np.ndarray, apart: int, ratio: float
) -> list[Artist]:
    negative = values + errors < 0
    outlying = np.arange(len(values)) >= len(values) - apart
    groups = (
        (
            outlying,
            OUTLIER,
            f"{apart} outlier{'s' * (apart != 1)} above the widest gap (a factor of {short(ratio, 2)})",
        ),
        (negative, NEGATIVE, f"negative beyond the error: {np.count_nonzero(negative)}"),
        (~negative & ~outlying, POSITIVE, "the others"),
    )
    keys: list[Artist] = []
    for which, look, text in groups:
        if which.any():
            keys += ax.plot(places[which], values[which], linestyle="none", label=text, **look)
    return [*keys, Line2D([], [], color="#555555", linewidth=0.6, label="± error (where visible)")]


def _rank_labels(ax: Axes, places: np.ndarray, bottom: int, top: int) -> None:
    """Number the smallest from the left, and the largest from the right."""
    ranks = [*range(1, bottom + 1), *range(top, 0, -1)]
    step = max(1, len(ranks) // 12)
    shown = [i for i in range(len(ranks)) if (i if i < bottom else len(ranks) - 1 - i) % step == 0]
    ax.set_xticks(places[shown], [str(ranks[i]) for i in shown])
    ends = ["smallest, from the left"] * bool(bottom) + ["largest, from the right"] * bool(top)
    ax.set_xlabel("rank: " + "; ".join(ends))
