"""The style of all figures: legible at column width, in grey print and for the colour-blind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure, SubFigure

from landscape.plots.look import STYLES, chosen

COLUMN_WIDTH = 3.4
"""Inches: one column of a two-column report. Fonts are sized for it, so figures go in without scaling."""

# Okabe and Ito's blue and vermilion stay apart for the colour-blind, and in grey by the dashes.
SPLIT_LINES: Mapping[str, dict[str, Any]] = {
    "train": {"color": "#004c85", "linestyle": "-"},
    "validation": {"color": "#007a5e", "linestyle": ":"},
    "test": {"color": "#d55e00", "linestyle": (0, (4, 1.5))},
}

NOT_FINITE: Mapping[str, Any] = {"facecolor": "#e4e4e4", "edgecolor": "#6e6e6e", "hatch": "xxxxx"}
UNFINISHED: Mapping[str, Any] = {"facecolor": "#ffffff", "edgecolor": "#b4b4b4", "hatch": "....."}

SMALL = 6.5

STYLE: Mapping[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#333333",
    "axes.grid": False,
    "axes.labelpad": 2.5,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "axes.titlepad": 5.0,
    "axes.titlesize": 7.5,
    "figure.constrained_layout.h_pad": 0.03,
    "figure.constrained_layout.w_pad": 0.03,
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": 7.5,
    "grid.color": "#d8d8d8",
    "grid.linewidth": 0.4,
    "hatch.linewidth": 0.4,
    "legend.borderaxespad": 0.3,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.labelspacing": 0.35,
    "lines.linewidth": 1.3,
    "mathtext.fontset": "dejavusans",
    "pdf.fonttype": 42,  # journals refuse Type 3
    "savefig.bbox": None,
    "savefig.dpi": 300,
    "savefig.facecolor": "white",
    "svg.fonttype": "none",  # text stays text, that can be searched and edited
    "svg.hashsalt": "landscape",  # otherwise ids are drawn at random and the bytes differ
    "text.usetex": False,
    "xtick.direction": "out",
    "xtick.labelsize": 7,
    "xtick.major.pad": 2.0,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "xtick.minor.size": 1.5,
    "xtick.minor.width": 0.4,
    "ytick.direction": "out",
    "ytick.labelsize": 7,
    "ytick.major.pad": 2.0,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
    "ytick.minor.size": 1.5,
    "ytick.minor.width": 0.4,
}


@contextmanager
def style() -> Iterator[None]:
    """Use the style of the package's figures within a `with` block."""
    letters, lines, _ = STYLES[chosen().style]
    scaled = {
        name: value * (letters if (name.endswith("size") and "font" in name) or "labelsize" in name or "titlesize" in name else lines)
        for name, value in STYLE.items()
        if name.endswith(("labelsize", "titlesize", "font.size", "fontsize", "linewidth", "major.width", "minor.width"))
    }  # fmt: skip
    with matplotlib.rc_context({**STYLE, **scaled}):
        yield


@contextmanager
def house_style_unless(ax: Axes | None) -> Iterator[None]:
    """Use the style of the package for a new figure, and leave the style of given axes as it is."""
    if ax is not None:
        yield
    else:
        with style():
            yield


def new_figure(height: float, layout: Literal["constrained", "compressed"] | None = "constrained") -> Figure:
    """Make an empty figure that pyplot knows nothing of, as wide as the look says and `height` inches high.

    A wider figure is no higher by itself: who draws a map asks `Look.tall` how much higher it may be.
    """
    look = chosen()
    return Figure(figsize=(COLUMN_WIDTH * look.room * look.size, height * look.size), layout=layout)


def set_height(figure: Figure, height: float) -> None:
    """Give a figure of ours another height, in inches."""
    figure.set_figheight(height * chosen().size)


def add_rows(figure: Figure, height: float) -> None:
    """Make a figure of ours higher, by as many inches."""
    figure.set_figheight(figure.get_figheight() + height * chosen().size)


def figure_of(ax: Axes) -> Figure:
    """Give the whole figure that axes stand in."""
    figure = ax.figure
    return figure.figure if isinstance(figure, SubFigure) else figure


def colormap() -> Colormap:
    """Give the map from low (dark) to high (light)."""
    return matplotlib.colormaps[chosen().cmap]
