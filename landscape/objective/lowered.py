"""A model translated for the kernels: its program, the program's arrays, and the rules of its ops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu.arrays import Network
from landscape.kernels.cpu.rules import empty_table, fill
from landscape.kernels.cpu.table import Work, numbers_of
from landscape.kernels.lowering import lower, sharing_adjoints
from landscape.model import Model
from landscape.objective.compiling import compile_together
from landscape.objective.program_check import Mode, check_program
from landscape.objective.session import session
from landscape.program.table import Column, Program


class Lowered(NamedTuple):
    """A program and its arrays as the kernels take them; `done` names the kinds of work whose rules are compiled."""

    program: Program
    network: Network
    order: NDArray[np.int64]
    places: NDArray[np.int64]
    done: set[Work]

    @property
    def arrays(self) -> tuple[Network, NDArray[np.int64], NDArray[np.int64]]:
        """The arguments of an entry point: the network, the order of its rows, and their places."""
        return self.network, self.order, self.places


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
    """Lower a model for a mode; no rule is compiled yet."""
    return arrays_of(checked(model, mode), dtype)


def arrays_of(program: Program, dtype: np.dtype) -> Lowered:
    """Return a program's arrays in the kernels' dtype; all rows run, and the input is read where the data are."""
    places = program.rows[:, Column.OUTPUT].copy()
    places[0] = -1
    network = Network(
        program.rows,
        program.links,
        program.attributes.astype(dtype),
        program.geometry,
        program.epsilons.astype(dtype),
        empty_table(),
    )
    return Lowered(program, network, np.arange(1, len(places)), places, set())


def sharing(full: Lowered, model: Model) -> Lowered:
    """Return a version of a program that keeps every output, in which adjoints share memory; the table of rules is the same."""
    program = checked(model, Mode.SHARED)
    return full._replace(program=program, network=full.network._replace(rows=program.rows))


def require(lowering: Lowered, loss: int, work: Work, more: Sequence[int] = ()) -> None:
    """Compile the rules that a program needs for a kind of work, and those of `more`, unless they are compiled."""
    if work in lowering.done:
        return
    table, dtype = lowering.network.rules, lowering.network.attributes.dtype
    numbers = [*numbers_of(lowering.program, loss, work), *more]
    compile_together([*work.entries, *(number for number in numbers if table[number] == 0)], dtype)
    with session():
        fill(table, numbers, dtype)
    lowering.done.add(work)
