"""The data: examples and targets of each split, in the archive or mapped from files beside it.

A mapped file is never read whole: its header gives shape and dtype, and labels and NaNs are looked for in
pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from landscape.errors import InputError
from landscape.files import map_array, shown
from landscape.model.bare_data import is_one_hot, is_whole
from landscape.model.finite import pieces
from landscape.model.header import DATA_KEYS
from landscape.model.losses import LOSSES, require_target_shape
from landscape.ops.operation import Shape, batched

SPLITS = ("train", "validation", "test")
Data = dict[str, np.ndarray]


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
        if folder is None:
            raise InputError(f"{label}: a path needs a file that it is relative to; expected an array")
        home = folder.resolve()
        try:
            target = (home / name).resolve()
        except (OSError, ValueError, RuntimeError):
            raise InputError(f"{label}: {shown(name)} is not the name of a file") from None
        if Path(name).is_absolute() or not target.is_relative_to(home):
            raise InputError(f"{label}: expected a relative path that stays in {home}, found {shown(name)}")
        try:
            result[key] = map_array(target)
        except InputError as error:
            raise InputError(f"{label}: {error}") from None
    return result


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


def require_inputs(data: Data, input_shape: Shape, vocabulary: int | None) -> None:
    """Refuse examples of another shape or dtype, and ids that no embedding has a row for.

    `vocabulary` is the number of ids where the graph begins with an embedding.

    Raises
    ------
    InputError
        The message names the key.
    """
    for key in _present(data, "x"):
        array = data[key]
        if array.shape[1:] != input_shape:
            raise InputError(f"{key}: expected shape {batched(input_shape)}, found {list(array.shape)}")
        if vocabulary is not None:
            _require_ids(key, array, vocabulary)
        elif array.dtype.newbyteorder("=") not in (np.float32, np.float64, np.uint8):
            raise InputError(
                f"{key}: expected float32, float64 or (images, scaled by 1/255) uint8, found {array.dtype}"
                + ("; integer ids need an embedding" if array.dtype.kind in "iu" else "")
            )


def _require_ids(key: str, array: np.ndarray, vocabulary: int) -> None:
    if array.dtype.kind not in "iu":
        raise InputError(f"{key}: expected integer ids for the embedding, found {array.dtype}")
    for start, piece in pieces(array):
        bad = (piece < 0) | (piece >= vocabulary)
        if bad.any():
            raise InputError(
                f"{key}: expected ids from 0 to {vocabulary - 1}, found {piece[bad][0]} "
                f"in example {start + int(np.argmax(bad.reshape(len(bad), -1).any(1)))}"
            )


def require_targets(data: Data, output: Shape, loss: str, allow_nonfinite: bool) -> None:
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
        if array.dtype.kind not in row.kinds or (
            array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8)
        ):
            raise InputError(
                f"{key}: {loss} expects {row.values}, found {array.dtype}{_hint(array, loss, output)}"
            )
        require_target_shape(key, loss, array.shape, len(array), output)
        _require_values(key, array, output, loss, allow_nonfinite)


def _hint(array: np.ndarray, loss: str, output: Shape) -> str:
    """Say how targets that mean classes become class ids."""
    if loss != "cross_entropy":
        return ""
    if output and is_one_hot(array, output[-1]):
        return " of one-hot rows (try array.argmax(1))"
    return " of whole numbers (try array.astype(int))" if is_whole(array) else ""


def _require_values(key: str, array: np.ndarray, output: Shape, loss: str, allow_nonfinite: bool) -> None:
    row, classes = LOSSES[loss], output[-1] if output else 1
    if row.kinds == "f":
        return  # every number is a target; those that are not finite are looked for with the other arrays
    counted = 0
    for start, piece in pieces(array):
        bad = ~row.good(piece, classes)
        if allow_nonfinite and piece.dtype.kind == "f":
            bad &= np.isfinite(piece)
        if bad.any():
            example = start + int(np.argmax(bad.reshape(len(bad), -1).any(1)))
            limits = f"from 0 to {classes - 1}, or -100" if loss == "cross_entropy" else ""
            raise InputError(
                f"{key}: {loss} expects {row.values} {limits}".rstrip()
                + f", found {piece[bad][0]} in example {example}"
            )
        counted += int(np.count_nonzero(piece != -100))
    if loss == "cross_entropy" and not counted:
        raise InputError(f"{key}: every label is -100 (ignored); expected at least one that counts")


def _present(data: Data, kind: str) -> Iterable[str]:
    return [key for key in DATA_KEYS if key in data and key[0] == kind]
