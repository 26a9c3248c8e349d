"""The figures of a record as pictures with their words."""

from __future__ import annotations

from landscape.plots.saving import figure_bytes, figures
from landscape.plots.sharpness import plot_sharpness
from landscape.plots.style import figure_of
from landscape.records import Record, Sharpness
from landscape.reporting.section import Picture
from landscape.reporting.words import PICTURES


def pictures_of(record: Record) -> tuple[Picture, ...]:
    """Draw all figures of a record, those that belong together side by side."""
    order = list(PICTURES)
    if isinstance(record, Sharpness) and record.curves:
        # The numbers stand in the page's text.
        drawn = {"curves": figure_of(plot_sharpness(record, table=False))}
    else:
        drawn = figures(record)
    names = sorted(drawn, key=lambda name: order.index(name) if name in PICTURES else len(order))
    return tuple(
        Picture(name, figure_bytes(drawn[name]), PICTURES.get(name, name.replace("_", " "))) for name in names
    )
