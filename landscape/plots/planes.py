"""What is drawn over a plane: models, their mean and curves between them, or the checkpoints of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patheffects import Normal, Stroke

from landscape.plots.marks import worded_keys
from landscape.plots.words import short, shorten
from landscape.records import Scan

MARKERS = "osD^"
POINT: dict[str, Any] = {
    "linestyle": "none", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 1.0, "zorder": 6,
}  # fmt: skip
DASHES: dict[str, Any] = {"bezier": "-", "polychain": (0, (4, 1.5)), "band": (0, (1, 1))}
NAMES = {"bezier": "Bézier curve", "polychain": "chain of pieces", "band": "elastic band"}
# White between black edges is seen on every band of the map.
EDGE: dict[str, Any] = {"foreground": "black", "linewidth": 2.2}
PATH: dict[str, Any] = {"color": "white", "linewidth": 1.1, "zorder": 4}
STOP: dict[str, Any] = {
    "linestyle": "none", "marker": ".", "markersize": 3.4, "color": "black", "markeredgewidth": 0, "zorder": 4.1,
}  # fmt: skip
START: dict[str, Any] = {
    "linestyle": "none", "marker": "D", "markersize": 4.6, "markerfacecolor": "white", "markeredgecolor": "black", "markeredgewidth": 1.0,
    "zorder": 6, "clip_on": False,
}  # fmt: skip
HONESTY = "a low path need not lie in this plane, nor in any that can be drawn"


@dataclass(frozen=True)
class Marked:
    """Points and curves to draw over the map."""

    marks: list[dict[str, Any]]
    overlays: list[dict[str, Any]]

    @property
    def points(self) -> list[tuple[float, float]]:
        """The marked points, on which no label may stand."""
        return [(float(mark["at"][0]), float(mark["at"][1])) for mark in self.marks]

    def others(self) -> list[tuple[tuple[float, float], str, dict[str, Any]]]:
        """Give where each marked point but the model itself is, what it is called, and how it looks."""
        found = []
        for number, mark in enumerate(self.marks[1:], start=1):
            loss = mark.get("loss")
            words = shorten(mark["name"]) + ("" if loss is None else f" ({short(loss)})")
            at = (float(mark["at"][0]), float(mark["at"][1]))
            found.append((at, words, {"marker": MARKERS[number % len(MARKERS)], **POINT}))
        return found

    def remarks(self) -> list[str]:
        """Say what the plane cannot show."""
        return [HONESTY]

    def draw(self, ax: Axes) -> list[Artist]:
        """Draw all; give the legend's keys. The model itself is marked by the map."""
        keys: list[Artist] = []
        farthest: dict[str, float] = {}
        for one in self.overlays:
            farthest[str(one.get("curve"))] = max(farthest.get(str(one.get("curve")), 0.0), one["distance"])
        named = set()
        for one in self.overlays:
            x, y = zip(*one["points"], strict=True) if one["points"] else ((), ())
            kind = str(one.get("curve"))
            words = f"{NAMES.get(kind, 'curve')}, up to {short(farthest[kind])} out of the plane"
            line = ax.plot(x, y, color="white", linewidth=1.2, linestyle=DASHES.get(str(one.get("curve")), "-"), zorder=4, label=words)  # fmt: skip
            line[0].set_path_effects([Stroke(**EDGE), Normal()])
            keys += [] if kind in named else line
            named.add(kind)
        for at, words, look in self.others():
            keys += ax.plot(*at, label=words, **look)
        return [*keys, *worded_keys(self.remarks())]


@dataclass(frozen=True)
class Run:
    """The checkpoints of a run on a plane: `places` [K, 2], the update of each where it is known, and the share of their variance on the plane."""

    places: np.ndarray
    steps: Sequence[int]
    captured: float

    @property
    def points(self) -> list[tuple[float, float]]:
        """The places, on which no label may stand."""
        return [(float(x), float(y)) for x, y in self.places]

    def words(self) -> list[str]:
        """Name each checkpoint."""
        if len(self.steps):
            return [f"update {int(step):,}" for step in self.steps]
        return [f"checkpoint {number} of {len(self.places)}" for number in range(1, len(self.places) + 1)]

    def others(self) -> list[tuple[tuple[float, float], str, dict[str, Any]]]:
        """Give where the run begins, what that is called, and how it looks."""
        words = "the first checkpoint" + (f" (update {int(self.steps[0]):,})" if len(self.steps) else "")
        return [(self.points[0], words, START)]

    def remarks(self) -> list[str]:
        """Say how much of the run the plane holds."""
        return [f"{len(self.places)} checkpoints, {self.captured:.1%} of their variance on this plane"]

    def draw(self, ax: Axes) -> list[Artist]:
        """Draw the path; give the legend's keys."""
        path = ax.plot(*self.places.T, label=self.remarks()[0], **PATH)
        path[0].set_path_effects([Stroke(**EDGE), Normal()])
        ax.plot(*self.places.T, **STOP)
        return [
            *path,
            *(key for at, words, look in self.others() for key in ax.plot(*at, label=words, **look)),
        ]


def marked(record: Scan, axes: Sequence[int] = (0, 1)) -> Marked | Run | None:
    """Give what a record has marked on the plane of its first two axes, None if there is nothing."""
    marks, run = record.settings.get("marks"), record.settings.get("run")
    if marks:
        return Marked(marks, record.settings.get("overlays") or [])
    if not run or not run["points"] or len(record.axes) != 2 or tuple(axes) != (0, 1):
        return None
    return Run(np.asarray(run["points"], np.float64), run.get("steps", []), run["captured"])
