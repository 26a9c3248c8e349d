"""Each parameter divided by the root mean square of its gradients: a steep direction gets a small rate."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.convex import START, draw_map, draw_path, map_of_loss, path_of
from landscape.gallery.drawing import BLUE, DASHED, ORANGE, PAGE, panels

SEES = (
    "With η = 1 the step is at first ±1 in both parameters, whatever their gradients; b turns at −113.84 in step 15, and then σ_w, "
    "hundreds of times σ_b, holds w in the valley while b goes along it at a rate that plain descent cannot have."
)
CORRECTS = (
    "The lecture calls this Adagrad, but Duchi's Adagrad divides by the root of the sum of squares, this by that of their mean; the "
    "notes write σᵗ with gᵗ⁻¹, and say that a steep direction wants a high rate: it wants a low one."
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
        right.plot(1.0 / sigma[:, 0], color=BLUE, label="1/σ of b (flat)")
        right.plot(1.0 / sigma[:, 1], color=ORANGE, linestyle=DASHED, label="1/σ of w (steep)")
        right.set(yscale="log", xlabel="updates", ylabel="rate η/σ", xlim=(0, steps))
        right.set_title("a rate for each parameter")
        right.legend()
    return figure
