"""The data that a network is imported with: arrays, tensors or a file, under the names of a bare file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.file_array import FileArray, left_in_file
from landscape.files import read_archive, shown
from landscape.model.bare_names import DATA_NAMES, take_data
from landscape.model.data import require_pairs

Arrays = dict[str, np.ndarray]
Data = Any


def read_data(data: Data) -> Arrays:
    """Give `x_train`, `y_train` and what other splits there are.

    `data` is the path of an `.npz`, a pair (x, y), or a mapping with names such as `x_train` or `x`; tensors
    are taken as arrays.

    >>> sorted(read_data(([[1.0]], [0])))
    ['x_train', 'y_train']

    Raises
    ------
    InputError
        No training data, a name that is none of theirs, something that is no array of numbers.
    """
    if isinstance(data, (str, Path)):
        return _from_file(Path(data))
    if isinstance(data, Mapping):
        return _named({str(key): as_array(str(key), value) for key, value in data.items()})
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return _named({"x_train": as_array("x", data[0]), "y_train": as_array("y", data[1])})
    raise InputError("data: expected (x, y), a mapping with x_train and y_train, or the path of an .npz file")


def _from_file(path: Path) -> Arrays:
    arrays = read_archive(path)
    try:
        return _named(arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _named(arrays: Arrays) -> Arrays:
    for key in ("x_train", "y_train"):
        if not any(name in arrays for name in DATA_NAMES[key]):
            raise InputError(f"data: expected {key}, found {shown(', '.join(arrays) or 'nothing')}")
    keys = take_data(arrays)
    for key, array in arrays.items():
        if key not in keys.values():
            raise InputError(
                f"data: {shown(key)} is none of x_train, y_train, x_test, y_test, x_validation, …"
            )
        if array.dtype.kind not in "iufb":
            raise InputError(f"data: {key}: expected numbers, found {array.dtype}")
    named = {meant: arrays[key] for meant, key in keys.items()}
    require_pairs(named)
    return named


def as_array(key: str, value: Any) -> np.ndarray:
    """Take an array, a list or a tensor as an array of numbers.

    Raises
    ------
    InputError
        It is none.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        kept: Any = left_in_file(value)
        array: Any = kept if isinstance(kept, np.memmap | FileArray) else np.asarray(kept)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"data: {key}: expected an array of numbers: {error}") from None
    if array.dtype.kind not in "iufb":
        raise InputError(f"data: {key}: expected an array of numbers, found {array.dtype}")
    return array


def original_input(x: np.ndarray, ids: bool) -> np.ndarray:
    """Give what the original network reads: ids as they are, images scaled, other numbers in float64."""
    if ids:
        return np.asarray(x, np.int64)
    return np.asarray(x, np.float64) / (255.0 if x.dtype == np.uint8 else 1.0)
