"""Barriers between two trainings against width, before and after alignment, and the ways between two of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import BLACK, DASHED, ORANGE, PAGE, panels

SEES = (
    "Left: the barrier on the line between two trainings of the digits network (median and range of five pairs) falls "
    "with width once the hidden units of the second network are put in the order of the first. Right, at width 32: the "
    "line, the line after alignment, and a curve with one bend that stays low."
)
CORRECTS = (
    "The lecture draws minima as separate valleys in one dimension. In many dimensions two trainings are often joined by "
    "a curve of low loss, and much of the wall on the straight line between them arises because the same hidden units are "
    "in another order."
)

PAIRS, WIDTHS = 5, (8, 16, 32, 64, 128, 256)


def trained(wide: int, count: int, steps: int) -> list[landscape.Model]:
    """Train as many networks of one hidden layer from starts of their own."""
    bundled = landscape.load_model(landscape.bundled_path("digits"))
    data = {name: bundled.data[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    inputs = int(data["x_train"].shape[1])
    layers = [(np.ones((inputs, wide)), np.zeros(wide)), (np.ones((wide, 10)), np.zeros(10))]
    model = landscape.build_model(layers=layers, loss="cross_entropy", name=f"digits, {wide} units", **data)
    found = landscape.train_many(
        model, init="he", optimizer="adam", learning_rate=0.003, batch_size=64, steps=steps, seed=list(range(count)), looks=2
    )  # fmt: skip
    return [model.with_theta(theta) for theta in found.theta]


def draw(quick: bool = False) -> Figure:
    """Train pairs, align them, and draw their barriers; then the ways between one pair."""
    widths, pairs, steps = ((8, 16), 2, 60) if quick else (WIDTHS, PAIRS, 900)
    heights: dict[str, list[list[float]]] = {"before": [], "after": []}
    shown = None
    for wide in widths:
        models = trained(wide, 2 * pairs, steps)
        found = [landscape.connect(models[2 * k : 2 * k + 2], align=True).summary() for k in range(pairs)]
        heights["before"].append([one["barrier"]["value"] for one in found])
        heights["after"].append([one["aligned"]["barrier"]["value"] for one in found])
        if wide == (16 if quick else 32):
            shown = landscape.connect(models[:2], align=True, curve="bezier")
    with landscape.style():
        figure, axes = panels(2, width=PAGE, height=2.7)
        against_width(axes[0], np.array(widths), heights)
        if shown is not None:
            landscape.plot_connection(shown, ax=axes[1])
            lines = [line for line in axes[1].lines if not str(line.get_label()).startswith("_")]
            # Room for the legend above the wall.
            axes[1].set_ylim(top=1.4 * axes[1].get_ylim()[1])
            axes[1].legend(
                lines, [str(line.get_label()).partition(" (")[0] for line in lines], loc="upper left"
            )
        axes[1].set_xlabel("share of the way from one to the other")
        axes[1].set_title(f"two trainings, {16 if quick else 32} units")
    return figure


def against_width(ax: Axes, widths: np.ndarray, heights: dict[str, list[list[float]]]) -> None:
    """Draw median and range of the barriers against width."""
    looks: dict[str, dict[str, Any]] = {
        "before": {"color": BLACK, "marker": "o"},
        "after": {"color": ORANGE, "marker": "s", "linestyle": DASHED},
    }
    for name, look in looks.items():
        values = np.array(heights[name])
        ax.plot(widths, np.median(values, axis=1), markersize=3.5, label=f"{name} alignment", **look)
        ax.fill_between(
            widths, values.min(axis=1), values.max(axis=1), color=look["color"], alpha=0.18, linewidth=0
        )
    ax.set_xscale("log", base=2)
    ax.set_xticks(widths, [str(wide) for wide in widths])
    ax.set_ylim(bottom=0.0)
    ax.set(xlabel="units of the hidden layer", ylabel="barrier of the training loss (nats)")
    ax.set_title(
        "five pairs: median and range" if len(heights["before"][0]) == PAIRS else "pairs: median and range"
    )
    ax.legend()
