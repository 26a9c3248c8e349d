"""Read the header of an `.npy` array without evaluating it or allocating memory.

NumPy's own reader evaluates the header as a Python literal and allocates what it claims. Here three patterns
are looked for, the dtype must be a plain number, truth value or text, and the size is known before any
element is read.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import IO

import numpy as np

from landscape.errors import InputError

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 10_000
LARGEST = 2**62
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_DESCR = re.compile(r"""["']descr["']\s*:\s*["']([<>|=]?)([a-zA-Z])(\d{0,9})["']""")
_ORDER = re.compile(r"""["']fortran_order["']\s*:\s*(True|False)""")
_SHAPE = re.compile(r"""["']shape["']\s*:\s*\(([\dL,\s]{0,2000})\)""")


@dataclass(frozen=True)
class ArrayHeader:
    """The header of an `.npy` stream: `length` is the header's own size in bytes, `size` the array's."""

    dtype: np.dtype
    shape: tuple[int, ...]
    fortran: bool
    length: int

    @property
    def size(self) -> int:
        """Bytes of the array's elements."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def unpacked(self) -> int:
        """Bytes that reading the array takes: twice its own if it is put into another order."""
        return self.size * (2 if self.fortran or not self.dtype.isnative else 1)


def is_plain(dtype: np.dtype) -> bool:
    """Return whether a dtype is a number of at most 8 bytes, a truth value or text."""
    return dtype.kind in "biuU" or (dtype.kind == "f" and dtype.itemsize <= 8)


def read_header(stream: IO[bytes]) -> ArrayHeader:
    """Read the header at the stream's start and leave the stream at the first element.

    Raises
    ------
    InputError
        For anything that is not the header of a plain array; the caller adds the file and the key.
    """
    start = stream.read(8)
    if len(start) < 8 or start[:6] != MAGIC or start[6] not in _LENGTH_BYTES:
        raise InputError("expected an array in NumPy's .npy format")
    width = _LENGTH_BYTES[start[6]]
    length = int.from_bytes(stream.read(width), "little")
    if length > LONGEST_HEADER:
        raise InputError(f"the array's header claims {length} bytes; expected at most {LONGEST_HEADER}")
    text = stream.read(length)
    if len(text) < length:
        raise InputError("the array is truncated within its header")
    return _parse(text.decode("latin-1"), 8 + width + length)


def _parse(text: str, length: int) -> ArrayHeader:
    order, shape = _ORDER.search(text), _SHAPE.search(text)
    if order is None or shape is None:
        raise InputError("the array's header has no shape that could be read")
    sizes = tuple(int(size) for size in re.findall(r"\d{1,18}", shape[1]))
    if len(sizes) > 32:
        raise InputError(f"the array has {len(sizes)} axes; expected at most 32")
    dtype = _dtype(text)
    # An axis of length 0 leaves no bytes, and still the other lengths have to be an array's.
    if math.prod(max(1, size) for size in sizes) * dtype.itemsize >= LARGEST:
        raise InputError("truncated or damaged: its header claims more elements than an array can have")
    return ArrayHeader(dtype, sizes, order[1] == "True", length)


def _dtype(text: str) -> np.dtype:
    found = _DESCR.search(text)
    if found is not None and found[2] == "O":
        raise InputError(
            "holds Python objects, which are never unpickled; expected numbers (try array.astype(float))"
        )
    try:
        dtype = np.dtype(found[0].split(":")[1].strip().strip("\"'")) if found is not None else None
    except (TypeError, ValueError, OverflowError):
        dtype = None
    if dtype is None or not is_plain(dtype) or not dtype.itemsize:
        raise InputError("expected an array of plain numbers, truth values or text; found another type")
    return dtype
