"""Where the pictures of the gallery go: checked before the work, written at once or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from landscape.errors import InputError, did_you_mean
from landscape.files import require_writable, write_bytes_atomically
from landscape.marks import holds_mark
from landscape.overwrite import refuse_overwriting
from landscape.plots.saving import FORMATS, figure_bytes

MARK = "landscape-gallery"


def figure_paths(folder: Path, names: Sequence[str], figure_format: str, *, fresh: bool) -> list[Path]:
    """Name the files, and check that they replace only pictures of the gallery, unless `fresh`; make the folder if its parent exists.

    Raises
    ------
    landscape.InputError
        An unknown format, or a path that cannot be written.
    """
    if figure_format not in FORMATS:
        raise InputError(
            f"unknown figure format '{figure_format}': choose {', '.join(FORMATS)}{did_you_mean(figure_format, FORMATS)}"
        )
    try:
        if not folder.exists():
            if not folder.absolute().parent.is_dir():
                raise InputError(f"{folder}: the folder above it is not there, make it first")
            folder.mkdir()
    except OSError as error:
        raise InputError(f"{folder}: no folder can be made there: {error.strerror}") from None
    paths = [folder / f"{name}.{figure_format}" for name in names]
    for path in paths:
        refuse_overwriting(path, fresh=fresh, ours=lambda found: holds_mark(found, MARK))
    return paths


def require_own_page(path: Path, title: str) -> None:
    """Check that the page would overwrite nothing but an earlier page.

    Raises
    ------
    landscape.InputError
        The path cannot be written, or holds another text.
    """
    require_writable(path)
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(title):
        raise InputError(
            f"{path}: is not a page of the gallery and is not overwritten: choose another folder with -o"
        )


def write_figure(figure: Figure, path: Path, figure_format: str) -> None:
    """Write one picture: the same computation gives the same bytes."""
    write_bytes_atomically(path, figure_bytes(figure, figure_format, MARK))


def write_page(path: Path, text: str) -> None:
    """Write the page beside the pictures."""
    write_bytes_atomically(path, text.encode())
