"""The record of a training in a model: logged series, checkpoints and optimizer's state.

Unlike parameters and data they may be non-finite: a run that diverged is worth looking at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown

SERIES = (
    "step",
    *(
        f"{split}_{quantity}"
        for split in ("train", "validation", "test")
        for quantity in ("loss", "accuracy")
    ),
    "gradient_norm",
    "learning_rate",
)
# Series of other names stand behind this, so that a misspelled one is still found.
OTHER = "other."
CHECKPOINT_KEYS = {
    "checkpoints": "checkpoints",
    "checkpoints.step": "checkpoint_steps",
    "checkpoints.buffers": "checkpoint_buffers",
}
Arrays = dict[str, np.ndarray]


def is_story(key: str) -> bool:
    """Return whether an archive's key belongs here."""
    return key in CHECKPOINT_KEYS or key.startswith(("history.", "optimizer."))


def read_story(arrays: Arrays, size: int, buffers: int) -> dict[str, Any]:
    """Check the keys that are `is_story` and give them as the model's fields.

    `size` is P and `buffers` the number of elements in buffers.

    Raises
    ------
    InputError
        An unknown series, a wrong shape or dtype; the message names the key.
    """
    return {
        "history": _read_history(arrays),
        "optimizer": _read_optimizer(arrays, size),
        **_read_checkpoints(arrays, size, buffers),
    }


def _read_history(arrays: Arrays) -> Arrays:
    history = _without_prefix(arrays, "history.")
    length = None
    for series, array in history.items():
        key = f"history.{series}"
        if series not in SERIES and not (series.startswith(OTHER) and len(series) > len(OTHER)):
            raise InputError(
                f"{shown(key)}: unknown series; known are {', '.join(SERIES)}, and any name behind '{OTHER}'"
            )
        _require_numbers(key, array, "iu" if series == "step" else "iuf")
        if array.ndim != 1 or (length is not None and len(array) != length):
            wanted = "[T]" if length is None else f"[{length}] as the other series"
            raise InputError(f"{key}: expected shape {wanted}, found {list(array.shape)}")
        length = len(array)
    return history


def _read_checkpoints(arrays: Arrays, size: int, buffers: int) -> Arrays:
    found = {CHECKPOINT_KEYS[key]: array for key, array in arrays.items() if key in CHECKPOINT_KEYS}
    if not found:
        return {}
    if "checkpoints" not in found:
        raise InputError("checkpoints: missing; expected it beside checkpoints.step and checkpoints.buffers")
    count = len(found["checkpoints"]) if found["checkpoints"].ndim else 0
    shapes = {
        "checkpoints": (count, size),
        "checkpoints.step": (count,),
        "checkpoints.buffers": (count, buffers),
    }
    for key, name in CHECKPOINT_KEYS.items():
        if name not in found:
            continue
        _require_numbers(key, found[name], "iu" if key == "checkpoints.step" else "f")
        if found[name].shape != shapes[key] or count == 0:
            wanted = {"checkpoints": f"[K, {size}] (K checkpoints of P parameters)"}.get(
                key, list(shapes[key])
            )
            raise InputError(f"{key}: expected shape {wanted}, found {list(found[name].shape)}")
    return found


def _read_optimizer(arrays: Arrays, size: int) -> Arrays:
    slots = _without_prefix(arrays, "optimizer.")
    for name, array in slots.items():
        key = f"optimizer.{name}"
        _require_numbers(shown(key), array, "iuf")
        if not name or array.shape not in ((), (size,)):
            raise InputError(f"{shown(key)}: expected shape [{size}] or [], found {list(array.shape)}")
    return slots


def _without_prefix(arrays: Arrays, prefix: str) -> Arrays:
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}


def _require_numbers(key: str, array: np.ndarray, kinds: str) -> None:
    if array.dtype.kind not in kinds:
        raise InputError(f"{key}: expected {'numbers' if 'f' in kinds else 'integers'}, found {array.dtype}")
