"""The data that a network is imported with: arrays, tensors or a file, under the names of a bare file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.file_array import FileArray, left_in_file
from landscape.files import read_archive, shown
from landscape.importers.nearest import EXIT
from landscape.memory import available_memory
from landscape.model.bare_names import DATA_NAMES, take_data
from landscape.model.data import require_pairs

Arrays = dict[str, np.ndarray]
Data = Any
# So many examples of a dataset are put together at a time.
ROWS = 100


def read_data(data: Data) -> Arrays:
    """Give `x_train`, `y_train` and what other splits there are.

    `data` is the path of an `.npz`, a pair (x, y), a mapping with names such as `x_train` or `x`, or a dataset or loader of
    PyTorch with pairs of examples and targets; tensors are taken as arrays.

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
    tensors = getattr(data, "tensors", None)
    if isinstance(tensors, tuple):
        data = tensors
    elif is_dataset(data):
        data = read_loader(sys.modules["torch"].utils.data.DataLoader(data, batch_size=ROWS))
    elif hasattr(data, "dataset") and hasattr(data, "collate_fn"):
        data = read_loader(data)
    if isinstance(data, (tuple, list)) and len(data) == 2:
        _require_one_input(*data)
        return _named({"x_train": as_array("x", data[0]), "y_train": as_array("y", data[1])})
    found = f"{len(data)} parts" if isinstance(data, (tuple, list)) else f"a {type(data).__name__}"
    raise InputError(
        f"data: expected (x, y), a mapping with x_train and y_train, the path of an .npz file, a TensorDataset or a DataLoader; found {found}"
    )


def _require_one_input(x: Any, y: Any) -> None:
    """Refuse a list of inputs, each with all examples, which would be stacked to a few examples."""
    if isinstance(x, list) and hasattr(y, "__len__") and len(x) != len(y):
        arrays = [part for part in x if getattr(part, "ndim", 0) > 0]
        if arrays and len(arrays) == len(x) and all(len(part) == len(y) for part in arrays):
            raise InputError(
                f"data: x: expected one array, found {len(x)}: networks of several inputs are not supported; {EXIT}"
            )


def is_dataset(data: Any) -> bool:
    """Whether something is a dataset of PyTorch, which is then imported already."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(data, torch.utils.data.Dataset)


def read_loader(loader: Any) -> tuple[np.ndarray, np.ndarray]:
    """Read a loader of PyTorch once, in the order of its dataset, as far as memory allows.

    Raises
    ------
    InputError
        Its batches are no pairs of examples and targets, it fails, or it has more than half of the memory holds.
    """
    parts: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    limit, held = available_memory() // 2, 0
    try:
        for batch in _in_order(loader):
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise InputError(f"data: expected batches (x, y) of the loader, found {_parts_of(batch)}")
            for kept, key, value in zip(parts, "xy", batch, strict=True):
                kept.append(np.array(as_array(key, value)))
                held += kept[-1].nbytes
            if held > limit:
                raise InputError(
                    f"data: the loader has more than {limit / 1e9:.1f} GB; expected a dataset that fits into memory"
                )
        return np.concatenate(parts[0]), np.concatenate(parts[1])
    except InputError:
        raise
    except Exception as error:  # a dataset may raise what it likes
        message = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"data: the loader cannot be read: {shown(message, 120)}") from error


def _in_order(loader: Any) -> Any:
    """The batches of a loader without its shuffling, where its dataset has an order."""
    dataset = loader.dataset
    if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        return loader
    batch = loader.batch_size or ROWS
    rows = range(0, len(dataset), batch)
    return (
        loader.collate_fn([dataset[i] for i in range(row, min(row + batch, len(dataset)))]) for row in rows
    )


def _parts_of(batch: Any) -> str:
    return f"{len(batch)} parts" if isinstance(batch, (tuple, list)) else f"a {type(batch).__name__}"


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
    if isinstance(value, tuple) and any(getattr(part, "ndim", 0) > 0 for part in value):
        raise InputError(
            f"data: {key}: expected one array, found {len(value)}: networks of several inputs or outputs are not supported; {EXIT}"
        )
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
        kept: Any = left_in_file(value)
        array: Any = kept if isinstance(kept, np.memmap | FileArray) else np.asarray(kept)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"data: {key}: expected an array of numbers: {shown(str(error), 120)}") from None
    if array.dtype.kind not in "iufb":
        raise InputError(f"data: {key}: expected an array of numbers, found {array.dtype}")
    return array


def original_input(x: np.ndarray, ids: bool) -> np.ndarray:
    """Give what the original network reads: ids as they are, images scaled, other numbers in float64."""
    if ids:
        return np.asarray(x, np.int64)
    return np.asarray(x, np.float64) / (255.0 if x.dtype == np.uint8 else 1.0)
