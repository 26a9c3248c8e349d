"""What is marked on the plane through three models: the models, their mean, and curves between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
EDGE: dict[str, Any] = {"foreground": "black", "linewidth": 2.4}
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
        return [*keys, *worded_keys([HONESTY])]


def marked(record: Scan) -> Marked | None:
    """Give what a record has marked, None where there is nothing."""
    marks = record.settings.get("marks")
    return Marked(marks, record.settings.get("overlays") or []) if marks else None
