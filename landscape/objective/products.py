"""Products with a matrix at one θ, tile by tile: what does not depend on the vectors is made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.kernels.cpu.table import PRODUCTS
from landscape.objective.session import session, share_work

if TYPE_CHECKING:
    from landscape.objective.network import NetworkObjective

Array = NDArray[np.float64]
Products = Callable[[ArrayLike], Array]

# Vectors that share a tile's forward and reverse pass where those are not kept.
CHUNK = 16


class TileProducts:
    """A kernel's products at θ for the loss without penalty: rows of vectors [K, P] to float64 [K, P].

    A search asks for a hundred of them one after another, and of a small network's each takes a tenth of a millisecond, as long as it
    takes Python to gather what a kernel needs.

    Parameters
    ----------
    objective
        A network's, on the CPU.
    kernel, options
        One of the kernels of products, and what it takes beyond the common.
    theta
        The point, [P].
    """

    def __init__(
        self, objective: NetworkObjective, kernel: Any, theta: ArrayLike, options: tuple[Any, ...]
    ) -> None:
        self.objective, self.kernel = objective, kernel
        self.weights = objective.complete(theta)[0]
        objective.prepare(objective.full, PRODUCTS)
        self.before = objective.full.arrays
        self.middle = (objective.criterion, *options, self.weights)
        self.buffers = objective.derivative_buffers()
        # A search multiplies one vector at a time.
        self.single = list(objective.passes(1, self.weights.size)) if objective.tiles.keeps_all else None

    def __call__(self, vectors: ArrayLike) -> Array:
        """Multiply each row."""
        objective, complete = self.objective, self.objective.complete(vectors, 0.0)
        count, width = complete.shape
        products = np.zeros((count, width))
        single = self.single if count == 1 else None
        with session():
            for number, batch, slots, run in single or objective.passes(count, width):
                out = np.zeros((run.stop - run.start, slots, width))
                share_work(
                    self.kernel, objective.threads, *self.before, batch, *self.middle, complete[run], CHUNK, slots, self.buffers,
                    objective.primals.block(number, batch, self.weights), out,
                )  # fmt: skip
                products[run] += np.add.reduce(out, axis=1)
        return objective.finished(products)
