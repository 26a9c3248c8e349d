"""An array that stays in its file, from which rows are read when needed.

A mapping of the file into memory would read as conveniently, but where the file is truncated after it was mapped, looking at what is gone
kills the process.
"""

from __future__ import annotations

import math
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from landscape.errors import ComputationError

# The most that one call of the system reads (Linux stops somewhat below 2 GiB).
CALL_BYTES = 1 << 30


class FileArray(NDArrayOperatorsMixin):
    """The elements of an array in a file, from byte `offset` on: rows `a[3:7]`, `a[[5, 2]]` are read when they are asked for.

    NumPy's functions take it for an array, and then read all of it. `fortran` says that the first axis runs fastest.

    Raises
    ------
    OSError
        The file cannot be opened.
    """

    def __init__(
        self, path: str | Path, dtype: np.dtype, shape: tuple[int, ...], offset: int = 0, *, fortran: bool = False
    ) -> None:  # fmt: skip
        self.filename, self.dtype, self.shape, self.offset = Path(path), dtype, shape, offset
        self.fortran = fortran and len(shape) > 1
        self.descriptor = os.open(self.filename, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        weakref.finalize(self, os.close, self.descriptor)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"FileArray({str(self.filename)!r}, {self.dtype}, {list(self.shape)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return reopened, (self.filename, self.dtype, self.shape, self.offset, self.fortran)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the elements lie in a file: they cannot be had without a copy")
        whole = self.rows(0, len(self)) if self.ndim else self.rows(0, 1).reshape(())
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(
            *(np.asarray(each) if isinstance(each, FileArray) else each for each in inputs), **options
        )

    def __getitem__(self, key: Any) -> np.ndarray:
        first, *rest = key if isinstance(key, tuple) and key else (key,)
        if first is None or first is Ellipsis or isinstance(first, tuple) or not self.ndim:
            return np.asarray(self)[key]
        if isinstance(first, slice):
            start, stop, step = first.indices(len(self))
            near = step == 1
            found = self.rows(start, max(start, stop)) if near else self.some(np.arange(start, stop, step))
            return found[(slice(None), *rest)]
        places = self.places(first)
        found = self.some(places.ravel()).reshape(places.shape + self.shape[1:])
        return found[(*(slice(None),) * places.ndim, *rest)]

    def places(self, index: Any) -> np.ndarray:
        """Turn numbers, from the end too, or truth values into numbers of rows, as NumPy does.

        Raises
        ------
        IndexError
            There is no such row, or it is something else.
        """
        found = np.asarray(index)
        if found.dtype == bool and found.shape == self.shape[:1]:
            return np.flatnonzero(found)
        if found.size == 0 and isinstance(index, list):
            found = found.astype(np.int64)
        if found.dtype.kind not in "iu":
            raise IndexError(
                f"expected numbers of rows, a slice or {len(self)} truth values, found {index!r}"
            )
        found = found.astype(np.int64)
        if np.any((found < -len(self)) | (found >= len(self))):
            raise IndexError(f"expected rows from 0 to {len(self) - 1}, found {index!r}")
        return np.where(found < 0, found + len(self), found)

    def some(self, places: np.ndarray) -> np.ndarray:
        """Read rows in any order, those that lie together at once."""
        found = np.empty((len(places), *self.shape[1:]), self.dtype)
        cuts = np.flatnonzero(np.diff(places) != 1) + 1
        row = math.prod(self.shape[1:])
        for start, stop in zip([0, *cuts.tolist()], [*cuts.tolist(), len(places)], strict=True):
            if start == stop:
                continue
            if self.fortran:
                found[start:stop] = self.rows(int(places[start]), int(places[stop - 1]) + 1)
            else:
                self.fill(found[start:stop], int(places[start]) * row)
        return found

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Read rows start … stop − 1."""
        count, inner = stop - start, self.shape[1:]
        row = math.prod(inner)
        if not self.fortran:
            found = np.empty((count, *inner), self.dtype)
            self.fill(found, start * row)
            return found
        columns = np.empty((*inner[::-1], count), self.dtype)
        for number, column in enumerate(columns.reshape(row, count)):
            self.fill(column, number * len(self) + start)
        return columns.T

    def fill(self, target: np.ndarray, element: int) -> None:
        """Read elements from number `element` on into an array in C order.

        Raises
        ------
        ComputationError
            The file ends before them, or the system cannot read it.
        """
        if not target.nbytes:
            return
        left, place = (
            memoryview(target.reshape(-1).view(np.uint8).data),
            self.offset + element * self.dtype.itemsize,
        )
        while left:
            try:
                read = os.preadv(self.descriptor, [left[:CALL_BYTES]], place)
            except OSError as error:
                raise ComputationError(
                    f"{self.filename}: cannot be read any more: {error.strerror}"
                ) from None
            if read == 0:
                raise ComputationError(
                    f"{self.filename}: was cut short while it was in use: expected {self.offset + self.nbytes} bytes, "
                    f"found {os.fstat(self.descriptor).st_size}; put the file back and run the same again"
                )
            left, place = left[read:], place + read


def reopened(path: Path, dtype: np.dtype, shape: tuple[int, ...], offset: int, fortran: bool) -> FileArray:
    """Open an array again, for example in another process."""
    return FileArray(path, dtype, shape, offset, fortran=fortran)


def left_in_file(value: Any) -> Any:
    """Return an array that reads a user's mapped array from its file when needed; anything else is returned as it is."""
    if not isinstance(value, np.memmap) or value.mode not in ("r", "r+") or value.filename is None:
        return value
    whole = not isinstance(value.base, np.ndarray) and (value.flags.c_contiguous or value.flags.f_contiguous)
    if not whole or not value.size:
        return value
    try:
        return FileArray(
            value.filename, value.dtype, value.shape, value.offset, fortran=not value.flags.c_contiguous
        )
    except OSError:
        return value
