"""A run on a plane of its landscape: the path over the map, and what the map does not show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from landscape.errors import InputError
from landscape.plots.contours import draw_map, shared_levels
from landscape.plots.field import field_of
from landscape.plots.planes import Run
from landscape.plots.style import SPLIT_LINES, figure_of, house_style_unless, new_figure
from landscape.plots.words import quantity_label, shorten
from landscape.records import Trajectory

ON_PLANE: dict[str, Any] = {"color": "#d55e00", "linestyle": (0, (4, 1.5))}
HEIGHT = 3.3


def plot_path(
    record: Trajectory,
    *,
    quantity: str | None = None,
    levels: int | Sequence[float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the path of a training over the loss on its plane.

    Parameters
    ----------
    record
        A trajectory on two axes.
    quantity, levels
        As `plot_contours` takes them.
    ax
        The axes to draw on; by default those of a new figure.

    Raises
    ------
    landscape.errors.InputError
        No such quantity, or levels that cannot be drawn.
    """
    field = field_of(record.scan, quantity)
    run = run_of(record)
    with house_style_unless(ax):
        return draw_map(
            field,
            shared_levels(field, levels),
            ax,
            overlay=run.draw,
            around=run.points,
        )


def run_of(record: Trajectory) -> Run:
    """Give the checkpoints of a trajectory on its plane."""
    return Run(record.projected, record.step.tolist(), float(record.captured.sum()))


def plot_out_of_plane(record: Trajectory, *, quantity: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the true loss of the checkpoints beside that of their projections, and their distance from the plane.

    Parameters
    ----------
    record
        A trajectory.
    quantity
        `train_loss` or `test_loss`; by default the training loss.
    ax
        Where to draw the losses; by default those of a new figure, with the distances below.

    Raises
    ------
    landscape.errors.InputError
        The checkpoints have no such quantity.
    """
    name = record.main if quantity is None else quantity
    if name not in record.values:
        raise InputError(f"no quantity '{name}' at the checkpoints: there are {', '.join(record.values)}")
    with house_style_unless(ax):
        if ax is not None:
            _losses(ax, record, name)
            ax.set_xlabel("updates")
            ax.legend()
            return ax
        figure = new_figure(HEIGHT)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        _losses(upper, record, name)
        _distances(lower, record)
        figure.align_ylabels()
        words = f"{shorten(str(record.settings.get('model_name', '')))}: what the map leaves out"
        figure.suptitle(words, x=0.02, ha="left", fontsize=upper.title.get_fontsize())
        figure.legend(handles=upper.lines, loc="outside lower left", ncols=1)
        return upper


def _losses(ax: Axes, record: Trajectory, name: str) -> None:
    split = name.partition("_")[0]
    look = SPLIT_LINES.get(split, SPLIT_LINES["train"])
    true, plane = record.values[name], record.plane_values[name]
    ax.plot(record.step, true, label="at the checkpoint", **look)
    ax.plot(record.step, plane, label="at its projection, which the map shows", **ON_PLANE)
    known = np.concatenate([true, plane])
    known = known[np.isfinite(known)]
    if known.size and known.min() > 0 and known.max() > 20 * known.min():
        ax.set_yscale("log")
    ax.set_ylabel(quantity_label(record.scan, name).replace(" (", "\n("))


def _distances(ax: Axes, record: Trajectory) -> None:
    """Draw the distance out of the plane beside the whole distance from the model."""
    along = record.projected @ record.scan.directions
    whole = np.sqrt(np.sum(along**2, axis=1) + record.distance**2)
    ax.plot(record.step, whole, color="#bbbbbb", linewidth=3.5, label="from the model θ")
    ax.plot(record.step, record.distance, color="#333333", label="out of the plane")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("updates")
    ax.set_ylabel("distance\n(norm in θ)")
    ax.legend()


def trajectory_figure_names(
    record: Trajectory, *, quantity: str | None = None, kind: str = "both"
) -> list[str]:
    """Name the figures without drawing them."""
    if quantity is not None:
        record.scan.quantity(quantity)
    # What is computed on the plane alone, as the penalty, has nothing to be compared with.
    return ["path", *["out_of_plane"] * (quantity is None or quantity in record.values)]


def trajectory_figures(
    record: Trajectory,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Any]:
    """Draw the path over its plane, and what is out of it."""
    drawn = {"path": figure_of(plot_path(record, quantity=quantity, levels=levels))}
    if "out_of_plane" in trajectory_figure_names(record, quantity=quantity):
        drawn["out_of_plane"] = figure_of(plot_out_of_plane(record, quantity=quantity))
    return drawn
