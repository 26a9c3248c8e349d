"""The figures of a record with their captions."""

from __future__ import annotations

from matplotlib.figure import Figure

from landscape.plots.saving import figure_bytes, figures
from landscape.plots.sharpness import plot_sharpness
from landscape.plots.style import figure_of
from landscape.records import Record, Sharpness
from landscape.reporting.section import Picture
from landscape.reporting.words import PICTURES


def pictures_of(record: Record) -> tuple[Picture, ...]:
    """Draw all figures of a record, those that belong together side by side."""
    order = list(PICTURES)
    drawn = bare(record) if isinstance(record, Sharpness) else figures(record)
    names = sorted(drawn, key=lambda name: order.index(name) if name in PICTURES else len(order))
    return tuple(
        Picture(name, figure_bytes(drawn[name]), PICTURES.get(name, name.replace("_", " "))) for name in names
    )


def bare(record: Sharpness) -> dict[str, Figure]:
    """Draw the curves without the table of measures, whose numbers stand in the page's text."""
    return {"curves": figure_of(plot_sharpness(record, table=False))} if record.curves else {}
