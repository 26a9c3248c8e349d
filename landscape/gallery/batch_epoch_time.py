"""The time of one epoch against the batch size, measured on the machine at hand."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import COLUMN, panels
from landscape.gallery.timing import draw_times, update_times

SEES = (
    "An epoch in batches of 1 costs some thirty times as much as one in batches of 256: up to 16 examples "
    "an update costs the same, so that four times the batch is a fourth of the time."
)
CORRECTS = (
    "The notes say 'large batch' in both bullets on the cost; the second is the small batch. The slide's "
    "factor of 36 between batch 1 and 1,000 is no peculiarity of GPUs: one CPU core has about the same, "
    "and is through with gaining at 256."
)


def draw(quick: bool = False) -> Figure:
    """Draw the times of an epoch, relative to the smallest batch's."""
    sizes, seconds, examples = update_times(quick)
    epochs = seconds * np.ceil(examples / sizes)
    with landscape.style():
        figure, ax = panels(1, width=COLUMN, height=2.4)
        draw_times(ax, sizes, epochs, np.ones_like(sizes))
        ax.set(ylabel=f"time of an epoch\n(batch {sizes[0]:g}: {1e3 * epochs[0]:.3g} ms)")
        ax.set_title(f"one epoch of {examples:,} examples")
    return figure
