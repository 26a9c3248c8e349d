"""How batch normalization's running statistics change a surface away from the point that they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import BLUE, DASHED, ORANGE, PAGE, panels

SEES = (
    "A LeNet with batch norm along two random lines. At the trained point both curves are at 0.27. At α = 1 on the first "
    "line the loss is 55 with the statistics kept from the centre and 6.5 with statistics computed anew; on the second "
    "line one curve lies above guessing (dotted), the other below."
)
CORRECTS = (
    "The lecture's landscapes are of networks without batch norm. With batch norm, a map whose statistics are kept from "
    "the centre shows losses that training would never meet, and part of its walls comes from the outdated statistics."
)

NETWORK, SPAN = "lenet_bn", 1.0
LINES: dict[str, tuple[bool, dict[str, Any]]] = {
    "kept": (False, {"color": BLUE}),
    "recomputed": (True, {"color": ORANGE, "linestyle": DASHED}),
}
SEEDS = (0, 1)


def draw(quick: bool = False) -> Figure:
    """Scan the same lines with the statistics of the centre and with those of each point."""
    model = landscape.load_model(landscape.bundled_path(NETWORK))
    with landscape.style():
        figure, axes = panels(len(SEEDS), width=PAGE, height=2.6, sharey=True)
        for ax, seed in zip(axes, SEEDS, strict=True):
            draw_line(ax, model, seed, 5 if quick else 41)
        axes[0].set_ylabel("training loss (nats)")
        axes[0].legend(title="running statistics", loc="upper center")
    return figure


def draw_line(ax: Axes, model: landscape.Model, seed: int, points: int) -> None:
    """Draw one line with both kinds of statistics, and give both losses at its centre and at its ends."""
    words = []
    for name, (recompute, look) in LINES.items():
        record = landscape.scan(
            model,
            split="train",
            dimensions=1,
            points=points,
            span=SPAN,
            seed=seed,
            recompute_statistics=recompute,
        )
        loss = record.values["train_loss"]
        ax.plot(record.axes[0], loss, label=name, **look)
        words.append(f"{name}: {loss[points // 2]:.2f} at 0, {loss[0]:.2f} and {loss[-1]:.2f} at the ends")
    ax.axhline(np.log(10), color="#888888", linewidth=0.8, linestyle=":")
    ax.text(0.0, 1.06 * np.log(10), "guessing", color="#555555", ha="center", va="bottom", fontsize=6.5)
    ax.set(yscale="log", xlabel="α along a filter-normalized direction")
    ax.set_title("\n".join([f"LeNet with batch norm, direction {seed + 1}", *words]))
