"""The figures of a record as pictures with their words."""

from __future__ import annotations

from landscape.plots.saving import figure_bytes, figures
from landscape.records import Record
from landscape.reporting.section import Picture
from landscape.reporting.words import PICTURES


def pictures_of(record: Record) -> tuple[Picture, ...]:
    """Draw all figures of a record."""
    return tuple(
        Picture(name, figure_bytes(figure), PICTURES.get(name, name.replace("_", " ")))
        for name, figure in figures(record).items()
    )
