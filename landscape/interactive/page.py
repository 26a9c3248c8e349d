"""The interactive page as one file, whose security policy allows only its own contents."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from landscape.errors import InputError
from landscape.files import write_bytes_atomically
from landscape.interactive.content import content_of, scan_in
from landscape.marks import holds_mark, mark_of
from landscape.overwrite import refuse_overwriting
from landscape.plots.saving import FORMATS, figures
from landscape.plots.style import style
from landscape.plots.words import MINUS, one_line_label
from landscape.records import Record, Topology
from landscape.tables.topology import headline

HERE = Path(__file__).parent
SCRIPTS = ("numbers.js", "drawing.js", "page.js")
RESOLUTION = 110
KEYS = (
    "Drag to turn, pinch or roll to zoom, point to read. Keys: arrows turn, + and − zoom, t changes the view, "
    "l the height's scale, r resets."
)


def page_of(
    records: Sequence[Record],
    titles: Sequence[str] | None = None,
    *,
    quantity: str | None = None,
    picture: bytes | None = None,
) -> bytes:
    """Write the page of one record, or of several side by side on one scale.

    Parameters
    ----------
    records
        Scans, trajectories, races or topologies, finished, with the same number of axes.
    titles
        A heading of each; by default the models' names.
    quantity
        What is shown first; by default the main quantity.
    picture
        A PNG that is seen before, and without, the script; by default the first figure of the first record.

    Raises
    ------
    InputError
        Records that have no surface, or cannot share a scale.

    Examples
    --------
    >>> from landscape.objective import CallableObjective
    >>> from landscape.scanning import scan
    >>> import numpy as np
    >>> bowl = scan(CallableObjective(lambda x: float(x @ x), size=2), center=np.zeros(2), direction=np.eye(2), points=5)
    >>> page_of([bowl])[:15]
    b'<!DOCTYPE html>'
    """
    if not records:
        raise InputError("expected at least one record, found none")
    names = [named(record) for record in records] if titles is None else list(titles)
    if len(names) != len(records):
        raise InputError(f"expected {len(records)} titles, found {len(names)}")
    content = content_of(records, names, quantity)
    image = still_of(records[0]) if picture is None else picture
    script = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    sheet = (HERE / "page.css").read_text(encoding="utf-8")
    # The letters that could end the element, or the line, are written by their numbers.
    data = json.dumps(content, allow_nan=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")  # fmt: skip
    source = f"data:image/png;base64,{base64.b64encode(image).decode('ascii')}"
    title = html.escape(" beside ".join(dict.fromkeys(names)))
    first = records[0]
    mark = mark_of(first.kind, first.model, first.data)
    policy = (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest(sheet)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta name="generator" content="{mark}">\n<title>{title}</title>',
        f"<style>{sheet}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<main id=\"view\"></main>",
        f'<figure id="still"><img alt="{html.escape(content["panels"][0]["summary"])}" src="{source}"></figure>',
        f'<p class="keys">{html.escape(KEYS)}</p>',
        *(f'<p class="words">{html.escape(words)}</p>' for words in remarks(records, content["step"])),
        f"<details><summary>What is shown, as a table</summary>{table(records)}</details>",
        f'<script type="application/json" id="data">{data}</script>',
        f"<script>{script}</script>\n</body>\n</html>\n",
    ]  # fmt: skip
    return "\n".join(parts).encode("utf-8")


def still_of(record: Record) -> bytes:
    """Draw the first figure of a record, in the resolution of a screen."""
    buffer = io.BytesIO()
    with style():
        next(iter(figures(record).values())).savefig(
            buffer, format="png", dpi=RESOLUTION, metadata=FORMATS["png"]
        )
    return buffer.getvalue()


def digest(text: str) -> str:
    """Return the hash by which a content security policy allows an inline text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def named(record: Record) -> str:
    """Give the name of a record's model."""
    return str(record.settings.get("model_name") or "a function")


def remarks(records: Sequence[Record], step: int) -> list[str]:
    """Give the remarks that a reader needs beside the picture."""
    said = []
    if any(isinstance(record, Topology) for record in records):
        said.append("Basins and saddles of this slice; the whole loss need not have them.")
    if step > 1:
        said.append(f"Every {step}th point along each axis is shown, since the page would be larger than 20 MB; the record has all.")  # fmt: skip
    return said


def table(records: Sequence[Record]) -> str:
    """Write axes, ranges, extremes and basins of each record."""
    from landscape.topology import surface_of

    rows = []
    for record in records:
        scan = scan_in(record)
        told = scan.summary()
        rows.append(("network", named(record)))
        rows += [
            (f"axis {i + 1}", f"{one_line_label(scan, i)}: {axis[0]:g} to {axis[-1]:g}, {axis.size} points")
            for i, axis in enumerate(scan.axes)
        ]
        for name in ("minimum", "maximum"):
            if told[name] is not None:
                at = ", ".join(f"{value:.4g}" for value in told[name]["at"])
                rows.append((f"{name} of {told['quantity'].replace('_', ' ')}", f"{told[name]['value']:.6g} at ({at})"))  # fmt: skip
        found = record if isinstance(record, Topology) else surface_of(scan)
        if found is not None:
            rows.append(("surface", headline(found)))
        rows.append(("diverged", f"{told['diverged']} of {told['points']} points"))
        rows.append(("made by", f"landscape {record.version}"))
    cells = (
        f'<tr><th scope="row">{html.escape(label)}</th><td>{html.escape(with_minus(label, text))}</td></tr>'
        for label, text in rows
    )
    return f"<table><tbody>{''.join(cells)}</tbody></table>"


def with_minus(label: str, text: str) -> str:
    """Write numbers with a true minus; names keep their hyphens."""
    return text.replace("-", MINUS) if label.startswith(("axis", "minimum", "maximum")) else text


def save_page(
    records: Sequence[Record],
    path: str | Path,
    titles: Sequence[str] | None = None,
    *,
    quantity: str | None = None,
    picture: bytes | None = None,
    inputs: Sequence[str | Path] = (),
    fresh: bool = False,
) -> Path:
    """Write the interactive page of one or several records to `path`, and return the path.

    A page of the same model is replaced, any other file only with `fresh`.

    Raises
    ------
    InputError
        As `page_of`; or a path that holds what is not to be lost.
    ComputationError
        The file could not be written.
    """
    path = Path(path)
    content = page_of(records, titles, quantity=quantity, picture=picture)
    mark = mark_of(records[0].kind, records[0].model, records[0].data)
    refuse_overwriting(path, inputs=inputs, fresh=fresh, ours=lambda found: holds_mark(found, mark))
    write_bytes_atomically(path, content)
    return path


@dataclass(frozen=True)
class Frame:
    """A page in a sandboxed frame, which cannot reach the notebook around it."""

    content: str
    height: int

    def _repr_html_(self) -> str:
        """Show the page."""
        return (
            f'<iframe sandbox="allow-scripts" width="100%" height="{self.height}" style="border:0" '
            f'srcdoc="{html.escape(self.content)}"></iframe>'
        )


def shown(record: Record, height: int = 560) -> Frame:
    """Return the page of a record as a notebook shows it.

    Raises
    ------
    InputError
        As `page_of`.
    """
    return Frame(page_of([record]).decode(), int(height))
