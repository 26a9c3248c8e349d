"""Why noise helps: a point where the gradient of one batch's loss is zero and that of another's is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import COLUMN, LOOKS, panels

SEES = (
    "The losses of two batches of 16 and of all 1,437 examples, along one line through a half-trained digits network. "
    "Their minima lie at different places: where batch 1 has no slope, an update on it is stuck, and an update on the "
    "other batch is not."
)
CORRECTS = (
    "The notes say 'large batch' in both bullets on the cost of an update; the second should say small batch, whose "
    "updates are cheap and noisy. Only the gradients differ from batch to batch; the loss that one wants to lower stays "
    "the same."
)

BATCH = 16
CHECKPOINT = 8


def on_batch(model: landscape.Model, rows: np.ndarray) -> landscape.Model:
    """The same network with some of its training examples only."""
    data = {"x_train": model.data["x_train"][rows], "y_train": model.data["y_train"][rows]}
    return replace(model, data=data)


def draw(quick: bool = False) -> Figure:
    """Draw the three losses on the line of the first batch's gradient, and the point where it is stuck."""
    digits = landscape.load_model(landscape.bundled_path("digits"))
    model = digits.with_theta(digits.checkpoints[CHECKPOINT])
    rows = np.random.default_rng(3).permutation(model.examples("train"))
    subjects = {
        "all examples": model,
        "batch 1": on_batch(model, rows[:BATCH]),
        "batch 2": on_batch(model, rows[BATCH : 2 * BATCH]),
    }
    gradient = landscape.NetworkObjective(subjects["batch 1"]).gradient(model.theta)
    direction = -gradient / np.linalg.norm(gradient)
    points = 41 if quick else 161
    lines = {
        name: landscape.scan(
            subject,
            direction=direction[None],
            normalize="none",
            span=(-0.5, 1.0),
            points=points,
            split="train",
        )
        for name, subject in subjects.items()
    }
    with landscape.style():
        figure, ax = panels(1, width=COLUMN, height=2.5)
        for (name, line), look in zip(lines.items(), LOOKS, strict=False):
            ax.plot(line.axes[0], line.values["train_loss"], label=name, **look)
        stuck = lines["batch 1"]
        best = int(np.argmin(stuck.values["train_loss"]))
        at = stuck.axes[0][best]
        ax.axvline(at, color="#888888", linewidth=0.7, linestyle=":")
        for line, look in zip(lines.values(), LOOKS, strict=False):
            ax.plot(at, line.values["train_loss"][best], "o", color=look["color"], markersize=4)
        ax.set(xlabel="α against the gradient of batch 1 (distance in θ)", ylabel="training loss (nats)")
        ax.set_title("stuck on batch 1, not on batch 2")
        ax.legend()
    return figure
