"""Accuracy against batch size, for equal epochs and for equal updates side by side."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import BLUE, DASHED, ORANGE, PAGE, panels
from landscape.gallery.networks import digits

SEES = (
    "SGD at η = 0.1 on digits, three seeds: after 15 epochs, training and test accuracy fall together as the batch grows, "
    "so overfitting is not the reason; with the same number of updates, a batch of 1,000 does as well as one of 16."
)
CORRECTS = (
    "The lecture concludes from equal epochs that large batches have an optimization problem. Most of it is that they "
    "make 45 times fewer updates (30 in place of 1,350), at a learning rate that was not tuned for them."
)

BATCHES, EPOCHS, RATE = (16, 64, 256, 1000), 15, 0.1


def draw(quick: bool = False) -> Figure:
    """Train with both budgets, and draw training and test accuracy."""
    model = digits()
    sizes = BATCHES[::2] if quick else BATCHES
    epochs = 2 if quick else EPOCHS
    seeds = range(1) if quick else range(3)
    updates = epochs * math.ceil(model.examples("train") / sizes[0])
    budgets = {
        f"equal epochs: {epochs}": {"epochs": epochs},
        f"equal updates: {updates:,}": {"steps": updates},
    }
    with landscape.style():
        figure, axes = panels(2, width=PAGE, height=2.4, sharey=True)
        for ax, (title, budget) in zip(axes, budgets.items(), strict=True):
            found = landscape.train_many(
                model, batch_size=list(sizes), seed=seeds, learning_rate=RATE, init="he", looks=2, **budget
            )
            for split, look in (
                ("train", {"color": BLUE, "marker": "o"}),
                ("test", {"color": ORANGE, "marker": "s", "linestyle": DASHED}),
            ):
                runs = found.losses[f"{split}_accuracy"][:, -1].reshape(len(sizes), len(seeds))
                name = "training" if split == "train" else "test"
                ax.plot(sizes, np.median(runs, axis=1), markersize=3.5, label=name, **look)
                ax.fill_between(
                    sizes, runs.min(axis=1), runs.max(axis=1), color=look["color"], alpha=0.18, linewidth=0
                )
            ax.set(xscale="log", xlabel="batch size (examples)")
            ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
            ax.minorticks_off()
            ax.set_title(title)
        axes[0].set_ylabel("accuracy (fraction correct)")
        spread = f"median and range of {len(seeds)} seeds" if len(seeds) > 1 else "one seed"
        axes[0].legend(loc="lower left", title=spread, alignment="left")
    return figure
