"""Continue a recording from the checkpoints and the log of an earlier one."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from landscape.errors import InputError
from landscape.files import read_archive
from landscape.model import Model, load_model
from landscape.model.header import parse_header
from landscape.model.opaque import KIND, Opaque, load_opaque
from landscape.model.recording import KEPT
from landscape.recording.files import Files, remove_folder
from landscape.recording.marks import Marks
from landscape.recording.series import Series

ENDINGS = (".recording", ".recording.2")


def earlier(path: Path, *, fresh: bool, resume: bool | int) -> Model | Opaque | None:
    """Return the existing recording at a path if it is to be continued; None if there is none, or it is to be replaced.

    Raises
    ------
    InputError
        A file that is there is neither, or no model.
    """
    if resume is not False and not (isinstance(resume, int) and resume >= 0):
        raise InputError(f"resume: expected True or a number of updates, found {resume!r}")
    if fresh and resume is not False:
        raise InputError("expected fresh=True or resume=True, found both")
    if not path.exists() or fresh:
        return None
    if resume is False:
        raise InputError(f"{path}: exists already: resume=True continues it, fresh=True replaces it")
    header = header_at(path)
    return load_opaque(path) if header.get("kind") == KIND else load_model(path, allow_nonfinite=True)


def header_at(path: Path) -> dict[str, object]:
    """Read the header of a model file; empty for one that has none."""
    arrays = read_archive(path, members=["landscape"])
    return parse_header(arrays["landscape"]) if "landscape" in arrays else {}


def folder_beside(path: Path) -> tuple[Path, Path]:
    """Give a new name for the folder of a recording, and the folder of an earlier recording, if any, to be removed."""
    first, second = (path.with_name(path.name + ending) for ending in ENDINGS)
    named = ""
    if path.exists():
        try:
            named = str(header_at(path).get("recording", ""))
        except InputError:  # something else, which is to be replaced
            named = ""
    new, old = (second, first) if named == first.name else (first, second)
    remove_folder(new)
    return new, old


def take_up(
    before: Model | Opaque, held: Model | Opaque, marks: Marks, files: Files, series: Series, last: int | None
) -> int:
    """Put the checkpoints and the log of an earlier recording into a new one, and give the updates that it had.

    With `last` what came after so many updates is left out, and so many it had.

    Raises
    ------
    InputError
        It is of another network.
    """
    if type(before) is not type(held) or before.size != held.size:
        raise InputError(
            f"{before.path}: holds a network of {before.size:,} parameters, this one has {held.size:,}: resume=True goes on with the same network"
        )
    count = 0
    if before.checkpoints is not None and before.checkpoint_steps is not None:
        nothing = np.zeros((len(before.checkpoints), held.buffer_size), np.float32)
        buffers = nothing if before.checkpoint_buffers is None else before.checkpoint_buffers
        marks.stride = stride_of(before.checkpoint_steps[:-1])
        for step, theta, beside in zip(before.checkpoint_steps, before.checkpoints, buffers, strict=True):
            if last is None or step <= last:
                keep(int(step), theta, beside, marks, files)
        count = int(before.checkpoint_steps[-1])
    steps = before.history.get("step")
    if steps is not None and len(steps):
        take_up_log(before.history, files, series, math.inf if last is None else last)
        count = max(count, int(steps[-1]))
    return count if last is None else last


def take_up_log(history: dict[str, np.ndarray], files: Files, series: Series, last: float) -> None:
    """Put the series of an earlier log, up to an update, into a new one."""
    step = history["step"]
    names = [name for name in history if name != "step"]
    series.numbers = {name: number for number, name in enumerate(names)}
    files.name(names)
    for number, name in enumerate(names):
        values = np.asarray(history[name], np.float64)
        known = (step <= last) & ((name in KEPT) | ~np.isnan(values))
        files.log(np.stack([step[known], np.full(known.sum(), number), values[known]], axis=1))


def stride_of(steps: np.ndarray) -> int:
    """Give the largest power of two that divides all of some numbers of updates.

    >>> stride_of(np.array([0, 4, 12])), stride_of(np.array([0]))
    (4, 1)
    """
    common = int(np.gcd.reduce(steps)) if len(steps) else 0
    return common & -common or 1


def keep(step: int, theta: np.ndarray, buffers: np.ndarray, marks: Marks, files: Files) -> None:
    """Keep an earlier checkpoint, where it is due."""
    if not marks.due(step):
        return
    place, dropped = marks.take(step)
    files.drop(dropped)
    if place is not None:
        files.put(place, step, np.asarray(theta, "<f4"), np.asarray(buffers, "<f4"))
