"""What a notebook shows of an object: text, a picture, and a page of both without scripts and style sheets."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Collection, Sequence
from typing import Any

from matplotlib.figure import Figure

from landscape.errors import InputError
from landscape.model import Model
from landscape.model.opaque import Opaque
from landscape.notebook.lines import lines_of
from landscape.plots.logs import log_figure
from landscape.plots.saving import FORMATS, figures
from landscape.plots.style import style
from landscape.records import Record
from landscape.tables.critical import laid_out

# A picture stands twice in what a notebook keeps, each time in four letters for three bytes; together they stay below 300 kB.
LARGEST, RESOLUTIONS = 100_000, (144, 100, 72, 50)
# Where it is kept, so that it is drawn once.
KEPT = "_shown_in_a_notebook"
TABLE = "border-collapse:collapse;font-size:90%"
CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0;border:none;background:none"


def bundle(shown: Any, include: Collection[str] | None, exclude: Collection[str] | None) -> dict[str, Any]:
    """Give a record, a model or a diagnosis as `text/plain`, `image/png` and `text/html`, those of `include` and none of `exclude`.

    The figure is drawn from what is there, at the first call, and kept; where there is nothing to draw it is left out.
    """
    kept = vars(shown).get(KEPT)
    if kept is None:
        kept = made(shown)
        vars(shown)[KEPT] = kept
    return {
        kind: value for kind, value in kept.items() if (not include or kind in include) and kind not in (exclude or ())
    }  # fmt: skip


def made(shown: Any) -> dict[str, Any]:
    """Write and draw it."""
    rows = lines_of(shown)
    picture = picture_of(shown)
    found: dict[str, Any] = {"text/plain": laid_out(rows), "text/html": page(rows, picture)}
    return found if picture is None else found | {"image/png": picture}


def picture_of(shown: Any) -> bytes | None:
    """Draw the first figure of a record, or the log of a model, small enough for a notebook; None if there is nothing to draw."""
    try:
        figure = first_figure(shown)
        contents = (png(figure, resolution) for resolution in RESOLUTIONS)
        return next((content for content in contents if len(content) <= LARGEST), None)
    except (ValueError, ArithmeticError, MemoryError):  # nothing to draw, or numbers that cannot be laid out
        return None


def first_figure(shown: Any) -> Figure:
    """Draw it.

    Raises
    ------
    InputError
        There is nothing to draw.
    """
    if isinstance(shown, Record):
        drawn = list(figures(shown).values())
        if not drawn:
            raise InputError("no figure")
        return drawn[0]
    if isinstance(shown, Model | Opaque):
        unit = {"step": shown.history["step"]} if "step" in shown.history else {}
        if not shown.history or not unit:
            raise InputError("no log")
        return log_figure(shown.history, "updates", shown.name)
    raise InputError(f"nothing to draw of {type(shown).__name__}")


def png(figure: Figure, resolution: int) -> bytes:
    """Give a figure as a picture of so many points an inch."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=resolution, metadata=FORMATS["png"])
    return buffer.getvalue()


def page(rows: Sequence[tuple[str, str]], picture: bytes | None) -> str:
    """Write the summary as a table, and the picture below it, with styles in the elements alone: a page that is read again has no others."""
    cells = "".join(
        f'<tr><th style="{CELL}">{html.escape(label)}</th><td style="{CELL}">{html.escape(text)}</td></tr>'
        for label, text in rows
    )
    image = ""
    if picture is not None:
        data = base64.b64encode(picture).decode("ascii")
        image = f'<img alt="figure" style="max-width:100%" src="data:image/png;base64,{data}">'
    return f'<table style="{TABLE}">{cells}</table>{image}'
