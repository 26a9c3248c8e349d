"""The log during a recording: values on a device are read later, many at a time, so that no step waits."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.model.series import kept_name

# So many values wait until they become numbers, at first and later on, and so many seconds. Many more would have Python collect garbage more often.
WAITING, MOST, PATIENCE = 32, 128, 2.0
# Step, number of the series, value, and how often a tensor had been changed in place; None for what is no tensor.
Row = tuple[int, int, Any, "int | None"]


class Series:
    """Collects (step, name, value) and gives them to `write` as triples; `name` is told of new series first."""

    def __init__(
        self, name: Callable[[list[str]], None], write: Callable[[np.ndarray], None], announce: Callable[[str], None]
    ) -> None:  # fmt: skip
        self.name, self.write, self.announce = name, write, announce
        self.numbers: dict[str, int] = {}
        # The number of the series of each name, as a step and as an evaluation call it.
        self.known: tuple[dict[str, int], dict[str, int]] = ({}, {})
        self.copied: set[int] = set()
        self.waiting: list[Row] = []
        self.until, self.limit = monotonic() + PATIENCE, WAITING

    def add(self, step: int, name: str, value: Any, evaluation: bool = False) -> None:
        """Take a value: a number, or a tensor of one number, without its graph.

        Raises
        ------
        InputError
            The first value of a series is no number.
        """
        number = self.known[evaluation].get(name)
        if number is None:
            number = self._begin(name, value, evaluation)
        version = None
        if getattr(value, "is_cpu", False):
            # There is no device to wait for, and the number takes half the time of a tensor without its graph.
            value = as_item(value)
        elif hasattr(value, "detach"):
            value = value.detach()
            if self.copied and number in self.copied:
                value = value.clone()
            version = getattr(value, "_version", None)
        waiting = self.waiting
        waiting.append((step, number, value, version))
        if len(waiting) >= self.limit or monotonic() > self.until:
            self.flush()

    def _begin(self, name: str, value: Any, evaluation: bool) -> int:
        if not isinstance(name, str):
            raise InputError(f"a series has a name, found {name!r}")
        count = value.numel() if hasattr(value, "numel") else np.size(value)
        kind = "b" if hasattr(value, "numel") else np.asarray(value).dtype.kind
        if count != 1 or kind not in "biuf":
            raise InputError(f"{name}: expected one number a step, found {described(value)}")
        kept = kept_name(name, evaluation=evaluation)
        if evaluation and kept == "train_loss":
            # The loss of all data is another quantity than that of each batch.
            kept = "other.full_train_loss"
        if kept not in self.numbers:
            self.numbers[kept] = len(self.numbers)
            self.name(list(self.numbers))
        self.known[evaluation][name] = self.numbers[kept]
        return self.numbers[kept]

    def flush(self) -> None:
        """Turn what waits into numbers, tensors of one device at once, and write them."""
        waiting, self.waiting = self._unchanged(self.waiting), []
        self.until, self.limit = monotonic() + PATIENCE, min(2 * self.limit, MOST)
        if waiting:
            steps, numbers, values, _ = zip(*waiting, strict=True)
            found = np.empty((len(waiting), 3))
            found[:, 0], found[:, 1], found[:, 2] = steps, numbers, numbers_of(values)
            self.write(found)

    def _unchanged(self, waiting: list[Row]) -> list[Row]:
        """Drop values that the loop has changed in place since; such series are copied from then on."""
        if all(version is None or value._version == version for _, _, value, version in waiting):
            return waiting
        changed = {row[1] for row in waiting if row[3] is not None and row[2]._version != row[3]}
        for number in changed - self.copied:
            name = list(self.numbers)[number]
            self.announce(
                f"the tensor of {name} is changed in place after it was recorded: values up to here are left out, from here on it is copied"
            )
        self.copied |= changed
        return [row for row in waiting if row[3] is None or row[2]._version == row[3]]


def numbers_of(values: Sequence[Any]) -> list[float]:
    """Turn numbers and tensors into floats, tensors with one transfer from their device; anything else becomes NaN."""
    tensors = [value for value in values if hasattr(value, "new_tensor")]
    found = stacked(tensors) if tensors else []
    if len(found) == len(values):
        return found
    told = iter(found)
    return [next(told) if hasattr(value, "new_tensor") else as_float(value) for value in values]


def stacked(tensors: list[Any]) -> list[float]:
    """Turn tensors of PyTorch into floats: together, or one by one where they differ in their device or shape."""
    try:
        found: list[float] = sys.modules["torch"].stack(tensors).reshape(len(tensors)).tolist()
    except (RuntimeError, TypeError):
        return [as_float(tensor) for tensor in tensors]
    return found


def as_item(tensor: Any) -> float:
    """Give the number of a tensor of one; NaN for a later one of several."""
    try:
        return tensor.item()
    except (RuntimeError, ValueError):
        return float("nan")


def as_float(value: Any) -> float:
    """Give a value as a float; NaN for what is not a number."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        return float("nan")


def described(value: Any) -> str:
    """Describe a value for a message.

    >>> described([1, 2]), described("a")
    ('a list of 2', 'a str')
    """
    if hasattr(value, "shape"):
        return f"a {type(value).__name__} of shape {list(value.shape)}"
    return f"a {type(value).__name__}" + (f" of {len(value)}" if isinstance(value, (list, tuple)) else "")
