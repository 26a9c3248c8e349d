"""Small pieces of work that have the kernels compiled which the tests need, the longest first: each kernel for each dtype, then what is compiled at a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from landscape.kernels.cpu.entries import ENTRIES
from landscape.kernels.cpu.rules import OF_FORMULAS, TABLE
from landscape.model import bundled_path, load_model
from landscape.objective import NetworkObjective
from landscape.objective.compiling import DTYPES, compile_here, distinct
from landscape.objective.fisher import fisher_products
from landscape.objective.units import unit_ranges
from landscape.training import descend


def ignored(_: object) -> None:
    """Ignore the progress."""


def fishers() -> None:
    model = load_model(bundled_path("digits"))
    few = replace(model, data={key: array[:16] for key, array in model.data.items()})
    objective = NetworkObjective(few, threads=1)
    fisher_products(objective, few.theta, np.ones((1, few.size)))
    unit_ranges(objective, few.theta)


def descents() -> None:
    for dtype in DTYPES:
        descend("himmelblau", [[0.0, 0.0]], steps=2, learning_rate=0.01, dtype=dtype)


# Rules of ops take longer than loops over formulas.
PIECES = distinct([*ENTRIES, *sorted(TABLE, key=lambda number: number >= OF_FORMULAS)])
TASKS: dict[str, Callable[[], None]] = {
    f"{piece}-{dtype}": partial(compile_here, [piece], dtype, ignored) for piece in PIECES for dtype in DTYPES
} | {"fishers": fishers, "descents": descents}
