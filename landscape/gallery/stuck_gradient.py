"""The loss is flat and the gradient is not small: bouncing between the walls of a valley."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import BLUE, DOTTED, GREY, ORANGE, PAGE, panels
from landscape.gallery.networks import chebyshev

SEES = (
    "Gradient descent with η = 0.2 on a tanh network. From step 900 to 1,350 the loss falls only from 0.08 to 0.06 while "
    "the gradient's norm stays above 0.5: the curvature has reached its limit 2/η, and the parameters oscillate across a "
    "valley."
)
CORRECTS = (
    "The lecture shows only the loss and the gradient, and explains them by a drawing of a valley. The measured λₘₐₓ "
    "beside 2/η shows that this is oscillation and not a critical point; the gradient there is far from zero."
)

RATE = 0.2


def draw(quick: bool = False) -> Figure:
    """Draw loss, gradient norm and curvature against updates."""
    steps, looks = (300, 10) if quick else (1700, 120)
    found = landscape.study_stability(chebyshev(), rates=[RATE], steps=steps, looks=looks)
    step = found.series["step"][0]
    with landscape.style():
        figure, axes = panels(3, width=PAGE, height=2.1)
        names = (("loss", "training loss"), ("gradient_norm", "‖g‖"), ("sharpness", "λₘₐₓ"))
        for ax, (name, label), color in zip(axes, names, (BLUE, ORANGE, BLUE), strict=True):
            ax.plot(step, found.series[name][0], color=color, linewidth=1.0)
            ax.set(xlabel="updates", ylabel=label, xlim=(0, step[-1]))
        axes[2].axhline(2 / RATE, color=GREY, linestyle=DOTTED)
        axes[2].set_ylim(0, 1.35 * max(2 / RATE, float(np.nanmax(found.series["sharpness"]))))
        axes[2].text(
            0.97 * step[-1], 0.94 * 2 / RATE, f"2/η = {2 / RATE:g}", color="#555555", va="top", ha="right"
        )
        for ax, title in zip(
            axes,
            (
                f"η = {RATE:g}: the loss is nearly flat",
                "the gradient is not small",
                "the curvature is at its limit",
            ),
            strict=True,
        ):
            ax.set_title(title)
    return figure
