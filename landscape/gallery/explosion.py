"""The root-mean-square form bursts: σ_w shrinks on the flat run until a step is too long."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.convex import STEPS, bursts, draw_map, draw_path, goal, map_of_loss, path_of
from landscape.gallery.drawing import BLUE, DOTTED, GREY, ORANGE, PAGE, panels

SEES = (
    "With η = 1 the flat part of the run ends in a burst near step 714: the old, large gradients of w then have so little "
    "weight in the mean that a step becomes too long. σ_w grows, the path calms down, and it happens again, 62 times in "
    "100,000 steps."
)
CORRECTS = (
    "The lecture says that the accumulated small gradients make the step explode once, and that it is then corrected. "
    "Computed at a constant rate, it never ends; with η = 0.1 there is no burst at all, and Duchi's Adagrad, which sums, "
    "has none even with η = 1."
)


def draw(quick: bool = False) -> Figure:
    """Draw the path, and the distance of w from the valley with the bursts marked."""
    steps = 1000 if quick else STEPS
    path = path_of(steps, optimizer="adagrad_rms", learning_rate=1.0)
    begins = bursts(path)
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.3)
        draw_map(left, map_of_loss(15 if quick else 81), f"η = 1, {steps:,} steps")
        draw_path(left, path, linewidth=0.8)
        away = np.abs(path[:, 1] - goal()[1])
        shown = min(steps, 6000)
        right.plot(away[: shown + 1], color=BLUE, linewidth=0.9)
        for begin in begins[begins <= shown]:
            right.axvline(begin, color=GREY, linestyle=DOTTED, linewidth=0.7, zorder=0.5)
        right.plot(begins[:1], [4.25], "v", color=ORANGE, markersize=5)
        right.text(
            float(begins[0]) + 0.02 * shown, 4.25, f"the first: step {begins[0]}", va="center", fontsize=6.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
        right.set(xlabel="updates", ylabel="|w − w*|", xlim=(0, shown), ylim=(0, 4.7))
        told = f"{len(begins)} bursts in {steps:,} steps"
        right.set_title(
            told if shown == steps else f"{told}, of which {np.count_nonzero(begins <= shown)} are shown"
        )
    return figure
