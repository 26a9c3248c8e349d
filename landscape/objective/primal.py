"""What products at one θ share on the CPU: the outputs of every tile, kept as long as memory allows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu import derivatives
from landscape.kernels.cpu.arrays import Batch, Primal
from landscape.memory import fits_memory
from landscape.objective import aligned
from landscape.objective.cpu_network import CpuNetwork
from landscape.objective.session import share_work

KEPT_BYTES = 256 * 2**20


class Primals:
    """The forward and the reverse pass of every tile at the last θ asked for.

    Products at the same θ then cost their tangents only, half of the work. The bits are the same, kept or not.
    """

    def __init__(self, network: CpuNetwork) -> None:
        self.network, tiled = network, network.tiled
        self.dtype = tiled.dtype
        self.weights = np.zeros(0, self.dtype)
        self.current: set[int] = set()
        self.memory: dict[int, Primal] = {}
        self.numbers = tiled.full.program.features * tiled.tiles.width
        needed = 2 * tiled.tiles.count * self.numbers * self.dtype.itemsize
        self.fits = needed <= KEPT_BYTES and fits_memory(needed)

    def block(self, number: int, batch: Batch, weights: NDArray) -> Primal:
        """Give a block of tiles' outputs and adjoints at θ; no tiles where they would not fit."""
        if not self.fits:
            return Primal(*np.zeros((2, 0, self.numbers), self.dtype))
        if weights is not self.weights and not np.array_equal(weights, self.weights):
            self.current = set()
        # Kept without a copy: vectors made complete are nobody else's.
        self.weights = weights
        if number not in self.memory:
            shape = (2, len(batch.valid), self.numbers)
            self.memory[number] = Primal(*aligned.zeros(shape, self.dtype))
        if number not in self.current:
            self.fill(self.memory[number], batch, weights)
            self.current.add(number)
        return self.memory[number]

    def fill(self, kept: Primal, batch: Batch, weights: NDArray) -> None:
        """Run the tiles of a block forward and in reverse."""
        network, tiled = self.network, self.network.tiled
        share_work(
            derivatives.keep_primals, network.threads, *tiled.full.arrays, batch, tiled.criterion, weights,
            network.derivative_buffers(), kept,
        )  # fmt: skip
