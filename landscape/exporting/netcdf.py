"""NetCDF-3 files, which xarray, MATLAB, R, Julia, Panoply and ParaView open; written by SciPy."""

from __future__ import annotations

import io
import json

import numpy as np
from scipy.io import netcdf_file

from landscape.errors import InputError
from landscape.exporting.layout import about, plain, variables_of
from landscape.records import Record

CONVENTIONS = "CF-1.10"


def netcdf(record: Record, mark: str) -> bytes:
    """Write all numbers of a record, settings as JSON in an attribute.

    The format has neither truth values nor 64-bit integers nor letters beyond ASCII: they become int8, int32, and escapes.

    Raises
    ------
    InputError
        An unfinished record, or a whole number beyond 32 bits.
    """
    coordinates, variables = variables_of(record)
    buffer = io.BytesIO()
    buffer.close = lambda: None  # type: ignore[method-assign]  # SciPy closes what it wrote to
    file = netcdf_file(buffer, "w", version=2)
    for name, text in {**about(record), "Conventions": CONVENTIONS, "settings": json.dumps(record.settings), "mark": mark}.items():  # fmt: skip
        setattr(file, name, ascii_of(text))
    every = {
        name: each for name, each in {**coordinates, **variables}.items() if each.values.dtype.kind in "fiub"
    }
    for each in every.values():
        for dim, count in zip(each.dims, each.values.shape, strict=True):
            if dim not in file.dimensions:
                file.createDimension(dim, count)
    for name, each in every.items():
        values = storable(name, each.values)
        made = file.createVariable(plain(name), values.dtype, each.dims)
        made[...] = values
        for key, text in each.words.items():
            setattr(made, key, ascii_of(text))
    file.flush()
    return buffer.getvalue()


def storable(name: str, array: np.ndarray) -> np.ndarray:
    """Return an array in a type of the format.

    Raises
    ------
    InputError
        A whole number beyond 32 bits.
    """
    if array.dtype.kind == "b":
        return array.astype(np.int8)
    if array.dtype.kind == "f":
        return array.astype(np.float32 if array.dtype.itemsize == 4 else np.float64)
    limits = np.iinfo(np.int32)
    if array.size and not (limits.min <= array.min() and array.max() <= limits.max):
        raise InputError(f"{name}: has whole numbers beyond 32 bits, which NetCDF-3 cannot hold: try csv")
    return array.astype(np.int32)


def ascii_of(text: str) -> str:
    r"""Write a text without letters beyond ASCII.

    >>> ascii_of("θ")
    '\\u03b8'
    """
    # An empty attribute cannot be read back by some programs.
    return text.encode("ascii", "backslashreplace").decode() or " "
