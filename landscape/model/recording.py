"""The files beside a model that is being recorded: checkpoints and log, readable at every moment.

The folder holds `checkpoints.npy` (float32 [S, P], S places of which some are free), `buffers.npy` ([S, B]), `steps.npy` (int64 [S], −1 for
a free place; written after the row, so that a row with a step is whole), `history.bin` (float64 triples: step, number of the series, value)
and `series.json` (the names of the series).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from landscape.errors import InputError
from landscape.files import map_array, require_regular, shown
from landscape.model.story import Arrays

CHECKPOINTS, BUFFERS, STEPS, HISTORY, SERIES = (
    "checkpoints.npy", "buffers.npy", "steps.npy", "history.bin", "series.json",
)  # fmt: skip
FREE = -1
TRIPLE = 3
# Of these a row that has none repeats the one before: the loss of the last batch, the rate that still holds.
RATE = "learning_rate"
KEPT = ("train_loss", RATE)


class Recording(NamedTuple):
    """What a recording has so far: checkpoints [K, P] with their buffers [K, B] and steps [K], oldest first, and the log."""

    thetas: np.ndarray
    buffers: np.ndarray
    steps: np.ndarray
    history: Arrays

    def story(self) -> dict[str, np.ndarray | None]:
        """Give the recording by the keys of a model file, None for what is missing."""
        some = len(self.steps) > 0
        return {
            "checkpoints": self.thetas if some else None,
            "checkpoints.step": self.steps if some else None,
            "checkpoints.buffers": self.buffers if some and self.buffers.shape[1] else None,
            **{f"history.{name}": series for name, series in self.history.items()},
        }

    def told(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Give what the log adds to `training` in a header: the number of updates, and the highest rate, including that of `before`."""
        rates = self.history.get("learning_rate", np.zeros(0))
        # A schedule may have lowered it before the first update was noted.
        known = [*rates[np.isfinite(rates) & (rates > 0)], before.get("learning_rate", 0.0)]
        rate = {"learning_rate": float(max(known))} if max(known) > 0 else {}
        last = [int(steps[-1]) for steps in (self.steps, self.history.get("step", np.zeros(0))) if len(steps)]
        losses = {"history_loss": "batch"} if "train_loss" in self.history else {}
        return rate | losses | ({"steps": max(last)} if last else {})


def read_recording(folder: Path, size: int, buffers: int) -> Recording:
    """Read the files of a recording of P = `size` parameters and B = `buffers` numbers in buffers.

    Raises
    ------
    InputError
        A file is missing, damaged, or of another network.
    """
    if not folder.is_dir():
        raise InputError(
            f"header: recording: there is no folder {folder}: the recording was interrupted, and its checkpoints and log are there; expected it beside the file"
        )
    steps = np.asarray(map_array(folder / STEPS))
    if steps.ndim != 1 or steps.dtype.kind != "i":
        raise InputError(f"{folder / STEPS}: expected integers [S], found {steps.dtype} {list(steps.shape)}")
    places = np.argsort(steps, kind="stable")[np.count_nonzero(steps < 0) :]
    return Recording(
        _rows(folder / CHECKPOINTS, places, (len(steps), size)),
        _rows(folder / BUFFERS, places, (len(steps), buffers)),
        steps[places].astype(np.int64),
        read_log(folder),
    )


def _rows(path: Path, places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    array = map_array(path)
    if array.shape != shape or array.dtype.kind != "f":
        raise InputError(f"{path}: expected float32 {list(shape)}, found {array.dtype} {list(array.shape)}")
    return np.asarray(array[places])


def read_log(folder: Path) -> Arrays:
    """Read the log as series of one length; the end of a file that was cut within a row is left out.

    Raises
    ------
    InputError
        A file is missing or damaged.
    """
    names, triples = _names(folder / SERIES), _triples(folder / HISTORY)
    if not len(triples):
        return {}
    if (
        not np.isfinite(triples[:, :2]).all()
        or triples[:, :2].min() < 0
        or triples[:, 1].max() >= len(names)
        or triples[:, 0].max() >= 2**53
    ):
        raise InputError(f"{folder / HISTORY}: damaged: rows of series that {folder / SERIES} does not name")
    rate = names.index(RATE) if RATE in names else len(names)
    # A rate that changed makes no row of its own: the rows that have another number say which rate held there.
    rows = triples[triples[:, 1] != rate] if (triples[:, 1] != rate).any() else triples
    step = np.unique(rows[:, 0].astype(np.int64))
    found: Arrays = {"step": step}
    for number, name in enumerate(names):
        mine = triples[triples[:, 1] == number]
        if not len(mine):
            continue
        if name in KEPT:
            found[name] = held(step, mine[:, 0], mine[:, 2])
        else:
            found[name] = np.full(len(step), np.nan)
            found[name][np.searchsorted(step, mine[:, 0])] = mine[:, 2]
    return found


def held(step: np.ndarray, logged: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give at each step the last value that was logged up to it; before any was logged, the first one.

    >>> held(np.array([0, 2, 3]), np.array([1.0, 3.0]), np.array([5.0, 7.0])).tolist()
    [5.0, 5.0, 7.0]
    """
    order = np.argsort(logged, kind="stable")
    places = np.searchsorted(logged[order], step, side="right") - 1
    return np.asarray(values[order][np.maximum(places, 0)])


def _names(path: Path) -> list[str]:
    require_regular(path)
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: damaged: expected a list of names, found {shown(names)}")
    return names


def _triples(path: Path) -> np.ndarray:
    require_regular(path)
    try:
        with path.open("rb") as stream:
            whole = os.fstat(stream.fileno()).st_size // (8 * TRIPLE) * TRIPLE
            return np.fromfile(stream, "<f8", whole).reshape(-1, TRIPLE)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
