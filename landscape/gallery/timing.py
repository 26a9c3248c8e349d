"""Times of one update against the batch size, on the machine at hand."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import landscape
from landscape.gallery.drawing import BLUE, DASHED, GREY, ORANGE

Array = NDArray[np.float64]

BATCHES = (1, 4, 16, 64, 256, 1024)
COLORS = (BLUE, ORANGE)


def batch_sizes(quick: bool) -> Array:
    """Return the batch sizes that are tried."""
    return np.array(BATCHES[1::2] if quick else BATCHES, np.float64)


def devices(model: landscape.Model) -> dict[str, str]:
    """Name what can be measured on this machine: the CPU, and a GPU if there is one."""
    found = {"CPU, one thread": "cpu"}
    try:
        landscape.NetworkObjective(model, device="cuda")
    except landscape.InputError:
        return found
    return found | {"GPU": "cuda"}


@cache
def update_times(model: landscape.Model, device: str, quick: bool) -> Array:
    """Give seconds an update for each batch size."""
    examples, repeats = (2_000, 1) if quick else (40_000, 5)

    def spent(size: int, count: int) -> float:
        runs = (
            landscape.train_many(
                model, batch_size=size, steps=count, looks=2, threads=1, device=device
            ).seconds
            for _ in range(repeats)
        )
        return min(runs)

    def seconds_of(size: int) -> float:
        # What is done once a run drops out of the difference; enough updates that it is not noise.
        steps = max(40, examples // size)
        whole = spent(size, steps + 1)
        rest = whole - spent(size, 1)
        return (rest if rest > 0.2 * whole else whole) / steps

    return np.array([seconds_of(int(size)) for size in batch_sizes(quick)])


def draw_times(ax: Axes, sizes: Array, times: dict[str, Array], proportional: Array) -> None:
    """Draw times over the first one, which the legend has, and what they would be in proportion."""
    for (name, seconds), color in zip(times.items(), COLORS, strict=False):
        label = f"{name} (batch {sizes[0]:g}: {amount(seconds[0])})"
        ax.plot(sizes, seconds / seconds[0], "o-", color=color, markersize=3.5, label=label)
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


def amount(seconds: float) -> str:
    """Write a time with its unit."""
    return f"{1e6 * seconds:.3g} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"
