"""The convex example with three learning rates: too small, at the edge, and diverging."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.convex import STEPS, draw_map, draw_path, map_of_loss, path_of
from landscape.gallery.drawing import PAGE, panels

SEES = (
    "Gradient descent on the squared error of a line y = b + wx, from (b, w) = (−120, −4); the cross marks the minimum. "
    "With η = 1e-7 it reaches the valley at once but only (−123.69, 2.48) after 100,000 steps; with η = 1e-6, just below "
    "2/λₘₐₓ = 1.145e-6, it oscillates across the valley and reaches (−149.23, 2.56)."
)
CORRECTS = (
    "The slide shows η = 1e-2 as five vertical strokes; computed, that run diverges by a factor of 3.05e8 per step and "
    "leaves the picture after the first. The notes say that steep directions want a high rate and flat ones a low rate; "
    "the opposite is true."
)

# Steps of each rate that are drawn; the divergence is over after a few.
RATES = {1e-7: STEPS, 1e-6: STEPS, 1e-2: 5}


def draw(quick: bool = False) -> Figure:
    """Draw the three paths on the same map."""
    record = map_of_loss(15 if quick else 81)
    with landscape.style():
        figure, axes = panels(3, width=PAGE, height=2.2, sharey=True)
        for ax, (rate, steps) in zip(axes, RATES.items(), strict=True):
            path = path_of(steps if not quick else min(steps, 2000), learning_rate=rate)
            draw_map(ax, record, "", bar=ax is axes[-1], keys=ax is axes[0])
            draw_path(ax, path, marker="." if rate < 1e-2 else None, markersize=1.5)
            b, w = path[-1]
            ended = f"ends ({b:.1f}, {w:.2f})" if np.abs(path[-1]).max() < 1e3 else "diverges"
            ax.set_title(f"η = {rate:.0e}: {ended}".replace("e-0", "e−").replace("-", "−"))
        for ax in axes[1:]:
            ax.set_ylabel("")
    return figure
