"""What the gallery's figures share: sizes, colours, panels with a letter, maps without a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

import landscape

# Inches: one and two columns of a report.
COLUMN, PAGE = 3.4, 6.9
# Okabe and Ito's colours, told apart by the colour-blind; in grey by the dashes beside them.
BLUE, ORANGE, GREEN, PURPLE, GREY, BLACK = "#004c85", "#d55e00", "#007a5e", "#a0457f", "#888888", "#111111"
DASHED, DOTTED, DASHDOT = (0, (4, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5))
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "linestyle": "-"},
    {"color": ORANGE, "linestyle": DASHED},
    {"color": GREEN, "linestyle": DOTTED},
    {"color": PURPLE, "linestyle": DASHDOT},
)


def panels(
    columns: int, rows: int = 1, *, width: float = PAGE, height: float = 2.5, **options: Any
) -> tuple[Figure, Any]:
    """Make a figure with a grid of axes in the style of the package; call it inside `landscape.style()`."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def quiet_map(ax: Axes, record: landscape.Scan, title: str, **options: Any) -> None:
    """Draw a scan's map with a title of one's own and no legend."""
    landscape.plot_contours(record, ax=ax, **options)
    without_legend(ax)
    ax.set_title(title)


def without_legend(ax: Axes) -> None:
    """Remove the legend, if the text around the figure explains it."""
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()


def arrow(
    ax: Axes, start: Sequence[float], end: Sequence[float], color: str = BLACK, width: float = 1.4
) -> None:
    """Draw an arrow with a white edge in the axes' own coordinates."""
    edge = [withStroke(linewidth=width + 1.6, foreground="white")]
    look = {
        "arrowstyle": "-|>",
        "color": color,
        "linewidth": width,
        "shrinkA": 0,
        "shrinkB": 0,
        "path_effects": edge,
    }
    ax.annotate("", xy=(end[0], end[1]), xytext=(start[0], start[1]), arrowprops=look, zorder=5)
