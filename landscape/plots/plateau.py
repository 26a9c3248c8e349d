"""What makes a plateau look like one: the loss of the best constant prediction, and how little the whole picture changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from landscape.plots.field import Field
from landscape.plots.words import short

# A picture within which the loss changes by less than this share of itself is called flat.
FLAT = 0.01
# The constant's loss is drawn where it is no farther from the curves than they are high.
NEAR = 1.0
DASHES = (0, (5, 2))
LOOK: dict[str, Any] = {"color": "#555555", "linestyle": DASHES, "linewidth": 0.9}


def constant_of(field: Field) -> float | None:
    """Return the least loss of a prediction that ignores the input, as the record notes it; None where it does not."""
    split, _, what = field.quantity.partition("_")
    noted = field.record.settings.get("constant_loss")
    value = noted.get(split) if what == "loss" and isinstance(noted, dict) else None
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None


def flat_words(field: Field) -> list[str]:
    """Say how little the loss changes, where that is less than 1 % of it.

    The share is (highest − lowest) / highest.
    """
    values = field.values[np.isfinite(field.values)]
    if values.size < 2 or not field.quantity.endswith("_loss"):
        return []
    low, high = float(values.min()), float(values.max())
    share = (high - low) / high if low > 0 else 1.0
    return [f"flat: the loss changes by {100 * share:.2g} % in the whole picture"] if 0 < share < FLAT else []


def constant_words(value: float) -> str:
    """Name the constant's loss."""
    return f"best constant prediction ({short(value, 4)})"


def draw_constant_line(ax: Axes, field: Field) -> list[Artist]:
    """Draw the constant's loss into curves, where it is near them; give the legend's key."""
    value = constant_of(field)
    values = field.values[np.isfinite(field.values)]
    if value is None or not values.size:
        return []
    low, high = float(values.min()), float(values.max())
    if not low - NEAR * (high - low) <= value <= high + NEAR * (high - low):
        return []
    return [ax.axhline(value, label=constant_words(value), zorder=0.8, **LOOK)]


def draw_constant_contour(ax: Axes, field: Field) -> list[Artist]:
    """Draw the line on which a map has the constant's loss; give the legend's key."""
    value = constant_of(field)
    values = field.values[np.isfinite(field.values)]
    if value is None or not values.size or not values.min() < value < values.max():
        return []
    x, y = field.coordinates
    surface = np.ma.masked_invalid(field.values).T
    ax.contour(x, y, surface, levels=[value], colors="black", linestyles=[DASHES], linewidths=1.1, zorder=2.5)
    return [Line2D([], [], color="black", linestyle=DASHES, linewidth=1.1, label=constant_words(value))]
