"""A ball past a shallow minimum: gradient descent with and without the lecture's momentum."""

from __future__ import annotations

import numba
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import BLUE, GREY, ORANGE, PAGE, panels

SEES = (
    "From the same start on the same curve, plain gradient descent stays in the shallow minimum. With momentum, m ← 0.9m "
    "− ηg, the accumulated movement carries the ball over the next rise and into the deep minimum, where it oscillates "
    "before it rests."
)
CORRECTS = (
    "The notes write momentum as m ← βm + (1 − β)g. That form takes steps 1/(1 − β) = 10 times smaller, and with the same "
    "η = 0.03 it does not leave the shallow minimum."
)

START, RATE, STEPS = -2.2, 0.03, 150


@numba.njit
def curve(theta: np.ndarray) -> float:
    """A shallow minimum near −0.8 and a deep one near 0.9, walls on both sides."""
    x = theta[0]
    return 0.15 * x**4 - 0.3 * x**2 - 0.25 * x + 0.25 * np.cos(4.0 * x)


def descend(rate: float, optimizer: str, steps: int) -> np.ndarray:
    """Descend from the start; give the positions, [steps + 1]."""
    found = landscape.descend(curve, [START], optimizer=optimizer, learning_rate=rate, steps=steps)
    return np.asarray(found.path[0, :, 0])


def values(x: np.ndarray) -> np.ndarray:
    """Evaluate the curve at many x."""
    return np.array([curve(np.array([position])) for position in x])


def draw(quick: bool = False) -> Figure:
    """Draw both ways over the curve, and the positions against updates."""
    steps = 60 if quick else STEPS
    runs = {
        "plain descent": (descend(RATE, "sgd", steps), {"color": ORANGE, "marker": "s"}),
        "momentum 0.9": (descend(RATE, "heavy_ball", steps), {"color": BLUE, "marker": "o"}),
    }
    # β m + (1 − β) g with η is heavy ball with η(1 − β).
    averaged = descend(0.1 * RATE, "heavy_ball", steps)
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.4)
        draw_curve(left)
        for name, (path, look) in runs.items():
            left.plot(
                path, values(path) + 0.04, linestyle="none", markersize=2.6, label=name, alpha=0.7, **look
            )
            right.plot(
                path, color=look["color"], label=name, linestyle="-" if "mom" in name else (0, (4, 1.5))
            )
        right.plot(averaged, color=GREY, linestyle=(0, (1, 1.2)), label="βm + (1 − β)g, the same η")
        right.set(xlabel="updates", ylabel="θ", ylim=(-2.6, 2.9))
        right.set_title("positions")
        right.legend(loc="upper right")
        left.legend(loc="upper right")
    return figure


def draw_curve(ax: Axes) -> None:
    """Draw the loss."""
    x = np.linspace(-2.5, 2.3, 400)
    ax.plot(x, values(x), color="black", linewidth=1.0)
    ax.set(xlabel="θ", ylabel="loss", xlim=(-2.6, 2.4))
    ax.set_title("over the curve")
