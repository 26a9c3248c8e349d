"""The line down from a saddle: the prediction ½λα² and the actual loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from landscape.errors import InputError
from landscape.plots.marks import legend_below
from landscape.plots.style import house_style_unless, new_figure
from landscape.plots.words import MINUS, short, shorten
from landscape.records import Critical

HEIGHT = 2.6
TRUTH: dict[str, Any] = {"color": "#004c85", "linestyle": "-"}
MODEL: dict[str, Any] = {"color": "#d55e00", "linestyle": (0, (4, 1.5))}
# How far beyond the deepest loss both are shown, as a part of its depth.
BELOW = 1.2
# A range of less than this part of the loss is shown as changes.
NARROW = 0.05


def plot_escape(record: Critical, *, ax: Axes | None = None) -> Axes:
    """Draw the loss along the lowest eigenvector beside the quadratic model, with both at the best step.

    Parameters
    ----------
    record
        A point from which an escape was tried.
    ax
        The axes to draw on; by default those of a new figure.

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
        escape = record.verdict["escape"]
        low, high = _range(actual, escape)
        # A loss that hardly changes is told by how much it does.
        base = loss if high - low < NARROW * abs(loss) else 0.0
        loss -= base
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
        if escape:
            keys += _best(axes, loss, escape)
        axes.set_ylim(loss + low, loss + high)
        axes.set_xlabel("step α along the lowest eigenvector")
        axes.set_ylabel(f"loss {MINUS} {short(base, 4)}" if base else "loss")
        axes.grid(True)
        name = shorten(str(record.settings.get("model_name") or "function"))
        axes.set_title(f"{name}: {_from(record.verdict['kind'])}\nλ = {_eigenvalue(record)}")
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


def _range(actual: np.ndarray, escape: dict[str, float] | None) -> tuple[float, float]:
    """Return the changes to show: the loss's own, the model's best step, and no wall at the sides that would dwarf them."""
    deepest = float(np.nanmin(actual))
    depth = abs(deepest) or float(np.nanmax(np.abs(actual))) or 1.0
    if escape:
        deepest = max(min(deepest, escape["predicted"]), deepest - BELOW * depth)
    highest = min(float(np.nanmax(actual)), BELOW * depth)
    return deepest - 0.1 * depth, max(highest, 0.0) + 0.1 * depth


def _from(kind: str) -> str:
    """Say from what kind of point it goes down.

    >>> _from("saddle"), _from("not critical"), _from("undetermined")
    ('down from a saddle', 'down from a point that is not critical', 'down from a point of undetermined kind')
    """
    if kind in ("not critical", "near-critical"):
        return "down from a point that is " + kind
    return "down from " + ("a point of undetermined kind" if kind == "undetermined" else f"a {kind}")


def _eigenvalue(record: Critical) -> str:
    """Write the lowest eigenvalue, with its error where that shows among its digits."""
    value, error = float(record.eigenvalues[0]), float(record.errors[0])
    return short(value, 4) + (f" ± {short(error, 1)}" if error > 1e-4 * abs(value) else "")
