"""What `connect` is given, as minima: models, their files, or one objective and its points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from landscape.connection.ends import Ends
from landscape.connection.function_ends import FunctionEnds
from landscape.connection.network_ends import NetworkEnds
from landscape.errors import InputError
from landscape.model import Model, load_model
from landscape.objective import complete
from landscape.objective.about import about


def ends_of(
    subjects: Sequence[Any], *, points: Sequence[ArrayLike] | None, examples: int | None, seed: int, dtype: str,
    threads: int | None, device: str,
) -> Ends:  # fmt: skip
    """Take models, their files, or one objective and its points.

    Raises
    ------
    InputError
        Fewer than two ends, or what cannot be compared.
    """
    if len(subjects) == 1 and not isinstance(subjects[0], Model | str | Path):
        if examples is not None or device not in ("cpu", "auto"):
            raise InputError(
                "an objective has its own data: choose examples and device where it is made, and leave them out here"
            )
        given = [] if points is None else list(points)
        if len(given) + (about(complete(subjects[0])) is not None) < 2:
            raise InputError("connect of an objective needs points=[…], at least two points [P] of it")
        return FunctionEnds(subjects[0], given, seed=seed)
    if points is not None:
        raise InputError("points are those of an objective: models have their own parameters")
    if len(subjects) < 2:
        raise InputError("expected at least two models to connect, found one")
    loaded = [load_model(one) if isinstance(one, str | Path) else one for one in subjects]
    for one in loaded:
        if not isinstance(one, Model):
            raise InputError(
                f"expected models, or one objective with points=[…], found a {type(one).__name__} among several"
            )
    return NetworkEnds(loaded, examples=examples, seed=seed, dtype=dtype, threads=threads, device=device)
