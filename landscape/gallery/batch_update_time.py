"""The time of one update against the batch size, measured on the machine at hand."""

from __future__ import annotations

from matplotlib.figure import Figure

import landscape
from landscape.gallery.drawing import COLUMN, panels
from landscape.gallery.networks import digits
from landscape.gallery.timing import batch_sizes, devices, draw_times, update_times

SEES = (
    "On one core of a CPU an update of the digits network costs the same for 1 example and for 4, less than "
    "twice as much for 16, and some 30 times as much for 1,024."
)
CORRECTS = (
    "The lecture's 'batch 1 to 1000 takes about the same time' was measured on a V100, which has room for a thousand "
    "examples at once; a CPU's vector units are full at eight. The curve of a GPU is drawn too where there is one; there "
    "was none here."
)


def draw(quick: bool = False) -> Figure:
    """Draw the times, relative to the smallest batch's."""
    model = digits()
    times = {name: update_times(model, device, quick) for name, device in devices(model).items()}
    sizes = batch_sizes(quick)
    with landscape.style():
        figure, ax = panels(1, width=COLUMN, height=2.4)
        draw_times(ax, sizes, times, sizes / sizes[0])
        ax.set(ylabel=f"time of an update\n(over that of batch {sizes[0]:g})")
        ax.set_title("one update")
    return figure
