"""The lecture's toy network y = w₁w₂x on its one example: a saddle at the origin, and the way out of it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import landscape
from landscape.gallery.drawing import (
    BLUE,
    DASHED,
    DOTTED,
    GREY,
    ORANGE,
    PAGE,
    arrow,
    quiet_map,
    without_legend,
)

SEES = (
    "The loss (1 − w₁w₂)² has two valleys and a saddle at the origin with eigenvalues ±2. Along the eigenvector u of −2 "
    "the loss falls to 0 at α = √2, while its second-order Taylor model 1 − α² has already fallen to −1 there and has no "
    "minimum."
)
CORRECTS = (
    "The lecture calls a critical point with all λ > 0 a minimum, but every minimum of its own example has λ = 0 along "
    "the valley: at (1, 1) they are 0 and 4, a degenerate minimum. The Taylor expansion in the notes lacks the transpose "
    "in (θ − θ′)ᵀg."
)

Array = NDArray[np.float64]
LEVELS = (0.05, 0.3, 1, 2, 4, 8, 16)

ESCAPE = np.array([1.0, 1.0]) / np.sqrt(2.0)


def escape_of(curvature: float, points: int = 201) -> tuple[Array, Array, Array]:
    """Give α along the escape, the loss there, and what a Taylor model of this curvature predicts."""
    toy = landscape.SurfaceObjective("toy")
    line = landscape.scan(toy, center=np.zeros(2), direction=ESCAPE[None], span=2, points=points)
    alpha, loss = line.axes[0], line.values["train_loss"]
    return alpha, loss, toy.value(np.zeros(2)) + 0.5 * curvature * alpha**2


def draw(quick: bool = False) -> Figure:
    """Draw the surface, the map with the eigenvectors, and the loss along the escape."""
    toy = landscape.SurfaceObjective("toy")
    points = 21 if quick else 61
    plane = landscape.scan(toy, center=np.zeros(2), direction=np.eye(2), span=2, points=points)
    hessian = landscape.analyze_hessian(toy, np.zeros(2), all=True)
    with landscape.style():
        figure = Figure(figsize=(PAGE, 2.35))
        surface = figure.add_axes((0.062, 0.1, 0.26, 0.8), projection="3d", computed_zorder=False)
        contours = figure.add_axes((0.385, 0.21, 0.235, 0.66))
        along = figure.add_axes((0.77, 0.21, 0.22, 0.66))
        # With the same levels, the colour bar holds for both.
        landscape.plot_scan(plane, kind="surface", levels=LEVELS, ax=surface)
        without_legend(surface)
        surface.set(title="loss (1 − w₁w₂)²", xlabel="w₁", ylabel="w₂", zlabel="loss")
        # The arrows would cross numbers on the lines, and the colour bar has the heights.
        quiet_map(contours, plane, "saddle at the origin", levels=LEVELS, labels=False)
        contours.set(xlabel="w₁", ylabel="w₂")
        keys, _ = contours.get_legend_handles_labels()
        names = ["the saddle (loss 1)", "one of the lowest points (loss 0)"]
        figure.legend(keys[::-1], names, loc="lower left", ncols=2)
        draw_eigenvectors(contours, hessian)
        draw_escape(along, float(hessian.eigenvalues[0]))
    return figure


def draw_eigenvectors(ax: Axes, hessian: landscape.Hessian) -> None:
    """Draw the eigenvectors both ways from the origin: down the slope, and up."""
    for value, vector, color in zip(hessian.eigenvalues, hessian.eigenvectors, (ORANGE, BLUE), strict=True):
        ends = 1.1 * vector * np.sign(vector[1])
        for way in (-1, 1):
            arrow(ax, (0, 0), way * ends, color)
        at = 1.35 * ends
        ax.text(
            at[0], at[1], f"λ = {value:+.0f}".replace("-", "−"), color="white", ha="center", va="center",
            fontsize=7, bbox={"facecolor": color, "edgecolor": "none", "pad": 1.2}, zorder=6,
        )  # fmt: skip


def draw_escape(ax: Axes, curvature: float) -> None:
    """Draw the loss along the escape beside what the Taylor model predicts."""
    alpha, loss, model = escape_of(curvature)
    ax.plot(alpha, loss, color=BLUE, label="loss")
    ax.plot(alpha, model, color=ORANGE, linestyle=DASHED, label="Taylor model")
    ax.axvline(np.sqrt(2), color=GREY, linestyle=DOTTED, linewidth=0.8)
    ax.plot(np.sqrt(2), 0.0, "o", color=BLUE, markersize=4)
    ax.plot(np.sqrt(2), -1.0, "s", color=ORANGE, markersize=4)
    ax.set(xlabel="α along u, λ = −2", ylabel="loss", ylim=(-1.6, 1.7), xlim=(-2, 2))
    ax.set_title("escape: predicted and actual")
    ax.text(np.sqrt(2) - 0.08, -1.45, "α = √2", ha="right", color="#555555", fontsize=6.5)
    ax.legend(loc="upper center", ncols=2)
