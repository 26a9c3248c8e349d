"""The landscapes of small trained networks of each kind: images, signals and text."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import PAGE, panels, quiet_map

SEES = (
    "Four trained networks on planes of two random, filter-normalized directions; each lies in a single basin. LeNet's "
    "basin is round without batch norm and steep on two sides with it (up to 133 against 26). The transformer's loss "
    "rises least, from 1.66 to 6.1."
)
CORRECTS = (
    "The lecture's pictures are of dense networks; these have convolutions, batch norm and attention. A plane of random "
    "directions (seed 0) shows an average over all others, and the statistics of batch norm are kept from the centre."
)

NETWORKS = {
    "lenet": "LeNet on Fashion-MNIST",
    "lenet_bn": "LeNet with batch norm",
    "signals": "conv1d on MNIST-1D",
    "transformer": "transformer on source code",
}
SPAN, SEED = 1.0, 0


def draw(quick: bool = False) -> Figure:
    """Scan the plane of each network and draw its map."""
    with landscape.style():
        figure, axes = panels(2, 2, width=PAGE, height=5.6, sharex=True, sharey=True)
        for ax, (name, title) in zip(axes.flat, NETWORKS.items(), strict=True):
            model = landscape.load_model(landscape.bundled_path(name))
            record = landscape.scan(model, split="train", points=5 if quick else 31, span=SPAN, seed=SEED)
            draw_plane(ax, record, f"{title}, P = {model.size:,}")
        for ax in axes[:, 1]:
            ax.set_ylabel("")
        for ax in axes[0]:
            ax.set_xlabel("")
    return figure


def draw_plane(ax: Axes, record: landscape.Scan, title: str) -> None:
    """Draw one map, with the loss at its centre and its range."""
    surface = record.values["train_loss"]
    middle = surface[surface.shape[0] // 2, surface.shape[1] // 2]
    quiet_map(ax, record, f"{title}\nloss {middle:.2f} at the centre, up to {surface.max():.1f}")
