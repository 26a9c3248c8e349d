"""A network for a GPU's kernels: its programs and tiles, and what a launch needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from landscape.kernels.cuda.arrays import Batch, Criterion, Network
from landscape.kernels.cuda.scratch import general_ops, has_single, needs_wide, unusual_activations
from landscape.kernels.cuda.template import kernels
from landscape.kernels.lowering import lower
from landscape.model import Model
from landscape.objective.gpu import DeviceMemoryError, Gpu, network_on_gpu, shape_for, shared_bytes
from landscape.objective.lowered import Lowered
from landscape.objective.sample import Sample
from landscape.objective.tiled import TiledNetwork
from landscape.program.table import Program


class CudaNetwork:
    """A network in tiles of a block's width, and what of it lies on the GPU.

    Tiles are summed in slots of a fixed number of tiles, and slots in their order, so that the bits depend neither on the number of blocks nor on
    how much fits into the memory.
    """

    def __init__(self, gpu: Gpu, model: Model, sample: Sample, program: Program, dtype: np.dtype) -> None:
        rows, wide = program.rows, needs_wide(program.rows)
        # Of what rides on a row here, some has a row of its own for derivatives.
        ops = general_ops(rows, lower(model, derivatives=True).rows)
        self.gpu = gpu
        self.shape = shape_for(program.features, sample.examples, dtype, wide, has_single(rows), bool(ops))
        self.kernels = kernels(self.shape, dtype, wide, unusual_activations(rows), ops)
        self.tiled = TiledNetwork(model, sample, program, dtype, self.shape.width)
        self.criterion = Criterion(self.tiled.criterion.code, self.tiled.criterion.delta)
        self.on_gpu: dict[Any, Any] = {}

    def program_on_gpu(self, lowered: Lowered) -> tuple[Network, Any, Any]:
        """Give a program's arrays, the order of its rows and their places, on the GPU."""
        key = "full" if lowered is not self.tiled.plain else "plain"
        if key not in self.on_gpu:
            network, put = network_on_gpu(self.gpu, lowered.network), self.gpu.put
            self.on_gpu[key] = network, put(lowered.order), put(lowered.places)
        return self.on_gpu[key]

    def batch(self, number: int) -> Batch:
        """Give a block of tiles on the GPU, where it stays as long as there is memory."""
        if number not in self.on_gpu:
            batch = self.tiled.tiles.block(number)
            host = (batch.x.reshape(len(batch.x), -1), *batch[1:])
            try:
                self.on_gpu[number] = Batch(*map(self.gpu.put, host))
            except DeviceMemoryError:
                kept = [key for key in self.on_gpu if isinstance(key, int)]
                if not kept:
                    raise
                for key in kept:
                    del self.on_gpu[key]
                return self.batch(number)
        return self.on_gpu[number]

    def slots(self, number: int) -> int:
        """Count the slots of a block of tiles."""
        found = self.tiled.tiles
        tiles = min(found.block_tiles, found.count - number * found.block_tiles)
        return math.ceil(tiles / self.shape.slot)

    def work_memory(self, features: int, items: int, more: int = 0) -> tuple[int, int, Any]:
        """Give the number of blocks for the items, the bytes of their workspace in shared memory (0: it does not fit), and one in the GPU's memory.

        `more` counts what else a block has to itself, in numbers.
        """
        dtype = self.tiled.dtype
        dynamic = shared_bytes(features, self.shape, dtype)
        length = 0 if dynamic else features * self.shape.width
        blocks = self.gpu.blocks_for(items, (length + more) * dtype.itemsize)
        return blocks, dynamic, self.gpu.empty((blocks if length else 0, length), dtype)

    def run(self, kernel: Any, blocks: int, workspace: int, *arguments: Any) -> None:
        """Launch one of the kernels on so many blocks, each with so many bytes of shared memory for its workspace."""
        self.gpu.run(kernel, self.shape, self.tiled.dtype, blocks, workspace, *arguments)

    def told_need(self, vectors: int) -> str:
        """Say how much memory so many vectors need."""
        batch = self.tiled.tiles.block(0)
        needed = sum(array.nbytes for array in batch) + vectors * 8 * self.tiled.plain.program.parameters
        return f"{needed / 2**20:,.0f} MiB are needed at least"
