"""Minima of a small and a large batch: training and test loss along the same kind of direction."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import BLUE, DASHED, ORANGE, PAGE, panels
from landscape.gallery.networks import digits

SEES = (
    "Two minima of the digits network after the same number of updates, along filter-normalized lines. The large batch's "
    "minimum is deeper and has steeper walls. By λₘₐₓ the small batch's minimum is the sharper one; by the adaptive "
    "measure the large batch's is."
)
CORRECTS = (
    "The lecture draws a flat and a sharp minimum by hand and adds that the idea is disputed. λₘₐₓ falls with the loss, "
    "and it changes when layers are rescaled, which changes no output (Dinh et al. 2017). The adaptive measure does not "
    "change, and here the two disagree about which minimum is sharp."
)

RUNS = {"small batch": 16, "large batch": 1000}
MEASURES = ("lambda_max", "adaptive")


def draw(quick: bool = False) -> Figure:
    """Train both for the same number of updates, and draw their lines."""
    model = digits()
    steps = 60 if quick else 2700
    found = landscape.train_many(
        model, optimizer="adam", batch_size=list(RUNS.values()), learning_rate=0.003, steps=steps, looks=2
    )
    with landscape.style():
        figure, axes = panels(2, width=PAGE, height=2.5, sharey=True)
        for ax, (name, size), theta in zip(axes, RUNS.items(), found.theta, strict=True):
            there = model.with_theta(theta)
            line = landscape.scan(there, dimensions=1, span=1.2, points=21 if quick else 81)
            ax.plot(line.axes[0], line.values["train_loss"], color=BLUE, label="training loss")
            ax.plot(line.axes[0], line.values["test_loss"], color=ORANGE, linestyle=DASHED, label="test loss")
            ax.set(yscale="log", xlabel="along a filter-normalized direction")
            ax.set_title(f"{name} ({size}){'' if quick else told(there)}")
        axes[0].set_ylabel("loss (nats)")
        axes[0].legend(loc="lower right")
    return figure


def told(model: landscape.Model) -> str:
    """Return the sharpness measures as text."""
    summary = landscape.measure_sharpness(model, measures=MEASURES).summary()
    numbers = [float(np.float64(summary[name]["value"])) for name in MEASURES]
    return f": λₘₐₓ {numbers[0]:.3g}, adaptive {numbers[1]:.3g}"
