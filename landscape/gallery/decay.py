"""The root-mean-square form with a decaying rate: the smooth path to the goal, which is Adagrad's."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.convex import STEPS, draw_map, draw_path, goal, map_of_loss, path_of
from landscape.gallery.drawing import BLUE, DASHED, GREY, ORANGE, PAGE, panels

SEES = (
    "With η/√(t + 1) in place of η, the same optimizer has no bursts and moves smoothly along the valley to (−188.37, "
    "2.67). Once in the valley its distance to the minimum falls all the time, while the constant rate is thrown back again "
    "and again."
)
CORRECTS = (
    "The lecture presents decay as a remedy beside Adagrad. In fact the root mean square with rate η/√(t + 1) is textbook "
    "Adagrad (which divides by the root of the sum) with a constant η, step for step: the two paths differ only by "
    "rounding."
)


def draw(quick: bool = False) -> Figure:
    """Draw the decayed path, and its distance to the goal beside the constant rate's."""
    steps = 2000 if quick else STEPS
    constant = path_of(steps, optimizer="adagrad_rms", learning_rate=1.0)
    decayed = path_of(steps, optimizer="adagrad_rms", learning_rate=1.0, schedule="inverse_sqrt", period=1)
    textbook = path_of(steps, optimizer="adagrad", learning_rate=1.0)
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.3)
        draw_map(left, map_of_loss(15 if quick else 81), f"η/√(t + 1), {steps:,} steps")
        draw_path(left, decayed)
        step = np.unique(np.geomspace(1, steps, 3000).astype(int))
        looks = (
            (constant, "root mean square, η = 1", {"color": GREY, "linewidth": 0.8}),
            (decayed, "the same with η/√(t + 1)", {"color": BLUE, "linewidth": 2.6}),
            (textbook, "Adagrad (sum), η = 1", {"color": ORANGE, "linestyle": DASHED}),
        )
        for path, label, look in looks:
            right.plot(step, np.linalg.norm(path[step] - goal(), axis=1), label=label, **look)
        right.set(xscale="log", yscale="log", xlabel="updates", ylabel="distance to the goal")
        right.set_title("decay is what Adagrad's sum does")
        right.legend(loc="lower left")
    return figure
