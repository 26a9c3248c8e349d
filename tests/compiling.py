"""Small pieces of work that have the kernels compiled which the tests need, the longest first: each kernel for each dtype, then what is compiled at a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from landscape.kernels.cpu.entries import ENTRIES
from landscape.kernels.cpu.rules import OF_FORMULAS, TABLE
from landscape.kernels.cpu.table import PRODUCTS, SWEEPS, VALUES, numbers_of
from landscape.model import bundled_path, load_model
from landscape.objective import NetworkObjective
from landscape.objective.compiling import DTYPES, compile_here, distinct
from landscape.objective.fisher import fisher_products
from landscape.objective.lowered import lowered
from landscape.objective.program_check import Mode
from landscape.objective.targets import loss_code
from landscape.objective.units import unit_ranges
from landscape.training import descend
from tests.cases import CASES
from tests.engine import is_common


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


def of_common_cases() -> set[int]:
    """Return the numbers of the rules that cases of common ops and losses need."""
    return {
        number
        for case in CASES.values()
        if is_common(case)
        for mode in (Mode.VALUES, Mode.DERIVATIVES)
        for work in (VALUES, SWEEPS, PRODUCTS)
        for number in numbers_of(
            lowered(case.model, np.dtype("float64"), mode).program, loss_code(case.model), work
        )
    }


def tasks(everything: bool) -> dict[str, Callable[[], None]]:
    """Return pieces of work by name: all rules in both dtypes, or those in float32 that tests not marked as thorough need."""
    # Rules of ops take longer than loops over formulas.
    pieces = distinct([*ENTRIES, *sorted(TABLE, key=lambda number: number >= OF_FORMULAS)])
    needed = {TABLE[number] for number in of_common_cases() & TABLE.keys()}
    single = {piece for piece in pieces if everything or isinstance(piece, str) or TABLE[piece] in needed}
    return {
        f"{piece}-{dtype}": partial(compile_here, [piece], dtype, ignored)
        for piece in pieces
        for dtype in DTYPES
        if dtype == "float64" or piece in single
    } | {"fishers": fishers, "descents": descents}
