"""The data: examples and targets of each split, in the archive or mapped from files beside it.

A mapped file is never read whole: its header gives shape and dtype, and labels and NaNs are looked for in
pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.files import map_array, shown
from landscape.model.bare_data import is_one_hot, is_whole
from landscape.model.finite import pieces
from landscape.model.header import DATA_KEYS, WEIGHTS
from landscape.model.loss_options import LossOptions
from landscape.model.losses import LOSSES, classes_of, is_soft, require_target_shape
from landscape.ops.operation import Shape, batched

SPLITS = ("train", "validation", "test")
Data = dict[str, np.ndarray]
PLAIN = LossOptions()


def map_data(paths: Mapping[str, str], folder: Path | None) -> Data:
    """Map the files that the header names, which must lie in the model's folder or below.

    Raises
    ------
    InputError
        A path that is absolute or leaves the folder (by `..` or by a link), or a file that is no array.
    """
    result: Data = {}
    for key, name in paths.items():
        label = f"header: data: {key}"
        target = beside(label, name, folder)
        try:
            result[key] = map_array(target)
        except InputError as error:
            raise InputError(f"{label}: {error}") from None
    return result


def beside(label: str, name: str, folder: Path | None) -> Path:
    """Find what a header names beside its file, in the file's folder or below.

    Raises
    ------
    InputError
        A path that is absolute or leaves the folder (by `..` or by a link); the message begins with the label.
    """
    if folder is None:
        raise InputError(f"{label}: a path needs a file that it is relative to; expected an array")
    home = folder.resolve()
    try:
        target = (home / name).resolve()
    except (OSError, ValueError, RuntimeError):
        raise InputError(f"{label}: {shown(name)} is not the name of a file") from None
    if Path(name).is_absolute() or not target.is_relative_to(home):
        raise InputError(f"{label}: expected a relative path that stays in {home}, found {shown(name)}")
    return target


def order(data: Data) -> Data:
    """Put the arrays in the format's order."""
    return {key: data[key] for key in DATA_KEYS if key in data}


def require_pairs(data: Data) -> None:
    """Refuse a split without examples, without targets or with as many of one as not of the other.

    Raises
    ------
    InputError
        The message names the key.
    """
    for split in SPLITS:
        x, y = data.get(f"x_{split}"), data.get(f"y_{split}")
        if x is None and y is None and split != "train":
            continue
        for key, array, other in (("x", x, y), ("y", y, x)):
            if array is None:
                beside = "" if other is None else f" beside {'y' if key == 'x' else 'x'}_{split}"
                raise InputError(
                    f"{key}_{split}: missing{beside}; expected it in the archive or in the header's data"
                )
        assert x is not None
        assert y is not None
        if x.ndim == 0 or len(x) == 0:
            raise InputError(f"x_{split}: expected [N, …] with at least one example, found {list(x.shape)}")
        if y.ndim == 0 or len(y) != len(x):
            raise InputError(f"y_{split}: expected {len(x)} targets, one an example, found {list(y.shape)}")


def require_weights(data: Data) -> None:
    """Refuse weights of examples that are not one number from 0 for each, with one above 0.

    Raises
    ------
    InputError
        The message names the key, and the example.
    """
    for split in SPLITS:
        key = f"{WEIGHTS}_{split}"
        if key not in data:
            continue
        array, examples = data[key], data.get(f"x_{split}")
        if examples is None:
            raise InputError(f"{key}: missing x_{split} beside it; expected the examples that it weighs")
        if array.dtype.kind not in "iuf" or array.shape != (len(examples),):
            raise InputError(
                f"{key}: expected {len(examples)} numbers, one an example, found {array.dtype} {list(array.shape)}"
            )
        numbers = np.asarray(array, np.float64)
        bad = ~(np.isfinite(numbers) & (numbers >= 0))
        if bad.any():
            place = int(np.argmax(bad))
            raise InputError(
                f"{key}: expected finite numbers from 0, found {numbers[place]} in example {place}"
            )
        if not numbers.any():
            raise InputError(f"{key}: every weight is 0; expected one above 0")


class Table(NamedTuple):
    """An embedding: which numbers of an example it looks up (None: all), and the number of its rows."""

    places: NDArray[np.int64] | None
    rows: int


def require_inputs(data: Data, input_shape: Shape, tables: Sequence[Table]) -> None:
    """Refuse examples of another shape or dtype, and ids that an embedding has no row for.

    Raises
    ------
    InputError
        The message names the key.
    """
    for key in _present(data, "x"):
        array = data[key]
        if array.shape[1:] != input_shape:
            raise InputError(f"{key}: expected shape {batched(input_shape)}, found {list(array.shape)}")
        for table in tables:
            _require_ids(key, array, table)
        if not tables and array.dtype.newbyteorder("=") not in (np.float32, np.float64, np.uint8):
            raise InputError(
                f"{key}: expected float32, float64 or (images, scaled by 1/255) uint8, found {array.dtype}"
                + ("; integer ids need an embedding" if array.dtype.kind in "iu" else "")
            )


def _require_ids(key: str, array: np.ndarray, table: Table) -> None:
    """Refuse numbers that are no rows of a table; a part of the data may be whole numbers among others."""
    if array.dtype.kind not in "iu" and table.places is None:
        raise InputError(f"{key}: expected integer ids for the embedding, found {array.dtype}")
    for start, piece in pieces(array):
        looked = piece.reshape(len(piece), -1)
        looked = looked if table.places is None else looked[:, table.places]
        bad = ~((looked >= 0) & (looked < table.rows) & (looked == np.floor(looked)))
        if bad.any():
            raise InputError(
                f"{key}: expected ids from 0 to {table.rows - 1}, found {looked[bad][0]} "
                f"in example {start + int(np.argmax(bad.any(1)))}"
            )


def require_targets(
    data: Data, output: Shape, loss: str, allow_nonfinite: bool, options: LossOptions = PLAIN
) -> None:
    """Refuse targets that the loss cannot take.

    Raises
    ------
    InputError
        A wrong dtype, shape or value; the message names the key and the example.
    """
    row = LOSSES[loss]
    row.require_output(loss, output)
    for key in _present(data, "y"):
        array = data[key]
        soft = is_soft(loss, array)
        if (
            array.dtype.kind not in row.kinds
            or (array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8))
            or (soft and array.shape != (len(array), *output) and is_whole(array))
        ):
            raise InputError(
                f"{key}: {loss} expects {row.values}, found {array.dtype}{_hint(array, loss, output)}"
            )
        require_target_shape(key, loss, array.shape, len(array), output, soft)
        _require_values(key, array, output, loss, allow_nonfinite, options)


def _hint(array: np.ndarray, loss: str, output: Shape) -> str:
    """Say how targets that mean classes become class ids."""
    if loss != "cross_entropy":
        return ""
    if output and is_one_hot(array, output[-1]):
        return " of one-hot rows (try array.argmax(1))"
    return " of whole numbers (try array.astype(int))" if is_whole(array) else ""


def _require_values(
    key: str, array: np.ndarray, output: Shape, loss: str, allow_nonfinite: bool, options: LossOptions
) -> None:
    row, classes, soft = LOSSES[loss], classes_of(loss, output), is_soft(loss, array)
    if row.kinds == "f" and not soft:
        return  # every number is a target; those that are not finite are looked for with the other arrays
    counted = 0
    for start, piece in pieces(array):
        bad = piece < 0 if soft else ~row.good(piece, classes)
        ignored = piece == options.ignored if loss == "cross_entropy" and not soft else np.zeros((), bool)
        bad = bad & ~ignored
        if piece.dtype.kind == "f" and (allow_nonfinite or soft):
            bad &= np.isfinite(piece)
        if bad.any():
            example = start + int(np.argmax(bad.reshape(len(bad), -1).any(1)))
            raise InputError(
                f"{key}: {loss} expects {_values(loss, classes, soft, options)}, found {piece[bad][0]} in example {example}"
            )
        counted += int(piece.size - np.count_nonzero(ignored))
    if not counted:
        raise InputError(
            f"{key}: every label is {options.ignored} (ignored); expected at least one that counts"
        )


def _values(loss: str, classes: int, soft: bool, options: LossOptions) -> str:
    """Say which targets a loss takes."""
    if soft:
        return "numbers from 0 for the classes"
    if loss == "cross_entropy":
        return f"integer class ids from 0 to {classes - 1}, or {options.ignored}"
    return LOSSES[loss].values + (f" from 0 to {classes - 1}" if loss == "multi_margin" else "")


def _present(data: Data, kind: str) -> Iterable[str]:
    return [key for key in DATA_KEYS if key in data and key[0] == kind]
