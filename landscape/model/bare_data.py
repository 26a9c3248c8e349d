"""The data in a file of plain arrays, converted to the format, with a sentence for each conversion."""

from __future__ import annotations

import numpy as np

from landscape.errors import InputError
from landscape.model.losses import LOSSES, OF_SIDES
from landscape.ops.values import choice

Changed = tuple[np.ndarray, list[str]]


def convert_input(key: str, array: np.ndarray) -> Changed:
    """Make examples float32, float64 or uint8, `[N, …]`."""
    sentences = []
    if array.dtype == np.uint8:
        sentences.append(f"{key} is uint8: images, scaled by 1/255")
    elif array.dtype.kind in "iub" or (array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8)):
        sentences.append(f"{key} is {array.dtype}: read as float64")
        array = array.astype(np.float64)
    if array.ndim == 1:
        sentences.append(f"{key} is [N]: read as [N, 1]")
        array = array[:, None]
    return array, sentences


def convert_parameter(key: str, array: np.ndarray) -> Changed:
    """Make a weight or bias float32 or float64."""
    if array.dtype in (np.float32, np.float64):
        return array, []
    return array.astype(np.float64), [f"{key} is {array.dtype}: read as float64"]


def choose_loss(key: str, target: np.ndarray, outputs: int, given: str | None) -> tuple[str, str]:
    """Decide the loss by the targets, with the reason.

    Raises
    ------
    InputError
        An unknown name was given, or the targets allow several; the message shows the option that decides.
    """
    if given is not None:
        try:
            return choice(*LOSSES)(given), "as asked"
        except InputError as error:
            raise InputError(f"loss: {error}") from None
    if outputs == 1 and target.size == len(target) and is_binary(target):
        return "binary_cross_entropy", f"because {key} is 0 or 1 and there is one output"
    if is_one_hot(target, outputs):
        return "cross_entropy", f"because {key} is one-hot, with a column for each class"
    if outputs > 1 and target.size == len(target) and is_whole(target):
        raise InputError(
            f"{key}: expected shape [{len(target)}, {outputs}] for numbers to fit, found {list(target.shape)} of whole numbers "
            "in floating point; for class ids say --loss cross_entropy, or save them as integers (y.astype(int))"
        )
    if target.dtype.kind == "f":
        return "mse", f"because {key} is {target.dtype}"
    if outputs == 1:
        raise InputError(
            f"{key}: integer targets other than 0 and 1 with one output; "
            "expected class ids with an output a class, or --loss mse (mae, huber) for numbers"
        )
    if target.size != len(target):
        raise InputError(
            f"{key}: integer targets of shape {list(target.shape)} are not one-hot and may be several labels; "
            "expected class ids [N], or --loss binary_cross_entropy for labels of 0 and 1"
        )
    return "cross_entropy", f"because {key} has integers"


def convert_target(key: str, target: np.ndarray, loss: str, outputs: int) -> Changed:
    """Convert targets to what the loss takes if their meaning is clear; a later check refuses the others."""
    if loss in ("cross_entropy", "multi_margin") and target.dtype.kind in "iufb":
        return _to_classes(key, target, outputs)
    if loss in OF_SIDES or target.dtype.kind not in "iufb":
        return target, []
    sentences = []
    if target.dtype.kind != "f" or target.dtype.itemsize not in (4, 8):
        sentences.append(f"{key} is {target.dtype}: read as float64")
        target = target.astype(np.float64)
    if target.ndim == 1 and outputs == 1:
        sentences.append(f"{key} is [N]: read as [N, 1], as the output is")
        target = target[:, None]
    return target, sentences


def _to_classes(key: str, target: np.ndarray, outputs: int) -> Changed:
    sentences = []
    if target.ndim == 2 and target.shape[1] == 1:
        sentences.append(f"{key} is [N, 1]: read as [N]")
        target = target[:, 0]
    if is_one_hot(target, outputs):
        sentences.append(f"{key} is one-hot: read as class ids")
        target = target.argmax(1)
    if is_whole(target) or target.dtype.kind == "b":
        sentences.append(f"{key} is {target.dtype}: read as class ids")
        target = target.astype(np.int64)
    return target, sentences


def is_one_hot(target: np.ndarray, outputs: int) -> bool:
    """Whether each row of targets [N, C] has a single 1 among zeros, for as many outputs C above 1.

    >>> is_one_hot(np.eye(3), 3), is_one_hot(np.full((2, 2), 0.5), 2), is_one_hot(np.array([0, 1]), 2)
    (True, False, False)
    """
    fits = target.ndim == 2 and outputs > 1 and target.shape[1] == outputs
    return fits and is_binary(target) and bool((target.sum(1) == 1).all())


def is_whole(target: np.ndarray) -> bool:
    """Whether targets are whole numbers in floating point, none larger than a class id can be.

    >>> is_whole(np.array([0.0, 3.0])), is_whole(np.array([0.5])), is_whole(np.array([1, 2]))
    (True, False, False)
    """
    if target.dtype.kind != "f":
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        return bool((np.abs(target) < 2**31).all()) and bool((target % 1 == 0).all())


def is_binary(target: np.ndarray) -> bool:
    """Return whether all targets are 0 or 1."""
    return bool(((target == 0) | (target == 1)).all())
