"""The time of one epoch against the batch size, measured on the machine at hand."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import COLUMN, panels
from landscape.gallery.networks import digits
from landscape.gallery.timing import batch_sizes, devices, draw_times, update_times

SEES = (
    "An epoch in batches of 1 costs some 17 times as much as one in batches of 64 or more: an update costs the "
    "same for 1 example and for 4, so that four times the batch is a fourth of the time."
)
CORRECTS = (
    "The notes say 'large batch' in both bullets on the cost; the second should say small batch. The slide's factor of 36 "
    "between batch 1 and 1,000 is not peculiar to GPUs: one CPU core shows half of it, and batches above 64 bring no "
    "further gain."
)


def draw(quick: bool = False) -> Figure:
    """Draw the times of an epoch, relative to the smallest batch's."""
    model = digits()
    sizes, examples = batch_sizes(quick), model.examples("train")
    updates = np.ceil(examples / sizes)
    times = {name: updates * update_times(model, device, quick) for name, device in devices(model).items()}
    with landscape.style():
        figure, ax = panels(1, width=COLUMN, height=2.4)
        draw_times(ax, sizes, times, np.ones_like(sizes))
        ax.set(ylabel=f"time of an epoch\n(over that of batch {sizes[0]:g})")
        ax.set_title(f"one epoch of {examples:,} examples")
    return figure
