"""The line down from a saddle: what ½λα² predicts, and what the loss does."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from landscape.errors import InputError
from landscape.plots.marks import legend_below
from landscape.plots.style import house_style_unless, new_figure
from landscape.plots.words import short, shorten
from landscape.records import Critical

HEIGHT = 2.6
TRUTH: dict[str, Any] = {"color": "#004c85", "linestyle": "-"}
MODEL: dict[str, Any] = {"color": "#d55e00", "linestyle": (0, (4, 1.5))}
# How far below the deepest loss the model is shown, as a part of the loss's range.
BELOW = 1.2


def plot_escape(record: Critical, *, ax: Axes | None = None) -> Axes:
    """Draw the loss along the lowest eigenvector beside the quadratic model, with both at the best step.

    Parameters
    ----------
    record
        A point from which an escape was tried.
    ax
        Where to draw; by default on a figure of its own, in the house's style.

    Raises
    ------
    landscape.errors.InputError
        No escape was tried from this point.
    """
    if not len(record.escape_step):
        raise InputError(
            f"the record has no escape to draw: it is of a point that is {record.verdict['kind']}"
        )
    with house_style_unless(ax):
        axes = new_figure(HEIGHT).add_subplot() if ax is None else ax
        loss, steps = record.verdict["loss"], record.escape_step
        actual = np.where(np.isfinite(record.escape_actual), record.escape_actual, np.nan)
        keys = axes.plot(steps, loss + actual, label="the loss", **TRUTH)
        keys += axes.plot(steps, loss + record.escape_predicted, label="predicted by ½λα²", **MODEL)
        keys += axes.plot(
            0,
            loss,
            "o",
            markersize=5,
            markerfacecolor="white",
            markeredgecolor="black",
            label="the point",
            zorder=5,
        )
        escape = record.verdict["escape"]
        if escape:
            keys += _best(axes, loss, escape)
        _frame(axes, loss, actual, escape)
        name = shorten(str(record.settings.get("model_name") or "function"))
        value = record.eigenvalues[0]
        axes.set_title(
            f"{name}: down from a {record.verdict['kind']}\nλ = {short(float(value), 4)} ± {record.errors[0]:.0e}"
        )
        legend_below(axes, keys, ours=ax is None)
        return axes


def _best(ax: Axes, loss: float, escape: dict[str, float]) -> list:
    """Mark the best step on both curves."""
    label = f"α = {short(abs(escape['step']))}: predicted {short(escape['predicted'])}, actual {short(escape['actual'])}"
    ax.plot(
        escape["step"],
        loss + escape["predicted"],
        "D",
        color=MODEL["color"],
        markersize=4,
        markerfacecolor="white",
    )
    return ax.plot(
        escape["step"], loss + escape["actual"], "D", color=TRUTH["color"], markersize=4.5, label=label
    )


def _frame(ax: Axes, loss: float, actual: np.ndarray, escape: dict[str, float] | None) -> None:
    """Show the loss's own range, the model's best step, and no wall at the sides that would dwarf them."""
    deepest = min(float(np.nanmin(actual)), escape["predicted"] if escape else 0.0)
    depth = abs(deepest) or float(np.nanmax(np.abs(actual))) or 1.0
    highest = min(float(np.nanmax(actual)), BELOW * depth)
    ax.set_ylim(loss + deepest - 0.1 * depth, loss + max(highest, 0.0) + 0.1 * depth)
    ax.set_xlabel("step α along the lowest eigenvector")
    ax.set_ylabel("loss")
    ax.grid(True)
