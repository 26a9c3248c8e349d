"""Times of one update against the batch size, on the machine at hand."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import landscape
from landscape.gallery.drawing import BLUE, DASHED, GREY
from landscape.gallery.networks import digits

Array = NDArray[np.float64]

BATCHES = (1, 4, 16, 64, 256, 1024)


@cache
def update_times(quick: bool) -> tuple[Array, Array, int]:
    """Give batch sizes, seconds an update, and the number of examples."""
    model = digits()
    sizes = BATCHES[1::2] if quick else BATCHES
    examples, repeats = (2_000, 1) if quick else (40_000, 5)

    def spent(size: int, count: int) -> float:
        runs = (
            landscape.train_many(model, batch_size=size, steps=count, looks=2, threads=1).seconds
            for _ in range(repeats)
        )
        return min(runs)

    def seconds_of(size: int) -> float:
        # What is done once a run drops out of the difference; enough updates that it is not noise.
        steps = max(40, examples // size)
        whole = spent(size, steps + 1)
        rest = whole - spent(size, 1)
        return (rest if rest > 0.2 * whole else whole) / steps

    seconds = [seconds_of(size) for size in sizes]
    return np.array(sizes, np.float64), np.array(seconds), model.examples("train")


def draw_times(ax: Axes, sizes: Array, times: Array, proportional: Array) -> None:
    """Draw times relative to the first, and what they would be in proportion."""
    ax.plot(sizes, times / times[0], "o-", color=BLUE, markersize=3.5, label="CPU, one thread")
    ax.plot(
        sizes,
        proportional,
        color=GREY,
        linestyle=DASHED,
        linewidth=0.9,
        label="in proportion to the examples",
    )
    ax.set(xscale="log", yscale="log", xlabel="batch size (examples)")
    ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
    ax.minorticks_off()
    ax.legend()
