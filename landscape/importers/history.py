"""Turn the log of a training, as a user gives it, into the series of a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.model.series import kept_name


def read_history(given: Any) -> dict[str, np.ndarray]:
    """Return the series of a log by this package's names, each float64 [T], and `step` int64 [T].

    `given` maps names to series, or is a list of rows. A number that a row lacks is NaN; steps that nobody says count from 0.

    >>> {name: series.tolist() for name, series in read_history([{"loss": 2.0}, {"loss": 1.0, "lr": 0.1}]).items()}
    {'step': [0, 1], 'train_loss': [2.0, 1.0], 'learning_rate': [nan, 0.1]}

    Raises
    ------
    InputError
        Neither of them, series of different lengths, two of one name, something that is no number, or steps that are no whole numbers in order.
    """
    columns = by_series(given)
    found: dict[str, np.ndarray] = {}
    for key, values in columns.items():
        name = kept_name(key)
        if name in found:
            raise InputError(f"history: {shown(key)} and another series are both {name}; expected it once")
        found[name] = numbers(key, values)
    lengths = {name: len(series) for name, series in found.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"history: expected series of one length, found {shown(lengths, 200)}")
    step = found.pop("step", np.arange(next(iter(lengths.values())), dtype=np.float64))
    if not np.isfinite(step).all() or (step != np.floor(step)).any() or (np.diff(step) < 0).any():
        raise InputError("history: step: expected whole numbers that do not go back")
    return {"step": step.astype(np.int64), **found}


def by_series(given: Any) -> dict[str, Sequence[Any]]:
    """Turn rows into series, and leave series as they are."""
    if isinstance(given, Mapping) and given:
        return {str(key): values for key, values in given.items()}
    rows = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else []
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise InputError(
            "history: expected a mapping such as {'step': [0, 10], 'loss': [2.3, 0.4]} or a list of such rows"
        )
    names = dict.fromkeys(str(key) for row in rows for key in row)
    return {name: [row.get(name, np.nan) for row in rows] for name in names}


def numbers(key: str, values: Any) -> np.ndarray:
    """Read one series as float64 [T].

    Raises
    ------
    InputError
        It is not a list of numbers.
    """
    try:
        array = np.asarray([np.nan if value is None else float(value) for value in values], np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(
            f"history: {shown(key)}: expected a list of numbers, found {shown(values)}"
        ) from None
    return array
