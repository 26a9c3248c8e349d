"""Points and polishing steps as arrays, from which interrupted work continues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from landscape.critical.local import Local
from landscape.objective import Completed
from landscape.records import Pieces
from landscape.records.record import Arrays

TEXTS, NUMBERS = ("status",), ("loss", "tolerance", "decrement", "flatness", "floor")


def arrays_of(local: Local) -> Arrays:
    """Return the fields of a point as arrays; what is None is left out."""
    told = {field.name: getattr(local, field.name) for field in fields(local)}
    return {name: np.array(value) for name, value in told.items() if value is not None}


def local_of(arrays: Arrays) -> Local:
    """Return the point that `arrays_of` laid out."""

    def value(name: str, array: np.ndarray) -> Any:
        return str(array) if name in TEXTS else float(array) if name in NUMBERS else array

    return Local(**{"matrix": None, **{name: value(name, array) for name, array in arrays.items()}})


def once(pieces: Pieces, name: str, look: Callable[[], Local], *, dense: bool) -> Local:
    """Return a point that was analysed before, or analyse it; one with its dense Hessian is not stored, since it takes much room and little time."""
    if dense:
        return look()
    return local_of(pieces.once(name, lambda: arrays_of(look())))


def steps_of(derivatives: Completed) -> Arrays:
    """Return the steps of differences that were chosen, NaN where none were."""
    return {"steps": np.array([np.nan if step is None else step for step in derivatives.steps])}


def with_steps(derivatives: Completed, arrays: Arrays) -> None:
    """Take the steps of differences that were chosen."""
    values, gradients = (None if np.isnan(step) else float(step) for step in arrays["steps"])
    derivatives.steps = values, gradients
