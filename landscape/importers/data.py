"""The data of an imported network, from arrays, tensors or a file."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
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
        return _named({str(key): as_input(str(key), value) for key, value in data.items()})
    tensors = getattr(data, "tensors", None)
    if isinstance(tensors, tuple):
        data = tensors
    elif is_dataset(data):
        data = read_loader(sys.modules["torch"].utils.data.DataLoader(data, batch_size=ROWS))
    elif hasattr(data, "dataset") and hasattr(data, "collate_fn"):
        data = read_loader(data)
    if isinstance(data, (tuple, list)) and len(data) == 2:
        x = tuple(data[0]) if _are_several(*data) else data[0]
        return _named({"x_train": as_input("x", x), "y_train": as_array("y", data[1])})
    found = f"{len(data)} parts" if isinstance(data, (tuple, list)) else f"a {type(data).__name__}"
    raise InputError(
        f"data: expected (x, y), a mapping with x_train and y_train, the path of an .npz file, a TensorDataset or a DataLoader; found {found}"
    )


def _are_several(x: Any, y: Any) -> bool:
    """Tell a list of inputs, each with all examples, from a list of examples."""
    if not isinstance(x, list) or not hasattr(y, "__len__") or len(x) == len(y):
        return False
    arrays = [part for part in x if getattr(part, "ndim", 0) > 0]
    return len(arrays) == len(x) > 0 and all(len(part) == len(y) for part in arrays)


@dataclass(frozen=True)
class Part:
    """One input of several, which lie side by side in an example: where it begins and ends, its shape, and whether it is whole numbers."""

    start: int
    stop: int
    shape: tuple[int, ...]
    whole: bool


def input_parts(x: Any) -> tuple[Part, ...]:
    """Say where each of several inputs lies in an example, or give none if there is one input.

    >>> [(part.start, part.stop) for part in input_parts((np.ones((4, 2)), np.ones((4, 3, 3))))]
    [(0, 2), (2, 11)]
    """
    parts, start = list[Part](), 0
    for number, value in enumerate(x if isinstance(x, tuple) else ()):
        array = as_array(f"x[{number}]", value)
        count = math.prod(array.shape[1:])
        parts.append(Part(start, start + count, array.shape[1:], array.dtype.kind in "iu"))
        start += count
    return tuple(parts)


def parts_of(data: Data) -> tuple[Part, ...]:
    """Say where each of several inputs lies in an example of the training data, or give none if there is one input."""
    if isinstance(data, Mapping):
        names = [name for name in DATA_NAMES["x_train"] if name in data]
        return input_parts(data[names[0]]) if names else ()
    tensors = getattr(data, "tensors", data)
    if isinstance(tensors, (tuple, list)) and len(tensors) == 2:
        return input_parts(tuple(tensors[0]) if _are_several(*tensors) else tensors[0])
    return ()


def as_input(key: str, value: Any) -> np.ndarray:
    """Take examples; several inputs, a tuple of arrays, are laid side by side, [N, F].

    Raises
    ------
    InputError
        An input is no array of numbers, or has another number of examples.
    """
    if not isinstance(value, tuple) or not any(getattr(part, "ndim", 0) > 0 for part in value):
        return as_array(key, value)
    arrays = [as_array(f"{key}[{number}]", part) for number, part in enumerate(value)]
    counts = [len(array) if array.ndim else 0 for array in arrays]
    if len(set(counts)) > 1 or not counts[0]:
        raise InputError(
            f"data: {key}: expected several inputs with an example a row each, found {counts} rows"
        )
    flat = [array.reshape(len(array), -1) for array in arrays]
    kinds = {array.dtype.kind in "iu" for array in arrays}
    # Whole numbers beside others: in float64, which has all ids.
    return np.concatenate(flat if len(kinds) == 1 else [array.astype(np.float64) for array in flat], axis=1)


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
    for key, y in named.items():
        x = named.get(f"x{key[1:]}")
        # Targets of all places of a sequence, one after another, as loops of PyTorch flatten them.
        if (
            key[0] == "y"
            and x is not None
            and y.ndim == 1
            and len(x)
            and len(y) > len(x)
            and len(y) % len(x) == 0
        ):
            named[key] = y.reshape(len(x), -1)
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
            f"data: {key}: expected one array, found {len(value)}: targets of several outputs are not supported; choose one output, or {EXIT}"
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
    if ids and x.dtype.kind != "f":
        return np.asarray(x, np.int64)
    return np.asarray(x, np.float64) / (255.0 if x.dtype == np.uint8 else 1.0)
