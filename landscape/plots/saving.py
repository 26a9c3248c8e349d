"""Draw and save the figures of any record."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from landscape.errors import InputError, did_you_mean
from landscape.files import write_bytes_atomically
from landscape.marks import holds_mark, mark_of
from landscape.overwrite import refuse_overwriting
from landscape.plots.comparing import caption_of, plot_comparison, shared_fields
from landscape.plots.connections import connection_figure_names, connection_figures
from landscape.plots.criticals import critical_figure_names, critical_figures
from landscape.plots.diagnoses import diagnosis_figure_names, diagnosis_figures
from landscape.plots.hessians import hessian_figure_names, hessian_figures
from landscape.plots.logs import log_figure
from landscape.plots.look import Look, chosen, looking
from landscape.plots.paths import trajectory_figure_names, trajectory_figures
from landscape.plots.races import race_figure_names, race_figures
from landscape.plots.scans import scan_figure_names, scan_figures
from landscape.plots.sharpness import sharpness_figure_names, sharpness_figures
from landscape.plots.studies import study_figure_names, study_figures
from landscape.plots.style import style
from landscape.plots.topologies import topology_figure_names, topology_figures
from landscape.records import Record, Scan

# Of each format, what would differ from day to day and is left out.
FORMATS: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
# Numbers beyond which axes cannot always be laid out, or below whose inverse.
LARGEST = 1e100
# And where the mark goes.
MARKED = {"png": "Software", "svg": "Description", "pdf": "Keywords"}


@dataclass(frozen=True)
class Family:
    """The figures of one kind of record: their names, how they are drawn, and whether a map with levels is among them."""

    names: Callable[..., list[str]]
    draw: Callable[..., dict[str, Figure]]
    mapped: bool = False


FAMILIES: dict[str, Family] = {
    "scan": Family(scan_figure_names, scan_figures, mapped=True),
    "hessian": Family(hessian_figure_names, hessian_figures),
    "sharpness": Family(sharpness_figure_names, sharpness_figures),
    "critical": Family(critical_figure_names, critical_figures),
    "atlas": Family(critical_figure_names, critical_figures),
    "connection": Family(connection_figure_names, connection_figures),
    "study": Family(study_figure_names, study_figures),
    "race": Family(race_figure_names, race_figures, mapped=True),
    "diagnosis": Family(diagnosis_figure_names, diagnosis_figures),
    "trajectory": Family(trajectory_figure_names, trajectory_figures, mapped=True),
    "topology": Family(topology_figure_names, topology_figures, mapped=True),
}


def figures(
    record: Record,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
) -> dict[str, Figure]:
    """Draw all figures of a record and return them by name (`contour`, `surface`, `curves`, `slices`, …).

    Raises
    ------
    landscape.errors.InputError
        A record that has no figures, or a kind, a quantity or levels that it cannot be drawn with.
    """
    with _within_numbers(lambda: record.arrays()):
        return _family(record, kind, levels).draw(record, quantity=quantity, kind=kind, levels=levels)


def save_figures(
    record: Record,
    stem: str | Path,
    figure_format: str = "png",
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
    look: Look | None = None,
    inputs: Sequence[str | Path] = (),
    fresh: bool = False,
) -> list[Path]:
    """Draw the figures of a record, write them to `STEM.<figure>.<format>`, and return the paths.

    A figure of the same kind of record, of the same model and data, is replaced; anything else only if `fresh`, and a
    file of `inputs` never.

    Raises
    ------
    landscape.errors.InputError
        As `figures`; or an unknown format, or a path that cannot be written or holds what is not to be lost.
    landscape.errors.ComputationError
        The file could not be written.
    """
    if figure_format not in FORMATS:
        raise InputError(
            f"unknown figure format '{figure_format}': choose {', '.join(FORMATS)}{did_you_mean(figure_format, FORMATS)}"
        )
    if not Path(stem).name or str(stem).endswith("/"):
        raise InputError(f"'{stem}' names no file: expected a stem such as surface, for surface.contour.png")
    names = _family(record, kind, levels).names(record, quantity=quantity, kind=kind)
    paths = {name: Path(f"{stem}.{name}.{figure_format}") for name in names}
    mark = mark_of(record.kind, record.model, record.data)
    for path in paths.values():
        refuse_overwriting(path, inputs=inputs, fresh=fresh, ours=lambda found: holds_mark(found, mark))
    with looking(look):
        for name, figure in figures(record, quantity=quantity, kind=kind, levels=levels).items():
            with _within_numbers(lambda: record.arrays()):
                content = figure_bytes(figure, figure_format, mark)
            write_bytes_atomically(paths[name], content)
    return list(paths.values())


def save_comparison(
    records: Sequence[Record],
    stem: str | Path,
    figure_format: str = "png",
    titles: Sequence[str] | None = None,
    *,
    quantity: str | None = None,
    kind: str = "both",
    levels: int | Sequence[float] | None = None,
    columns: int | None = None,
    look: Look | None = None,
    inputs: Sequence[str | Path] = (),
    fresh: bool = False,
) -> list[Path]:
    """Draw records side by side on one scale and write the figures and a caption.

    The files are `STEM.contour.<format>`, `STEM.surface.<format>` or `STEM.curves.<format>`, and `STEM.caption.txt`.

    The caption, `STEM.caption.txt`, has the settings of each. A figure of the same models is replaced, other files only if `fresh`.

    Raises
    ------
    landscape.errors.InputError
        Records that cannot share a scale; an unknown format; a path that holds what is not to be lost.
    landscape.errors.ComputationError
        The file could not be written.
    """
    if figure_format not in FORMATS:
        raise InputError(f"unknown figure format '{figure_format}': choose {', '.join(FORMATS)}")
    fields = shared_fields(records, quantity)
    if len(fields[0].axes) == 1:
        kinds = ["curves"]
    elif kind == "both":
        # Paths and basins are drawn over maps only.
        bare = all(isinstance(record, Scan) for record in records) and not fields[0].at
        kinds = ["contour", "surface"] if bare else ["contour"]
    else:
        kinds = [kind]
    mark = mark_of("comparison", *(part for record in records for part in (record.model, record.data)))
    paths = {one: Path(f"{stem}.{one}.{figure_format}") for one in kinds}
    caption = Path(f"{stem}.caption.txt")
    for path in (*paths.values(), caption):
        refuse_overwriting(path, inputs=inputs, fresh=fresh, ours=lambda found: holds_mark(found, mark))
    for one, path in paths.items():
        figure = plot_comparison(
            records, titles, kind=one, quantity=quantity, levels=levels, columns=columns, look=look
        )
        with looking(look):
            write_bytes_atomically(path, figure_bytes(figure, figure_format, mark))
    words = f"{caption_of(records, titles, quantity, look)}({mark})\n"
    write_bytes_atomically(caption, words.encode())
    return [*paths.values(), caption]


def save_log_figure(
    history: Mapping[str, np.ndarray], stem: str | Path, figure_format: str = "png", *, unit: str = "updates", name: str = "a training",
    inputs: Sequence[str | Path] = (), fresh: bool = False,
) -> Path:  # fmt: skip
    """Draw the log of a training and write it to `STEM.log.<format>`; return the path. A figure of a log of the same name is replaced.

    Raises
    ------
    landscape.errors.InputError
        Nothing to draw, an unknown format, or a path that cannot be written or holds what is not to be lost.
    landscape.errors.ComputationError
        The file could not be written.
    """
    if figure_format not in FORMATS:
        raise InputError(f"unknown figure format '{figure_format}': choose {', '.join(FORMATS)}")
    path = Path(f"{stem}.log.{figure_format}")
    mark = mark_of("log", name, "")
    refuse_overwriting(path, inputs=inputs, fresh=fresh, ours=lambda found: holds_mark(found, mark))
    # An overflow on the way is told by what comes of it.
    with _within_numbers(lambda: history), np.errstate(over="ignore", invalid="ignore"):
        content = figure_bytes(log_figure(history, unit, name), figure_format, mark)
    write_bytes_atomically(path, content)
    return path


def figure_bytes(figure: Figure, figure_format: str = "png", mark: str = "") -> bytes:
    """Return the file of a figure, with a mark in its metadata, and without the date that would make it another file every day."""
    buffer = io.BytesIO()
    metadata = FORMATS[figure_format] | ({MARKED[figure_format]: mark} if mark else {})
    dpi: dict[str, Any] = {} if chosen().dpi is None else {"dpi": chosen().dpi}
    with style():
        figure.savefig(buffer, format=figure_format, metadata=metadata, **dpi)
    return buffer.getvalue()


@contextlib.contextmanager
def _within_numbers(drawn: Callable[[], Mapping[str, np.ndarray]]) -> Iterator[None]:
    """Say so where numbers near the ends of floating point are more than matplotlib can lay out.

    Raises
    ------
    landscape.errors.InputError
        There are such numbers among what is drawn, and drawing them failed.
    """
    try:
        yield
    except InputError:
        raise
    except (ValueError, ArithmeticError, MemoryError) as error:
        numbers = [array for array in drawn().values() if array.dtype.kind == "f"]
        values = np.abs(np.concatenate([array.ravel() for array in numbers])).astype(np.float64)
        values = values[np.isfinite(values) & (values > 0)]
        if not (values.size and (values.max() > LARGEST or values.min() < 1 / LARGEST)):
            raise
        raise InputError(
            f"there are numbers from {values.min():.3g} to {values.max():.3g}, which cannot be drawn: {error}"
        ) from None


def _family(record: Record, kind: str, levels: int | Sequence[float] | None) -> Family:
    """Find how a kind of record is drawn; what its figures would ignore is refused."""
    if record.kind not in FAMILIES:
        raise InputError(
            f"a record of the kind '{record.kind}' has no figures: there are {', '.join(FAMILIES)}"
        )
    family = FAMILIES[record.kind]
    if levels is not None and not family.mapped:
        raise InputError(
            f"the figures of a record of the kind '{record.kind}' have no levels to choose: leave levels (--levels) out"
        )
    if kind != "both" and record.kind != "scan":
        raise InputError(
            f"contour maps and surfaces are those of a scan, the record is of the kind '{record.kind}': leave kind (--kind) out"
        )
    return family
