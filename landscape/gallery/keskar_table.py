"""Keskar's experiment on small and large batches, redone on digits: a table beside the paper's."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import PAGE, panels
from landscape.gallery.networks import digits

SEES = (
    "The digits network trained with Adam in batches of 16 and of 144 (10 % of the data), five seeds. With equal epochs "
    "the large batch is one point worse on test data and has the larger λₘₐₓ; with equal updates it is worse by less "
    "than a standard deviation and has the smaller λₘₐₓ."
)
CORRECTS = (
    "The lecture shows the paper's table without its sharpness and its standard deviations. The gap in test accuracy is "
    "0.22 points there, and here it closes once both batches make the same number of updates: how much of it is due to "
    "the batch size itself is disputed."
)

SMALL, LARGE, EPOCHS, SEEDS = 16, 144, 40, 5
# The sharpness of the paper is φ at ε = 1e-3 in the full space, a mean over its runs.
PAPER = ("F1, MNIST (Keskar et al. 2017)", "99.66 / 99.92", "98.03 / 97.81", "φ: 1.23 / 205")


def draw(quick: bool = False) -> Figure:
    """Train, measure, and write the table."""
    seeds = range(1) if quick else range(SEEDS)
    epochs = 1 if quick else EPOCHS
    model = digits()
    common = {"optimizer": "adam", "learning_rate": 0.003, "init": "he", "seed": seeds, "looks": 2}
    rows = []
    updates = epochs * -(-model.examples("train") // SMALL)
    for title, budget in (
        (f"digits, {epochs} epochs", {"epochs": epochs}),
        (f"digits, {updates:,} updates", {"steps": updates}),
    ):
        found = landscape.train_many(model, batch_size=[SMALL, LARGE], **budget, **common)
        rows.append(
            (
                title,
                *(both(found, f"{split}_accuracy", len(seeds)) for split in ("train", "test")),
                sharpness(found, len(seeds)),
            )
        )
    with landscape.style():
        figure, ax = panels(1, width=PAGE, height=1.35)
        write_table(ax, [*rows, PAPER], len(seeds))
    return figure


def both(found: landscape.Ensemble, name: str, seeds: int) -> str:
    """Write an accuracy of both batch sizes in percent, with the seeds' standard deviation where there are several."""
    runs = 100.0 * found.losses[name][:, -1].reshape(2, seeds)
    spread = [f" ± {run.std(ddof=1):.2f}" if seeds > 1 else "" for run in runs]
    return " / ".join(f"{run.mean():.2f}{error}" for run, error in zip(runs, spread, strict=True))


def sharpness(found: landscape.Ensemble, seeds: int) -> str:
    """Write λₘₐₓ of the minima of both batch sizes, the median over the seeds."""
    model = digits()
    values = [
        landscape.analyze_hessian(found.end(model, run), top=1, bottom=0, tolerance=1e-3).eigenvalues[-1]
        for run in range(2 * seeds)
    ]
    return "λₘₐₓ: " + " / ".join(
        f"{middle:.3g}" for middle in np.median(np.reshape(values, (2, seeds)), axis=1)
    )


def write_table(ax: Axes, rows: list[tuple[str, ...]], seeds: int) -> None:
    """Write the rows under a head."""
    heads = (
        f"mean ± standard\ndeviation of {seeds} seeds" if seeds > 1 else "one seed",
        "training accuracy, %\nsmall / large batch",
        "test accuracy, %\nsmall / large batch",
        "sharpness (median)\nsmall / large batch",
    )
    places = (0.0, 0.30, 0.54, 0.78)
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, len(rows) + 1.6))
    top = len(rows) + 0.9
    for place, head in zip(places, heads, strict=True):
        ax.text(place, top, head, va="center", fontweight="bold", fontsize=7)
    ax.axhline(top - 0.75, color="#333333", linewidth=0.6)
    for number, row in enumerate(rows):
        height = len(rows) - number - 0.35
        for place, text in zip(places, row, strict=True):
            ax.text(place, height, text, va="center", fontsize=7)
    assert np.all(np.diff(places) > 0)
