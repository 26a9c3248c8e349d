"""A model as the kernels take it: its program, the arrays of that in their dtype, the rules that its ops need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu.arrays import Network
from landscape.kernels.cpu.rules import Rule, addresses
from landscape.kernels.cpu.wider import RULES, VALUE_RULES
from landscape.kernels.lowering import lower, sharing_adjoints
from landscape.kernels.program import Column, Program
from landscape.model import Model
from landscape.objective.session import session


class Lowered(NamedTuple):
    """A program and its arrays as the kernels take them."""

    program: Program
    network: Network
    order: NDArray[np.int64]
    places: NDArray[np.int64]


def lowered(model: Model, dtype: np.dtype, *, derivatives: bool, program: Program | None = None) -> Lowered:
    """Lower a model, or take its program; all rows run, and the input is read where the data are."""
    program = lower(model, derivatives=derivatives) if program is None else program
    places = program.rows[:, Column.OUTPUT].copy()
    places[0] = -1
    return Lowered(
        program,
        network_arrays(program, dtype, VALUE_RULES if not derivatives else RULES),
        np.arange(1, len(places)),
        places,
    )


def sharing(full: Lowered) -> Lowered:
    """Let the adjoints of a program that keeps every output share places."""
    program, _ = sharing_adjoints(full.program)
    return full._replace(program=program, network=full.network._replace(rows=program.rows))


def network_arrays(program: Program, dtype: np.dtype, rules: tuple[Rule, ...]) -> Network:
    """Give a program's arrays in the kernels' dtype, with the rules that its ops need compiled."""
    wide = len(program.geometry) > 0
    with session():
        return Network(
            program.rows,
            program.links,
            program.attributes.astype(dtype),
            program.geometry,
            program.epsilons.astype(dtype),
            addresses(rules if wide else (), dtype),
        )
