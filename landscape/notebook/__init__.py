"""Records, models and diagnoses show themselves in a notebook: a summary and a figure, without scripts, and without computing anything."""

from landscape.notebook.bundle import bundle

__all__ = ["bundle"]
