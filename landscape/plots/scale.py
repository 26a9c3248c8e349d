"""The scale beside a map: which colour is which value, and what the value is."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from landscape.plots.field import Field
from landscape.plots.levels import Levels
from landscape.plots.style import colormap
from landscape.plots.words import quantity_label, quantity_name, short

# Inches that a letter of a label takes.
LETTER = 0.055
# Numbers that have room beside the bar, and the inches that one takes.
MOST_TICKS, TICK = 14, 0.13


def scale_label(field: Field, levels: Levels) -> str:
    """Say what the colours and the numbers on the lines are."""
    label = quantity_label(field.record, field.quantity)
    if levels.scale != "above the minimum":
        return label
    name = quantity_name(field.record, field.quantity)
    return label.replace(name, f"{name} above {short(levels.low)}", 1)


def draw_scale(
    figure: Figure,
    field: Field,
    levels: Levels,
    *,
    height: float | None = None,
    smooth: bool = False,
    **place: Any,
) -> None:
    """Draw the colour bar where `place` says, as `Figure.colorbar` takes it; a label longer than its height in inches has two lines.

    Its colours are bands, or `smooth` as a surface has them.
    """
    norm = levels.smooth_norm() if smooth else levels.norm()
    if smooth:
        place["extend"] = levels.extend
    bar = figure.colorbar(
        ScalarMappable(norm=norm, cmap=colormap()), spacing="uniform", extendfrac=0.05, **place
    )
    room = MOST_TICKS if height is None else min(MOST_TICKS, max(2, int(height / TICK)))
    every = -(-len(levels.texts) // room)
    bar.set_ticks(levels.lines[::every].tolist(), labels=levels.texts[::every])
    bar.ax.minorticks_off()
    bar.outline.set_linewidth(0.5)
    label = scale_label(field, levels)
    # A label that stands out above and below would be given room there, at the map's cost, and then stand out more.
    bar.set_label(
        label.replace(" (", "\n(") if height is not None and len(label) * LETTER > height else label
    )


def say_without_lines(ax: Axes, levels: Levels) -> None:
    """Say on a map without lines that its values are all the same, or all missing."""
    value = short((levels.low + levels.high) / 2, 4)
    text = "no finite value" if levels.scale == "nothing" else f"constant: {value}"
    box = {"facecolor": "white", "edgecolor": "#333333", "linewidth": 0.5}
    ax.text(0.5, 0.06, text, transform=ax.transAxes, ha="center", va="bottom", bbox=box, zorder=5)
