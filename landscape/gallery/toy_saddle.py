"""The lecture's toy network y = w₁w₂x on its one example: a saddle at the origin, and the way out of it."""

from __future__ import annotations

import numba
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
    "The loss (1 − w₁w₂)² has two valleys and a saddle at the origin with λ = ±2; along the eigenvector of λ = −2 the "
    "loss falls to 0 at α = √2, while the second-order Taylor model 1 − α² falls for ever and says −1 there."
)
CORRECTS = (
    "The lecture calls a critical point with all λ > 0 a minimum, but every minimum of its own example has λ = 0 along the "
    "valley: at (1, 1) they are 0 and 4, a degenerate minimum; and the notes' gᵀ is missing in the Taylor expansion."
)


@numba.njit
def toy(theta: np.ndarray) -> float:
    """(1 − w₁w₂)²."""
    return (1.0 - theta[0] * theta[1]) ** 2


def toy_gradient(theta: np.ndarray) -> np.ndarray:
    """−2(1 − w₁w₂)(w₂, w₁)."""
    return -2.0 * (1.0 - theta[0] * theta[1]) * theta[::-1]


def toy_product(theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Multiply [[2w₂², 4w₁w₂ − 2], [4w₁w₂ − 2, 2w₁²]] with a vector."""
    w1, w2 = theta
    mixed = 4.0 * w1 * w2 - 2.0
    return np.array([[2.0 * w2**2, mixed], [mixed, 2.0 * w1**2]]) @ vector


def objective() -> landscape.CompiledObjective:
    """The toy's loss with its derivatives."""
    return landscape.CompiledObjective(toy, 2, toy_gradient, toy_product)


def draw(quick: bool = False) -> Figure:
    """Draw the surface, the map with the eigenvectors, and the loss along the escape."""
    function = objective()
    points = 21 if quick else 61
    plane = landscape.scan(function, center=np.zeros(2), direction=np.eye(2), span=2, points=points)
    hessian = landscape.analyze_hessian(function, np.zeros(2), all=True)
    escape = hessian.eigenvectors[0] * np.sign(hessian.eigenvectors[0, 0])
    line = landscape.scan(function, center=np.zeros(2), direction=escape[None], span=2, points=201)
    with landscape.style():
        figure = Figure(figsize=(PAGE, 2.35))
        surface = figure.add_axes((0.0, 0.06, 0.27, 0.84), projection="3d", computed_zorder=False)
        contours = figure.add_axes((0.34, 0.18, 0.235, 0.68))
        along = figure.add_axes((0.765, 0.18, 0.225, 0.68))
        landscape.plot_scan(plane, kind="surface", ax=surface)
        without_legend(surface)
        surface.set(title="loss (1 − w₁w₂)²", xlabel="w₁", ylabel="w₂", zlabel="")
        quiet_map(contours, plane, "saddle at the origin", levels=(0.05, 0.3, 1, 2, 4, 8, 16))
        contours.set(xlabel="w₁", ylabel="w₂")
        draw_eigenvectors(contours, hessian)
        draw_escape(along, line, hessian.eigenvalues[0])
    return figure


def draw_eigenvectors(ax: Axes, hessian: landscape.Hessian) -> None:
    """Draw the eigenvectors both ways from the origin: down the slope, and up."""
    for value, vector, color in zip(hessian.eigenvalues, hessian.eigenvectors, (ORANGE, BLUE), strict=True):
        ends = 1.1 * vector * np.sign(vector[1])
        for way in (-1, 1):
            arrow(ax, (0, 0), way * ends, "white", 3.2)
            arrow(ax, (0, 0), way * ends, color)
        at = 1.35 * ends
        ax.text(
            at[0], at[1], f"λ = {value:+.0f}".replace("-", "−"), color="white", ha="center", va="center", fontsize=7,
            bbox={"facecolor": color, "edgecolor": "none", "pad": 1.2}, zorder=6,
        )  # fmt: skip


def draw_escape(ax: Axes, line: landscape.Scan, curvature: float) -> None:
    """Draw the loss along the escape beside what the Taylor model predicts."""
    alpha, loss = line.axes[0], line.values["train_loss"]
    model = loss[alpha.size // 2] + 0.5 * curvature * alpha**2
    ax.plot(alpha, loss, color=BLUE, label="loss")
    ax.plot(alpha, model, color=ORANGE, linestyle=DASHED, label="Taylor model")
    best = float(alpha[np.argmin(np.where(alpha > 0, loss, np.inf))])
    ax.axvline(np.sqrt(2), color=GREY, linestyle=DOTTED, linewidth=0.8)
    ax.plot(best, loss.min(), "o", color=BLUE, markersize=4)
    ax.plot(np.sqrt(2), -1.0, "s", color=ORANGE, markersize=4)
    ax.set(xlabel="α along u, λ = −2", ylabel="loss", ylim=(-1.6, 1.7), xlim=(-2, 2))
    ax.set_title("escape: predicted and actual")
    ax.text(np.sqrt(2) - 0.08, -1.45, "α = √2", ha="right", color="#555555", fontsize=6.5)
    ax.legend(loc="upper center", ncols=2)
