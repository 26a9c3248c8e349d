"""A model's loss as a function of θ, computed by the kernels of a GPU; what has none there stays on the CPU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.kernels.cpu.derivatives import products as cpu_products
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cuda.arrays import Batch, Buffers, Criterion, DerivativeBuffers, Network
from landscape.kernels.cuda.scratch import needs_wide, scratch_features
from landscape.kernels.cuda.template import kernels
from landscape.objective.cuda_sweep import CudaSweep
from landscape.objective.devices import read_device
from landscape.objective.gpu import DeviceMemoryError, Gpu, in_runs, network_on_gpu, shape_for, shared_bytes
from landscape.objective.lowered import Lowered
from landscape.objective.network import RESULT_BYTES, NetworkObjective
from landscape.objective.products import CHUNK, Products
from landscape.objective.tiles import Tiles

Array = NDArray[np.float64]


class CudaObjective(NetworkObjective):
    """`NetworkObjective` on a GPU, which `NetworkObjective(…, device="cuda")` makes.

    Tiles are summed in slots of a fixed number of tiles, and slots in their order, so that the bits depend neither on the number of blocks nor on
    how much fits into the memory.
    """

    def make_tiles(self, examples: int | None, seed: int) -> Tiles:
        """Lay the data out in tiles of a block's width."""
        self.gpu = Gpu(read_device(self.device)[1])
        features, count = self.program.features, self.model.examples(self.split)
        wide = needs_wide(self.program.rows)
        self.shape = shape_for(features, min(count, examples or count), self.dtype, wide)
        self.kernels = kernels(self.shape, self.dtype, wide)
        self.on_gpu: dict[Any, Any] = {}
        return Tiles(self.model, self.split, self.dtype, features, examples, seed, width=self.shape.width)

    @property
    def loss_criterion(self) -> Criterion:
        """The loss as the kernels take it."""
        return Criterion(self.criterion.code, self.criterion.delta)

    def program_on_gpu(self, lowered: Lowered) -> tuple[Network, Any, Any]:
        """Give a program's arrays, the order of its rows and their places, on the GPU."""
        key = "full" if lowered is not self.plain else "plain"
        if key not in self.on_gpu:
            network, put = network_on_gpu(self.gpu, lowered.network), self.gpu.put
            self.on_gpu[key] = network, put(lowered.order), put(lowered.places)
        return self.on_gpu[key]

    def batch(self, number: int) -> Batch:
        """Give a block of tiles on the GPU, where it stays as long as there is memory."""
        if number not in self.on_gpu:
            batch = self.tiles.block(number)
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
        tiles = min(self.tiles.block_tiles, self.tiles.count - number * self.tiles.block_tiles)
        return math.ceil(tiles / self.shape.slot)

    def work_memory(self, features: int, items: int, more: int = 0) -> tuple[int, int, Any]:
        """Give how many blocks do the items, and the bytes of a workspace in shared memory and an empty array, or none and one in the GPU's memory.

        `more` counts what else a block has to itself, in numbers.
        """
        dynamic = shared_bytes(features, self.shape, self.dtype)
        length = 0 if dynamic else features * self.shape.width
        blocks = self.gpu.blocks_for(items, (length + more) * self.dtype.itemsize)
        return blocks, dynamic, self.gpu.empty((blocks if length else 0, length), self.dtype)

    def sums(self, thetas: NDArray) -> Array:
        """Sum over examples at each row of complete vectors, [K, 6], slots in their order."""
        result = np.zeros((len(thetas), SUMS))
        bytes_each = thetas.shape[1] * self.dtype.itemsize
        for number in range(self.tiles.blocks):
            slots = self.slots(number)
            length = max(1, RESULT_BYTES // (bytes_each + slots * SUMS * 8))

            def one_run(run: slice, number: int = number, slots: int = slots) -> None:
                for part in np.moveaxis(self.run_values(thetas[run], number, slots), 1, 0):
                    result[run] += part

            in_runs(len(thetas), length, one_run, self.told_need)
        return result

    def run_values(self, thetas: NDArray, number: int, slots: int) -> Array:
        """Sum a block of tiles at a run of vectors, [K, slots, 6]."""
        gpu, (network, order, places) = self.gpu, self.program_on_gpu(self.plain)
        blocks, dynamic, work = self.work_memory(self.plain.program.features, len(thetas) * slots)
        out = gpu.empty((len(thetas), slots, SUMS), np.float64)
        gpu.run(
            self.kernels.values, self.shape, self.dtype, blocks, dynamic, network, order, places, self.batch(number), self.loss_criterion,
            gpu.put(thetas), Buffers(work), out,
        )  # fmt: skip
        return gpu.take(out)

    def told_need(self, vectors: int) -> str:
        """Say how much memory so many vectors need."""
        batch = self.tiles.block(0)
        needed = sum(array.nbytes for array in batch) + vectors * 8 * self.plain.program.parameters
        return f"{needed / 2**20:,.0f} MiB are needed at least"

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> CudaSweep:
        """Prepare the grid center + Σ αᵢ directions[i], αᵢ from axes[i]; losses there leave the penalty out."""
        return CudaSweep(self, np.asarray(center), np.atleast_2d(np.asarray(directions)), axes)

    def derivative_memory(self, items: int, products: bool) -> tuple[int, DerivativeBuffers]:
        """Give how many blocks do the items, and what they need in the GPU's memory; tangents for products only."""
        program, width, empty = self.full.program, self.shape.width, self.gpu.empty
        noted = (program.features + scratch_features(program.rows, program.geometry)) * width
        each = noted + (3 if products else 1) * program.features * width + program.parameters
        blocks = self.gpu.blocks_for(items, each * self.dtype.itemsize)
        long = (blocks, program.features * width)
        moved = long if products else (0, 0)
        return blocks, DerivativeBuffers(
            empty((blocks, noted), self.dtype), empty(long, self.dtype), empty(moved, self.dtype), empty(moved, self.dtype),
            empty((blocks, program.parameters), self.dtype),
        )  # fmt: skip

    def run_length(self, slots: int, width: int) -> int:
        """Choose how many vectors a launch has, by what their results take."""
        return max(1, RESULT_BYTES // (slots * (width + SUMS) * 8))

    def values_and_gradients(self, thetas: ArrayLike) -> tuple[Array, Array]:
        """Give values [K] and gradients [K, P] from one pass."""
        complete = self.complete(thetas)
        gradients, sums = np.zeros(complete.shape), np.zeros((len(complete), SUMS))
        for number in range(self.tiles.blocks):

            def one_run(run: slice, number: int = number) -> None:
                out, parts = self.run_gradients(complete[run], number)
                for slot in range(out.shape[1]):
                    gradients[run] += out[:, slot]
                    sums[run] += parts[:, slot]

            in_runs(
                len(complete), self.run_length(self.slots(number), complete.shape[1]), one_run, self.told_need
            )
        values = self.losses(sums) + self.penalties(thetas)
        return values, self.finished(gradients) + self.decayed(thetas)

    def run_gradients(self, thetas: NDArray, number: int) -> tuple[Array, Array]:
        """Sum a block of tiles' gradients [K, slots, P] and losses [K, slots, 6] at a run of vectors."""
        gpu, slots = self.gpu, self.slots(number)
        blocks, buffers = self.derivative_memory(len(thetas) * slots, products=False)
        out = gpu.empty((len(thetas), slots, thetas.shape[1]), np.float64)
        sums = gpu.empty((len(thetas), slots, SUMS), np.float64)
        gpu.run(
            self.kernels.gradients, self.shape, self.dtype, blocks, 0, *self.program_on_gpu(self.full), self.batch(number), self.loss_criterion,
            gpu.put(thetas), np.int64(slots), buffers, out, sums,
        )  # fmt: skip
        return gpu.take(out), gpu.take(sums)

    def tile_products(self, kernel: Any, theta: ArrayLike, *options: Any) -> Products:
        """Give the products of the Hessian over all tiles, for the loss without penalty; those of other matrices have the CPU's kernels."""
        if kernel is not cpu_products:
            return super().tile_products(kernel, theta, *options)
        weights = self.complete(theta)[0]
        return lambda vectors: self.products_at(weights, self.complete(vectors, 0.0))

    def products_at(self, weights: NDArray, complete: NDArray) -> Array:
        """Give the Hessian's products at complete weights with complete vectors, [K, P]."""
        products = np.zeros(complete.shape)
        for number in range(self.tiles.blocks):

            def one_run(run: slice, number: int = number) -> None:
                for part in np.moveaxis(self.run_products(weights, complete[run], number), 1, 0):
                    products[run] += part

            in_runs(
                len(complete), self.run_length(self.slots(number), complete.shape[1]), one_run, self.told_need
            )
        return self.finished(products)

    def run_products(self, weights: NDArray, vectors: NDArray, number: int) -> Array:
        """Sum a block of tiles' products with a run of vectors, [K, slots, P]."""
        gpu, slots = self.gpu, self.slots(number)
        # A chunk of vectors shares a primal pass; more of them only where the GPU is full without.
        chunk = max(1, min(CHUNK, len(vectors) * slots // gpu.blocks))
        blocks, buffers = self.derivative_memory(math.ceil(len(vectors) / chunk) * slots, products=True)
        out = gpu.empty((len(vectors), slots, vectors.shape[1]), np.float64)
        gpu.run(
            self.kernels.products, self.shape, self.dtype, blocks, 0, *self.program_on_gpu(self.full), self.batch(number), self.loss_criterion,
            gpu.put(weights), gpu.put(vectors), np.int64(chunk), np.int64(slots), buffers, out,
        )  # fmt: skip
        return gpu.take(out)
