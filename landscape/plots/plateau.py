"""Show a plateau as one: the level of the best constant predictor, and a remark if the whole picture hardly changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from landscape.plots.field import Field
from landscape.plots.marks import worded_keys
from landscape.plots.words import short

# A picture within which the loss changes by less than this share of itself is called flat.
FLAT = 0.01
# The constant's loss is drawn where it is no farther from the curves than they are high.
NEAR = 1.0
# Of the constant's loss, within which the centre's is called near it.
NEARBY = 0.05
WORDS = {"loss": "best constant prediction", "accuracy": "most common class alone"}
DASHES, DOTS = (0, (5, 2)), (0, (1, 1.5))
LOOK: dict[str, Any] = {"color": "#555555", "linestyle": DASHES, "linewidth": 0.9}


def constant_of(field: Field) -> float | None:
    """Return the least loss, or the highest accuracy, of a prediction that ignores the input, as the record notes it; None if it does not."""
    split, _, what = field.quantity.partition("_")
    noted = field.record.settings.get(f"constant_{what}") if what in WORDS else None
    value = noted.get(split) if isinstance(noted, dict) else None
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


def constant_words(field: Field, value: float) -> str:
    """Name the constant's loss or accuracy."""
    return f"{WORDS[field.quantity.partition('_')[2]]} ({short(value, 4 - field.rises)})"


def draw_constant_line(ax: Axes, field: Field) -> list[Artist]:
    """Draw what the constant reaches into curves, a loss where it is near them; give the legend's key."""
    value = constant_of(field)
    values = field.values[np.isfinite(field.values)]
    if value is None or not values.size:
        return []
    low, high = float(values.min()), float(values.max())
    # Accuracies are drawn from 0 to 1, where the constant's has its place.
    if not field.rises and not low - NEAR * (high - low) <= value <= high + NEAR * (high - low):
        return []
    look = LOOK | ({"linestyle": DOTS, "zorder": 2.5} if field.rises else {"zorder": 0.8})
    return [ax.axhline(value, label=constant_words(field, value), **look)]


def draw_constant_contour(ax: Axes, field: Field) -> list[Artist]:
    """Draw the line on which a map has what the constant reaches; give the legend's key."""
    value = constant_of(field)
    values = field.values[np.isfinite(field.values)]
    if value is None or not values.size:
        return []
    if not values.min() < value < values.max():
        # On a plateau one wants to know how far it is from knowing nothing.
        near = abs(value - (field.center_value() or values.min())) < NEARBY * abs(value)
        return worded_keys([f"{constant_words(field, value)}: nowhere on this map"]) if near else []
    x, y = field.coordinates
    surface = np.ma.masked_invalid(field.values).T
    ax.contour(x, y, surface, levels=[value], colors="black", linestyles=[DASHES], linewidths=1.1, zorder=2.5)
    return [
        Line2D([], [], color="black", linestyle=DASHES, linewidth=1.1, label=constant_words(field, value))
    ]
