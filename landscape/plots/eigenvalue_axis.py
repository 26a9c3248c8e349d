"""An axis of eigenvalues: linear near zero, logarithmic beyond, with the negative side told apart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from landscape.plots.words import MINUS, SPLITS, shorten
from landscape.records import Hessian

# The linear part reaches to a thousandth of the largest eigenvalue.
DECADES = 3
BINS_PER_DECADE = 8
LINEAR_BINS = 2
WIDE = 0.7
SHADE: Mapping[str, Any] = {"facecolor": "#f3e6da", "edgecolor": "#c9ab8c", "hatch": "////", "linewidth": 0.0}


def threshold(values: np.ndarray) -> float:
    """Give the power of ten up to which an axis is linear.

    >>> threshold(np.array([-0.02, 2.3]))
    0.001
    """
    largest = float(np.abs(values).max(initial=0.0)) or 1.0
    return float(10.0 ** (np.floor(np.log10(largest)) - DECADES))


def eigenvalue_edges(values: np.ndarray) -> np.ndarray:
    """Give the edges of bins that are evenly wide on the axis; zero lies within the middle one."""
    linear = threshold(values)
    low, high = float(values.min()), float(values.max())
    count = int(np.ceil(np.log10(max(abs(low), abs(high), linear) / linear) * BINS_PER_DECADE)) + 1
    outward = linear * 10.0 ** (np.arange(count + 1) / BINS_PER_DECADE)
    inner = linear * (2 * np.arange(LINEAR_BINS) + 1) / (2 * LINEAR_BINS + 1)
    positive = np.concatenate([inner, outward])
    edges = np.concatenate([-positive[::-1], positive])
    first = max(0, int(np.searchsorted(edges, low)) - 1)
    return edges[first : int(np.searchsorted(edges, high)) + 1]


def scale_eigenvalues(ax: Axes, values: np.ndarray, which: Literal["x", "y"]) -> None:
    """Scale an axis for these eigenvalues, with a tick at zero and at powers of ten."""
    linear = threshold(values)
    setter, axis = (ax.set_xscale, ax.xaxis) if which == "x" else (ax.set_yscale, ax.yaxis)
    setter("symlog", linthresh=linear, linscale=WIDE)
    powers = linear * 10.0 ** np.arange(DECADES + 2)
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    ticks = [-power for power in powers[::-1] if power <= -low] + [0.0]
    ticks += [power for power in powers if power <= 1.01 * high]
    axis.set_major_locator(FixedLocator(ticks))
    # In one manner: in full, or all as powers.
    exponents = [round(np.log10(abs(tick))) for tick in ticks if tick]
    plain = not exponents or (min(exponents) >= -3 and max(exponents) <= 3)
    axis.set_major_formatter(FuncFormatter(partial(_tick, plain)))
    axis.set_minor_locator(NullLocator())


def _tick(plain: bool, value: float, position: int | None = None) -> str:
    if value == 0:
        return "0"
    exponent = round(np.log10(abs(value)))
    text = f"{abs(value):g}" if plain else f"$10^{{{exponent}}}$"
    return (MINUS if value < 0 else "") + text


def shade_negative(ax: Axes, which: Literal["x", "y"]) -> list[Artist]:
    """Shade what is below zero, if it is in sight, and give the legend's key."""
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    line, span = (ax.axvline, ax.axvspan) if which == "x" else (ax.axhline, ax.axhspan)
    line(0.0, color="#333333", linewidth=0.6, zorder=1)
    if low >= 0:
        return []
    span(low, 0.0, zorder=0, **SHADE)
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    return [Patch(**SHADE, label="negative curvature")]


def hessian_title(record: Hessian, subject: str) -> str:
    """Tell model, what is shown, where and on how many examples."""
    settings = record.settings
    name = shorten(str(settings.get("model_name") or "function"))
    part = f", node {shorten(str(settings['node']))}" if settings.get("node") else ""
    details = [f"{settings.get('parameters', record.eigenvectors.shape[1]):,} parameters"]
    details += [f"{SPLITS[settings['split']]} loss"] if settings.get("split") else []
    details += [f"{settings['examples']} random examples"] if settings.get("examples") else []
    details += [str(settings["operator"])] if settings.get("operator", "hessian") != "hessian" else []
    details += ["as Adam sees it"] if settings.get("precondition") else []
    details += ["finite differences"] if settings.get("method") == "finite-difference" else []
    return f"{name}: {subject}{part}\n{', '.join(details)}"
