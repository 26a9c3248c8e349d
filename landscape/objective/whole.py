"""The whole Hessian at once, for networks whose parameters all belong to dense nodes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InternalError
from landscape.kernels.cpu import hessian
from landscape.kernels.cpu.table import WHOLE
from landscape.objective import aligned
from landscape.objective.cpu_engine import CpuEngine
from landscape.objective.network import NetworkObjective
from landscape.objective.session import session, share_work
from landscape.program.codes import Op
from landscape.program.table import Column

Array = NDArray[np.float64]

# Units between two looks at whether the user wants to stop.
UNITS = 64


class WholeHessian:
    """The Hessian at θ [P, P] in parts: each adds the rows of some units, and the work can stop after any part and be resumed.

    Parameters
    ----------
    objective
        Of a network for which `is_dense` holds.
    theta
        The point, [P].

    Raises
    ------
    InternalError
        `is_dense` does not hold: the passes would write outside of their memory.
    """

    def __init__(self, objective: NetworkObjective, theta: ArrayLike) -> None:
        if not is_dense(objective) or not isinstance(objective.engine, CpuEngine):
            raise InternalError("the whole Hessian was asked for of a network whose Hessian takes products")
        self.objective, self.engine = objective, objective.engine
        self.network, self.theta = objective.on_cpu, np.asarray(theta, np.float64)
        self.network.prepare(self.network.tiled.full, WHOLE)
        rows = self.network.tiled.full.network.rows
        self.trained = [i for i in range(len(rows)) if is_trained(rows[i])]
        pairs = [(i, unit) for i in self.trained for unit in range(rows[i, Column.OUT])]
        self.items = np.array(pairs, np.int64).reshape(-1, 2)

    @cached_property
    def memory(self) -> hessian.Pairs:
        """Allocate each worker's memory."""
        network, tiled = self.network, self.network.tiled
        widest = 1 + int(max(tiled.full.network.rows[i, Column.WIDE] for i in self.trained))
        width, across = tiled.tiles.width, max(hessian.TOGETHER, widest)
        sizes = (widest * width, across * width, widest * across)
        return hessian.Pairs(*(aligned.zeros((network.threads, size), tiled.dtype) for size in sizes))

    @property
    def passes(self) -> int:
        """The number of passes along a pre-activation that the whole Hessian takes."""
        return len(self.items)

    def parts(self, half: Array, first: int = 0) -> Iterator[int]:
        """Add the rows of all units from a number on to `half` [P, P]; gives the number reached after each part."""
        for start in range(first, self.passes, UNITS):
            stop = min(self.passes, start + UNITS)
            self.add(half, self.items[start:stop])
            yield stop

    def add(self, half: Array, items: NDArray[np.int64]) -> None:
        """Add the rows of some units."""
        network, tiled = self.network, self.network.tiled
        weights = self.objective.complete(self.theta)[0]
        with session():
            for number in range(tiled.tiles.blocks):
                batch = tiled.tiles.block(number)
                share_work(
                    hessian.hessian_rows, network.threads, tiled.full.network, tiled.full.places, batch,
                    tiled.criterion, weights, items, network.derivative_buffers(),
                    self.engine.primals.block(number, batch, weights), self.memory, half,
                )  # fmt: skip

    def finish(self, half: Array) -> Array:
        """Give the Hessian of loss plus penalty from what all parts have added."""
        whole = np.asarray(half + half.T)
        with np.errstate(invalid="ignore", over="ignore"):
            whole *= self.objective.factor
        whole[np.diag_indices(len(whole))] += self.objective.decay
        return whole


# What reads its inputs through index maps, which those passes do not follow.
SPREAD = (Op.COMBINE, Op.PRODUCT, Op.GATHER)


def is_trained(row: NDArray[np.int64]) -> bool:
    """Say whether a node is dense with parameters in θ."""
    return bool(row[Column.OP] == Op.DENSE and row[Column.TRAINED])


def is_dense(objective: NetworkObjective) -> bool:
    """Return whether the whole Hessian follows from passes along pre-activations.

    That is so where all parameters are those of dense nodes that share none and see one vector an example, and the passes' outputs fit memory.
    """
    # Another engine has no kernel for it, and makes the matrix of its own products.
    if not isinstance(objective.engine, CpuEngine):
        return False
    if (
        not all(node.traits.along_units for node in objective.model.nodes)
        or not objective.engine.primals.fits
    ):
        return False
    rows = objective.on_cpu.tiled.full.network.rows
    if np.isin(rows[:, Column.OP], SPREAD).any():
        return False
    trained = [row for row in objective.on_cpu.tiled.full.network.rows if is_trained(row)]
    places = {int(row[Column.WEIGHT]) for row in trained}
    return len(places) == len(trained) and all(row[Column.GROUPS] == 1 for row in trained)
