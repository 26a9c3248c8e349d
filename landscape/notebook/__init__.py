"""How records, models and diagnoses are shown in a notebook: as a summary and a figure, without computing anything."""

from landscape.notebook.bundle import bundle

__all__ = ["bundle"]
