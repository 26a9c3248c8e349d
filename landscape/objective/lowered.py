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
from landscape.objective.program_check import Mode, check_program
from landscape.objective.session import session


class Lowered(NamedTuple):
    """A program and its arrays as the kernels take them."""

    program: Program
    network: Network
    order: NDArray[np.int64]
    places: NDArray[np.int64]


def checked(model: Model, mode: Mode) -> Program:
    """Lower a model for a mode, and check that the program keeps kernels inside their buffers.

    Raises
    ------
    InputError
        An op that the engine does not run, an output that is the input itself.
    """
    program = lower(model, derivatives=mode != Mode.VALUES, training=mode == Mode.TRAINING)
    if mode == Mode.SHARED:
        program, _ = sharing_adjoints(program)
    check_program(program, model, mode)
    return program


def lowered(model: Model, dtype: np.dtype, mode: Mode) -> Lowered:
    """Lower a model; all rows run, and the input is read where the data are."""
    program = checked(model, mode)
    places = program.rows[:, Column.OUTPUT].copy()
    places[0] = -1
    return Lowered(
        program,
        network_arrays(program, dtype, VALUE_RULES if mode == Mode.VALUES else RULES),
        np.arange(1, len(places)),
        places,
    )


def sharing(full: Lowered, model: Model) -> Lowered:
    """Let the adjoints of a program that keeps every output share places."""
    program = checked(model, Mode.SHARED)
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
