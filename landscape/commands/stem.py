"""What a command writes: its name, the figures beside the record, and sentences for who waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from landscape.errors import InputError
from landscape.messages import say

if TYPE_CHECKING:
    from landscape.records import Record


def output_stem(output: str | None, model: Path, command: str) -> str:
    """Name the files: as asked (without a trailing `.npz`), else after model and command.

    Raises
    ------
    InputError
        An empty name.

    Examples
    --------
    >>> output_stem(None, Path("models/digits.npz"), "hessian")
    'digits.hessian'
    """
    if output is None:
        return f"{model.stem}.{command}"
    stem = output.removesuffix(".npz")
    if not Path(stem).name or stem.endswith("/"):
        raise InputError(
            f"--output '{output}' names no file: expected a stem such as surface, for surface.npz"
        )
    return stem


def draw(
    record: Record, stem: str, figure_format: str, *, inputs: Sequence[str | Path] = (), fresh: bool = False
) -> list[Path]:
    """Write the figures beside the record."""
    from landscape.plots import save_figures

    return save_figures(record, stem, figure_format, inputs=inputs, fresh=fresh)


def speaker(quiet: bool) -> Callable[[str], None]:
    """Make the function that says a sentence on stderr, or nothing."""
    return silent if quiet else say


def silent(sentence: str) -> None:
    """Say nothing."""
