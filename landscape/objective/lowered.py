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
from landscape.objective.session import session


class Lowered(NamedTuple):
    """A program and its arrays as the kernels take them."""

    program: Program
    network: Network
    order: NDArray[np.int64]
    places: NDArray[np.int64]


def lowered(model: Model, dtype: np.dtype, *, derivatives: bool) -> Lowered:
    """Lower a model; all rows run, and the input is read where the data are."""
    program = lower(model, derivatives=derivatives)
    places = program.rows[:, Column.OUTPUT].copy()
    places[0] = -1
    return Lowered(
        program,
        network_arrays(program, dtype, loss_code(model.loss), GRADIENTS if derivatives else VALUES),
        np.arange(1, len(places)),
        places,
    )


def sharing(full: Lowered) -> Lowered:
    """Let the adjoints of a program that keeps every output share places."""
    program, _ = sharing_adjoints(full.program)
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
