"""What studies share: the start, an earlier record, words for numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.model import Model
from landscape.records import Study
from landscape.records.earlier import earlier_record
from landscape.training import initialize
from landscape.version import current_version

Array = NDArray[np.float64]
Announce = Callable[[str], object]
# Series, single numbers and sentences.
Found = tuple[dict[str, Any], dict[str, float], Sequence[str]]


def silent(sentence: str) -> None:
    """Announce to nobody."""


def studied(
    name: str,
    model: Model,
    settings: dict[str, Any],
    work: Callable[[], Found],
    output: str | Path | None,
    fresh: bool,
) -> Study:
    """Do the work of a study unless the same one stands at the output, and save it.

    Raises
    ------
    InputError
        The output cannot be written, or holds a study of other settings.
    """
    said = {"study": name, **settings}
    identity = {"model": model.fingerprint(), "data": model.data_fingerprint()}
    earlier = earlier_record(Study, output, **identity, settings=said, fresh=fresh)
    if earlier is not None:
        return earlier
    begun = time.perf_counter()
    series, numbers, findings = work()
    words = {"model_name": model.name, "loss": model.loss, "loss_scale": model.loss_scale}
    record = Study(
        study=name,
        series={key: np.asarray(value) for key, value in series.items()},
        numbers=numbers,
        findings=tuple(findings),
        settings={**words, **said},
        version=current_version(),
        seconds=time.perf_counter() - begun,
        **identity,
    )
    if output is not None:
        record.save(output)
    return record


def started(model: Model, init: str | None, seed: int) -> Model:
    """Give the model at its own parameters, or at an initialization."""
    return model if init is None else model.with_theta(initialize(model, init, seed))


def finals(losses: Array, shape: tuple[int, ...]) -> Array:
    """Give the last look of runs [R, K] as a table; infinite where a run diverged."""
    last = losses[:, -1].reshape(shape)
    return np.where(np.isfinite(last), last, np.inf)


def positive_list(name: str, values: Sequence[float]) -> list[float]:
    """Check numbers above zero, in rising order without repeats.

    Raises
    ------
    InputError
        None, or one that is not positive.
    """
    found = sorted({float(value) for value in values})
    if not found or not np.isfinite(found).all() or found[0] <= 0:
        raise InputError(f"{name}: expected numbers above 0, found {', '.join(map(str, values)) or 'none'}")
    return found


def told(value: float) -> str:
    """Write a number with three digits, in words where it is not finite.

    >>> told(0.01234), told(float("inf"))
    ('0.0123', 'diverged')
    """
    return f"{value:.3g}" if np.isfinite(value) else "diverged"
