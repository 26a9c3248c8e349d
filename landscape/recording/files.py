"""Write the files beside a model that is being recorded, so that they are readable whenever the process ends."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import write_bytes_atomically
from landscape.memory import size_words
from landscape.model.recording import BUFFERS, CHECKPOINTS, FREE, HISTORY, SERIES, STEPS

FLOAT = np.dtype("<f4")


def needed_bytes(places: int, size: int, buffers: int, beside: int) -> int:
    """Bytes that a run takes on the disk: its checkpoints, and the file that they are finally copied into.

    >>> needed_bytes(128, 1000, 0, 5000)
    1034000
    """
    row = FLOAT.itemsize * (size + buffers)
    # At the end the start's file stands there until the new one is whole.
    return 2 * places * row + 2 * beside


def require_space(path: Path, needed: int, places: int) -> None:
    """Refuse, before the run, one whose files the disk would not hold.

    Raises
    ------
    InputError
        The message says how much is needed and how much there is.
    """
    folder = path.absolute().parent
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{path}: up to {places} checkpoints and the file at the end take {size_words(needed)}, and {folder} has {size_words(free)} free: "
            "try a smaller keep=, or another disk"
        )


class Files:
    """The folder of a recording: S slots for checkpoints of P and B numbers, and the log.

    Raises
    ------
    InputError
        The folder cannot be made, or the disk has no room.
    """

    def __init__(self, folder: Path, places: int, size: int, buffers: int) -> None:
        self.folder = folder
        try:
            folder.mkdir()
            self.rows = [_Rows(folder / CHECKPOINTS, FLOAT, (places, size))]
            self.rows.append(_Rows(folder / BUFFERS, FLOAT, (places, buffers)))
            self.steps = _Rows(folder / STEPS, np.dtype("<i8"), (places,))
            self.steps.array[:] = FREE
            self.history = os.open(
                folder / HISTORY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)
            )
            self.closing = weakref.finalize(self, os.close, self.history)
        except OSError as error:
            self.remove()
            raise InputError(f"{folder}: cannot be made: {error.strerror or error}") from None
        self.names: list[str] = []
        self.name([])

    def name(self, names: list[str]) -> None:
        """Write the names of the series, before any value of a new one."""
        self.names = list(names)
        write_bytes_atomically(self.folder / SERIES, json.dumps(self.names).encode())

    def put(self, place: int, step: int, theta: np.ndarray, buffers: np.ndarray) -> None:
        """Write a checkpoint into a free slot: first its rows, then its step, which makes it valid."""
        self.rows[0].array[place] = theta
        if buffers.size:
            self.rows[1].array[place] = buffers
        self.steps.array[place] = step

    def room(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a free slot, to be filled."""
        return self.rows[0].array[place], self.rows[1].array[place]

    def filled(self, place: int, step: int) -> None:
        """Mark a slot whose rows are filled as valid."""
        self.steps.array[place] = step

    def drop(self, places: list[int]) -> None:
        """Free slots, whose rows may then be overwritten."""
        if places:
            self.steps.array[places] = FREE

    def log(self, triples: np.ndarray) -> None:
        """Add rows (step, number of the series, value) to the log."""
        left = np.ascontiguousarray(triples, "<f8").tobytes()
        while left:
            left = left[os.write(self.history, left) :]

    def close(self) -> None:
        """Close the files, which stay where they are."""
        for rows in (*self.rows, self.steps):
            rows.close()
        self.closing()

    def remove(self) -> None:
        """Remove the folder."""
        remove_folder(self.folder)


def remove_folder(folder: Path) -> None:
    """Remove the folder of a recording, and nothing in it that is not a recording's."""
    for name in (CHECKPOINTS, BUFFERS, STEPS, HISTORY, SERIES):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


class _Rows:
    """An `.npy` file with room for all its rows, written a row at a time.

    It is mapped into memory, since a call of the system for each row would take longer than the copy. Its blocks are taken from the disk
    before: a mapping that finds the disk full ends the process.
    """

    def __init__(self, path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        with path.open("wb") as stream:
            header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            offset, length = stream.tell(), dtype.itemsize * math.prod(shape)
            stream.flush()
            if length and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(stream.fileno(), offset, length)
            else:
                os.ftruncate(stream.fileno(), offset + length)
        mapped = np.memmap(path, dtype, "r+", offset, shape) if length else np.zeros(shape, dtype)
        # Each row of a memmap is made a memmap again, which takes longer than its copy.
        self.array: Any = mapped.view(np.ndarray)

    def close(self) -> None:
        """Let go of the mapping; the system writes what it has."""
        self.array = None
