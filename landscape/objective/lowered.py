"""A model as the kernels take it: its program, the arrays of that in their dtype, the rules that its ops need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.formulas.losses import CROSS_ENTROPY, LOSSES
from landscape.kernels.cpu.arrays import Network
from landscape.kernels.cpu.rules import empty_table, fill
from landscape.kernels.cpu.table import GRADIENTS, VALUES, Work, numbers_of
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
        network_arrays(program, dtype, loss_code(model.loss), VALUES if mode == Mode.VALUES else GRADIENTS),
        np.arange(1, len(places)),
        places,
    )


def sharing(full: Lowered, model: Model) -> Lowered:
    """Let the adjoints of a program that keeps every output share places."""
    program = checked(model, Mode.SHARED)
    return full._replace(program=program, network=full.network._replace(rows=program.rows))


def network_arrays(program: Program, dtype: np.dtype, loss: int, work: Work) -> Network:
    """Return a program's arrays in the kernels' dtype, with the rules for a kind of work compiled."""
    network = Network(
        program.rows,
        program.links,
        program.attributes.astype(dtype),
        program.geometry,
        program.epsilons.astype(dtype),
        empty_table(),
    )
    require(program, network, loss, work)
    return network


def require(program: Program, network: Network, loss: int, work: Work) -> None:
    """Compile the rules that a program needs for a further kind of work; those that are there stay."""
    with session():
        fill(network.rules, numbers_of(program, loss, work), network.attributes.dtype)


def loss_code(name: str) -> int:
    """Return a loss's number in the kernels."""
    return CROSS_ENTROPY if name == "cross_entropy" else list(LOSSES).index(name)
