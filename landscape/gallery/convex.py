"""The lecture's convex example, Σ(y − b − wx)² over ten points: its map, its paths, and the bursts on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

import landscape
from landscape.gallery.drawing import BLACK, quiet_map

Array = NDArray[np.float64]

START = (-120.0, -4.0)
STEPS = 100_000
# A burst is |w − w*| above this, after the first fall into the valley; two are so many steps apart.
HIGH, SETTLED, APART = 0.5, 100, 100


def goal() -> Array:
    """The least-squares line (b, w)."""
    return landscape.SurfaceObjective("convex").minima[0]


def path_of(steps: int = STEPS, **settings: Any) -> Array:
    """Descend from the lecture's start; give every point (b, w), [steps + 1, 2]."""
    return np.asarray(landscape.descend("convex", START, steps=steps, **settings).path[0])


def bursts(path: Array) -> NDArray[np.int64]:
    """Give the step at which each burst of a path begins."""
    high = np.abs(path[:, 1] - goal()[1]) > HIGH
    begins = np.flatnonzero(high[1:] & ~high[:-1]) + 1
    begins = begins[begins > SETTLED]
    first = np.concatenate([[True], np.diff(begins) > APART])[: begins.size]
    return begins[first]


def map_of_loss(points: int) -> landscape.Scan:
    """Scan the lecture's window, b from −200 to −100 and w from −5 to 5."""
    surface = landscape.SurfaceObjective("convex")
    spans = [tuple(map(float, side)) for side in surface.box]
    return landscape.scan(
        surface, center=np.zeros(2), direction=np.eye(2), span=spans, points=points, normalize="none"
    )


def draw_map(ax: Axes, record: landscape.Scan, title: str, *, bar: bool = True, keys: bool = True) -> None:
    """Draw the map with the start and the goal; a path would cross numbers on the lines, so that a colour `bar` has them."""
    quiet_map(ax, record, title, levels=(1e6, 3e6, 1e7, 3e7, 6e7), labels=False, colorbar=bar)
    for line in list(ax.lines):
        line.remove()
    ax.plot(
        *START, "o", markerfacecolor="white", markeredgecolor=BLACK, markersize=4.5, zorder=7, label="start"
    )
    ax.plot(*goal(), "x", color="#ffd23f", markersize=6, markeredgewidth=1.8, zorder=7, label="minimum")
    if keys:
        ax.legend(
            loc="lower left", ncols=2, frameon=True, facecolor="#555555", framealpha=1.0, labelcolor="white"
        )
    ax.set(xlabel="b", ylabel="w", xlim=(-200, -100), ylim=(-5, 5), aspect="auto")


def draw_path(ax: Axes, path: Array, **look: Any) -> None:
    """Draw a path as far as matplotlib can: beyond a million it has left the picture anyway.

    It is white with a black edge, since the map is as dark as black and as light as yellow.
    """
    inside = np.clip(path, -1e6, 1e6)
    look = {"color": "white", "linewidth": 1.0, "zorder": 5, **look}
    edge = Stroke(linewidth=look["linewidth"] + 1.0, foreground=BLACK)
    ax.plot(inside[:, 0], inside[:, 1], path_effects=[edge, Normal()], **look)
