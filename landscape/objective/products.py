"""Products with a matrix at one θ, tile by tile on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu.table import PRODUCTS
from landscape.objective.cpu_network import CpuNetwork
from landscape.objective.primal import Primals
from landscape.objective.session import session, share_work
from landscape.objective.tiled import CHUNK

Array = NDArray[np.float64]


class TileProducts:
    """A kernel's products at a complete vector, summed over the examples: rows of complete vectors [K, P + C] to float64 [K, P + C].

    A search asks for a hundred of them one after another, and of a small network's each takes a tenth of a millisecond, as long as it
    takes Python to gather what a kernel needs.

    Parameters
    ----------
    network
        What is multiplied for.
    primals
        What products at one θ share.
    kernel, options
        One of the kernels of products, and what it takes beyond the common.
    weights
        The point, a complete vector [P + C].
    """

    def __init__(
        self, network: CpuNetwork, primals: Primals, kernel: Any, weights: NDArray, options: tuple[Any, ...]
    ) -> None:
        tiled = network.tiled
        self.network, self.primals, self.kernel, self.weights = network, primals, kernel, weights
        network.prepare(tiled.full, PRODUCTS)
        self.before = tiled.full.arrays
        self.middle = (tiled.criterion, *options, weights)
        self.buffers = network.derivative_buffers()
        # A search multiplies one vector at a time.
        self.single = list(network.passes(1, weights.size)) if tiled.tiles.keeps_all else None

    def __call__(self, vectors: NDArray) -> Array:
        """Multiply each row."""
        network = self.network
        count, width = vectors.shape
        products = np.zeros((count, width))
        single = self.single if count == 1 else None
        with session():
            for number, batch, slots, run in single or network.passes(count, width):
                out = np.zeros((run.stop - run.start, slots, width))
                share_work(
                    self.kernel, network.threads, *self.before, batch, *self.middle, vectors[run], CHUNK, slots, self.buffers,
                    self.primals.block(number, batch, self.weights), out,
                )  # fmt: skip
                products[run] += np.add.reduce(out, axis=1)
        return products
