"""Two networks whose loss has stopped falling: one at a saddle, one at a minimum, and their surfaces."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import BLUE, DASHED, ORANGE, PAGE, panels, quiet_map
from landscape.gallery.random_plane_hides_saddle import saddle

SEES = (
    "A linear network on digits, started from small weights. The loss first rests near the saddle at the origin, where "
    "the negative eigenvalues are as large as the positive ones, and then falls to the floor of a valley, where the "
    "smallest eigenvalue is zero within 1e-4."
)
CORRECTS = (
    "In the lecture the losses of two runs stop falling and look alike. A small gradient does not tell a saddle from a "
    "minimum; the eigenvalues do. The lecture does not say that a run at a saddle goes on by itself, as this one does, "
    "nor that the end is a degenerate minimum."
)

RATE = 0.5


def draw(quick: bool = False) -> Figure:
    """Draw the loss, and the planes at a rest and at the end."""
    model = saddle()
    small = model.with_theta(landscape.initialize(model, "normal", 1))
    steps, looks = (300, 31) if quick else (12_000, 401)
    found = landscape.train_many(
        small, learning_rate=RATE, batch_size=model.examples("train"), steps=steps, looks=looks, keep="theta",
        dtype="float64",
    )  # fmt: skip
    step, loss, norm = found.step[0], found.losses["train_loss"][0], found.losses["gradient_norm"][0]
    assert found.path is not None
    rest = resting_place(norm)
    points = 11 if quick else 41
    with landscape.style():
        figure, (curve, left, right) = panels(3, width=PAGE, height=2.7)
        curve.plot(step, loss, color=BLUE)
        curve.set(
            xscale="symlog",
            xlabel="updates",
            ylabel="training loss (mean squared error)",
            xlim=(0, 2 * steps),
        )
        for ax, at, name, color in ((left, rest, "at rest", ORANGE), (right, looks - 1, "at the end", BLUE)):
            draw_plane(ax, model.with_theta(found.path[0, at]), name, points)
            curve.plot(
                step[at],
                loss[at],
                "o",
                color=color,
                markersize=5,
                label=f"{name}: ‖g‖ = {norm[at]:.2g}",
            )
        curve.axvline(step[rest], color=ORANGE, linewidth=0.7, linestyle=DASHED, zorder=0.5)
        points, _ = right.get_legend_handles_labels()
        lowest, network = points[0], right.lines[-1]
        network.set_label("the network there")
        lowest.set_label("the lowest point of the plane")
        figure.legend(
            handles=[*curve.get_legend_handles_labels()[0], network, lowest],
            loc="outside lower left",
            ncols=4,
        )
        curve.set_title("a rest, and the end")
    return figure


def resting_place(norm: np.ndarray) -> int:
    """Find the evaluation, between start and end, where the gradient is smallest compared with what follows: a resting place."""
    best, depth = 1, 0.0
    for look in range(1, len(norm) - 1):
        later = float(norm[look:].max())
        if later / norm[look] > depth:
            best, depth = look, later / float(norm[look])
    return best


def draw_plane(ax: Axes, model: landscape.Model, name: str, points: int) -> None:
    """Draw the loss on the plane of the extreme eigenvectors, in units that make both curve alike."""
    hessian = landscape.analyze_hessian(model, top=1, bottom=1)
    low, high = hessian.eigenvalues
    lengths = np.sqrt(high / np.maximum(np.abs(hessian.eigenvalues), 0.01 * high)) * 0.3
    plane = landscape.scan(
        model, direction=hessian.eigenvectors * lengths[:, None], normalize="none", points=points, split="train",
        dtype="float64",
    )  # fmt: skip
    quiet_map(ax, plane, f"{name}: λ from {low:.2g} to {high:.2g}".replace("e-0", "e−").replace("-", "−"))
    ax.set(
        xlabel="along the eigenvector\nof the smallest λ", ylabel="along that of the largest λ", aspect="auto"
    )
    ax.plot(0, 0, "o", markerfacecolor="white", markeredgecolor="black", markersize=5, zorder=6)
