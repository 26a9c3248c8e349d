"""The same network of 20 layers with and without its skips: what the loss looks like around each.

Run `python benchmarks/networks_train.py FOLDER` first (PyTorch, Fashion-MNIST), then `python figures/skips.py FOLDER`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import landscape

DEFAULT = Path(__file__).with_suffix(".png")
NETWORKS = {"with skips": "resnet20_skips", "without skips": "resnet20_plain"}
SEED, SPAN, EXAMPLES = 0, 0.5, 256


def scanned(folder: Path, name: str, points: int) -> landscape.Scan:
    """Scan the plane of two random, filter-normalized directions."""
    model = landscape.load_model(folder / f"{name}.npz")
    return landscape.scan(
        model,
        split="train",
        points=points,
        span=SPAN,
        seed=SEED,
        examples=EXAMPLES,
        output=folder / f"{name}.skips.npz",
    )


def draw(records: dict[str, landscape.Scan]) -> Figure:
    """Draw the maps side by side on the same levels, each with its numbers."""
    surfaces = {name: record.values["train_loss"] for name, record in records.items()}
    finite = np.concatenate([surface[np.isfinite(surface)] for surface in surfaces.values()])
    levels = np.geomspace(max(finite.min(), 1e-2), np.quantile(finite, 0.98), 15)
    with landscape.style():
        figure = Figure(figsize=(6.6, 3.4))
        for column, (name, record) in enumerate(records.items()):
            axes = figure.add_subplot(1, 2, column + 1)
            surface = surfaces[name]
            alpha, beta = record.axes
            heights = np.clip(surface.T, levels[0], None)
            colours = LogNorm(levels[0], 10 * levels[-1])
            lines = axes.contour(
                alpha, beta, heights, levels=levels, cmap="cividis", norm=colours, linewidths=0.9
            )
            axes.clabel(lines, levels[1::3], fmt="%.2g", fontsize=6)
            axes.plot(0, 0, marker="+", color="black", markersize=8)
            center = surface[len(alpha) // 2, len(beta) // 2]
            axes.set(title=name, xlabel="α", ylabel="β" if column == 0 else "", aspect="equal")
            axes.text(
                0.5, -0.24, f"loss {center:.3f} at the centre, median {np.median(surface):.2g}, maximum {surface.max():.2g}",
                transform=axes.transAxes, ha="center", fontsize=7,
            )  # fmt: skip
        figure.subplots_adjust(left=0.08, right=0.99, bottom=0.24, top=0.92, wspace=0.15)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where networks_train.py wrote the networks")
    parser.add_argument("--points", type=int, default=25)
    parser.add_argument("--output", type=Path, default=DEFAULT)
    options = parser.parse_args()
    records = {title: scanned(options.folder, name, options.points) for title, name in NETWORKS.items()}
    for title, record in records.items():
        print(title, record.summary()["minimum"], record.summary()["maximum"], record.summary()["seconds"])
    draw(records).savefig(options.output, dpi=200, metadata={"Software": None})
    print(options.output)


if __name__ == "__main__":
    main()
