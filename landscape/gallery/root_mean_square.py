"""Each parameter divided by the root mean square of its gradients: a steep direction gets a small rate."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.convex import START, draw_map, draw_path, map_of_loss, path_of
from landscape.gallery.drawing import BLUE, DASHED, ORANGE, PAGE, panels

SEES = (
    "With η = 1 the first steps are ±1 in both parameters, however large their gradients. b turns at −113.84 in step 15; "
    "then σ_w, the root mean square of w's gradients and hundreds of times as large as σ_b, keeps w in the valley while b "
    "moves along it at a rate at which plain gradient descent would diverge."
)
CORRECTS = (
    "The lecture calls this Adagrad. Duchi's Adagrad divides by the root of the sum of the squares, this method by the "
    "root of their mean. The notes write σᵗ with gᵗ⁻¹, and say that a steep direction wants a high rate; it wants a low "
    "one."
)


def draw(quick: bool = False) -> Figure:
    """Draw the path up to the first burst, and the two parameters' rates."""
    steps = 300 if quick else 700
    path = path_of(steps, optimizer="adagrad_rms", learning_rate=1.0)
    surface = landscape.SurfaceObjective("convex")
    gradients = np.array([surface.gradient(point) for point in path])
    counts = np.arange(1, len(path) + 1)[:, None]
    sigma = np.sqrt(np.cumsum(gradients**2, axis=0) / counts)
    with landscape.style():
        figure, (left, right) = panels(2, width=PAGE, height=2.3)
        draw_map(left, map_of_loss(15 if quick else 81), f"η = 1, the first {steps} steps")
        draw_path(left, path)
        assert np.array_equal(path[0], START)
        right.plot(1.0 / sigma[:, 0], color=BLUE, label="b (flat)")
        right.plot(1.0 / sigma[:, 1], color=ORANGE, linestyle=DASHED, label="w (steep)")
        right.set(yscale="log", xlabel="updates", ylabel="rate η/σ", xlim=(0, steps))
        right.set_title("a rate for each parameter")
        right.legend()
    return figure
