"""Decide what a command may overwrite: its own earlier output, or anything with `--fresh`, but never its inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from landscape.atomic import require_writable
from landscape.errors import InputError
from landscape.file_array import FileArray


def refuse_overwriting(
    path: str | Path,
    *,
    inputs: Iterable[str | Path | None] = (),
    fresh: bool = False,
    ours: Callable[[Path], bool] | None = None,
) -> None:
    """Refuse, before the work, to overwrite a file, unless the same command wrote it or `fresh` allows it.

    Parameters
    ----------
    path
        Where the output would go.
    inputs
        The files that the command reads, through whatever name or link; None is passed over. They are refused even if `fresh`.
    fresh
        Whether the user asked to replace what stands there.
    ours
        Called with the path where a file stands there; returns whether the same command wrote it for the same model.
        An `InputError` or `OSError` that it raises means no. Without it nothing counts as written by the command.

    Raises
    ------
    InputError
        The path is an input or its link, holds a file that is not known to be the command's own, or cannot be written.
    """
    path = Path(path)
    require_writable(path)
    for source in inputs:
        if source is not None and same_file(path, source):
            named = "" if os.fspath(source) == os.fspath(path) else f" the same file as {source},"
            raise InputError(
                f"{path}: is{named} an input of this command, which is never overwritten: give another name to write to"
            )
    if path.exists() and not fresh and not (ours is not None and known(path, ours)):
        raise InputError(
            f"{path}: holds something else than this command's output for this model: "
            "give another name, or --fresh to replace it"
        )


def known(path: Path, ours: Callable[[Path], bool]) -> bool:
    """Whether the file was recognized as earlier output; one that cannot be read was not."""
    try:
        return ours(path)
    except (InputError, OSError):
        return False


def same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two names lead to one file: directly, by symbolic links, or as hard links.

    Examples
    --------
    >>> same_file("new.npz", "./new.npz"), same_file("new.npz", "old.npz")
    (True, False)
    """
    try:
        return Path(one).samefile(other)
    except OSError:  # one of the two is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def require_distinct(paths: Iterable[str | Path | None]) -> None:
    """Refuse outputs of one command that would overwrite each other.

    Raises
    ------
    InputError
        Two of the paths lead to one file.
    """
    seen: list[str | Path] = []
    for path in paths:
        if path is None:
            continue
        for other in seen:
            if same_file(path, other):
                raise InputError(
                    f"{path}: would be written twice, as {other} too: give each output its own name"
                )
        seen.append(path)


def mapped_files(arrays: Iterable[np.ndarray]) -> list[Path]:
    """The `.npy` files that arrays are mapped from: inputs of whoever reads a model, beside the model itself."""
    return [
        Path(array.filename)
        for array in arrays
        if isinstance(array, np.memmap | FileArray) and array.filename is not None
    ]
