"""A network for the CPU's kernels: its programs, the data in tiles, and the memory of each thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.arrays import Batch, Buffers, DerivativeBuffers
from landscape.kernels.cpu.table import Work
from landscape.memory import fits_memory, size_words
from landscape.objective import aligned
from landscape.objective.lowered import Lowered, require
from landscape.objective.tiled import RESULT_BYTES, TiledNetwork
from landscape.program.table import Program

# Tiles are summed in at most so many parts, which threads share; the number must not depend on the threads.
SLOTS = 8


class CpuNetwork:
    """A network with its data in tiles, the number of threads, and the memory that each thread writes to.

    Memory is allocated when it is first asked for, and kept.
    """

    def __init__(self, tiled: TiledNetwork, threads: int) -> None:
        self.tiled, self.threads = tiled, threads
        self._values: Buffers | None = None
        self._derivatives: DerivativeBuffers | None = None

    def prepare(self, lowering: Lowered, work: Work) -> None:
        """Compile the rules that a kind of work needs just before its first use, so that nothing is compiled for work that is refused."""
        require(lowering, self.tiled.criterion.code, work)

    def buffers(self) -> Buffers:
        """Return each worker's memory for values."""
        if self._values is None:
            self._values = Buffers(**self.common(self.tiled.plain.program))
        return self._values

    def common(self, program: Program) -> dict[str, NDArray]:
        """Allocate what every kernel needs to run a program.

        Raises
        ------
        InputError
            The workspace would not fit into memory.
        """
        dtype, workers, width = self.tiled.dtype, self.threads, self.tiled.tiles.width
        needed = workers * width * program.features * dtype.itemsize
        if not fits_memory(needed):
            raise InputError(
                f"the network's outputs take {program.features:,} numbers an example, {size_words(needed)} for "
                f"{workers} threads and {width} examples each, more than is free: try fewer threads or float32"
            )
        return {
            "work": aligned.zeros((workers, program.features * width), dtype),
            "scratch": aligned.zeros((workers, program.scratch, width), dtype),
            "sums": np.zeros((workers, 2, width)),
        }

    def derivative_buffers(self) -> DerivativeBuffers:
        """Return each worker's memory for derivatives."""
        if self._derivatives is None:
            program, dtype = self.tiled.full.program, self.tiled.dtype
            common = self.common(program)
            shape = common["work"].shape
            self._derivatives = DerivativeBuffers(
                **common,
                adjoint=aligned.zeros(shape, dtype),
                tangent=aligned.zeros(shape, dtype),
                into=aligned.zeros(shape, dtype),
                gradient=aligned.zeros((self.threads, program.parameters), dtype),
            )
        return self._derivatives

    def passes(self, vectors: int, numbers: int) -> Iterator[tuple[int, Batch, int, slice]]:
        """Go over blocks of tiles, and in each over runs of vectors whose results, with the given number of values per slot, fit into memory.

        Gives the block's number, the block, the number of slots that its tiles are summed in, and the run.
        """
        tiles = self.tiled.tiles
        for number in range(tiles.blocks):
            batch = tiles.block(number)
            slots = min(len(batch.valid), SLOTS)
            length = max(1, RESULT_BYTES // max(1, slots * numbers * 8))
            for start in range(0, vectors, length):
                yield number, batch, slots, slice(start, min(vectors, start + length))
