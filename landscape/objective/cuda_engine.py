"""The engine of a GPU, which uses the CPU for whatever has no CUDA kernel."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cuda.arrays import Buffers, DerivativeBuffers
from landscape.kernels.cuda.scratch import scratch_features
from landscape.objective.cpu_engine import CpuEngine
from landscape.objective.cpu_network import CpuNetwork
from landscape.objective.cuda_network import CudaNetwork
from landscape.objective.cuda_sweep import CudaSweep
from landscape.objective.devices import read_device
from landscape.objective.engine import Grid, Matrix, Products, Setting
from landscape.objective.gpu import Gpu, in_runs
from landscape.objective.lowered import checked
from landscape.objective.program_check import Mode
from landscape.objective.session import session
from landscape.objective.tiled import CHUNK, RESULT_BYTES

Array = NDArray[np.float64]


def cuda_engine(setting: Setting) -> CudaEngine:
    """Return the engine of the GPU that a setting names.

    Raises
    ------
    InputError
        An op that the engine does not run, batches of different sizes, a GPU that cannot be used.
    """
    program = checked(setting.model, Mode.VALUES)
    gpu = Gpu(read_device(setting.device)[1])
    network = CudaNetwork(gpu, setting.model, setting.sample, program, setting.dtype)
    return CudaEngine(network, setting.device, setting.threads)


class CudaEngine:
    """The engine of a GPU: its own kernels for losses, gradients, the Hessian's products and grids, the CPU's for the rest, on the same tiles."""

    device: str
    on_cpu: CpuNetwork

    def __init__(self, network: CudaNetwork, device: str, threads: int) -> None:
        self.network, self.device = network, device
        self.cpu = CpuEngine(CpuNetwork(network.tiled, threads))
        self.on_cpu = self.cpu.on_cpu

    def sums(self, vectors: NDArray) -> Array:
        """Sum over examples at each complete vector, [K, 6], slots in their order."""
        network = self.network
        result = np.zeros((len(vectors), SUMS))
        bytes_each = vectors.shape[1] * network.tiled.dtype.itemsize
        with session():
            for number in range(network.tiled.tiles.blocks):
                slots = network.slots(number)
                length = max(1, RESULT_BYTES // (bytes_each + slots * SUMS * 8))

                def one_run(run: slice, number: int = number, slots: int = slots) -> None:
                    for part in np.moveaxis(self.run_values(vectors[run], number, slots), 1, 0):
                        result[run] += part

                in_runs(len(vectors), length, one_run, network.told_need)
        return result

    def run_values(self, vectors: NDArray, number: int, slots: int) -> Array:
        """Sum a block of tiles at a run of vectors, [K, slots, 6]."""
        network, gpu, plain = self.network, self.network.gpu, self.network.tiled.plain
        program = network.program_on_gpu(plain)
        blocks, dynamic, work = network.work_memory(plain.program.features, len(vectors) * slots)
        out = gpu.empty((len(vectors), slots, SUMS), np.float64)
        network.run(
            network.kernels.values, blocks, dynamic, *program, network.batch(number), network.criterion,
            gpu.put(vectors), Buffers(work), out,
        )  # fmt: skip
        return gpu.take(out)

    def gradients(self, vectors: NDArray) -> tuple[Array, Array]:
        """Return the sums [K, 6] and the summed gradients [K, P + C] at each complete vector, from one pass."""
        gradients, sums = np.zeros(vectors.shape), np.zeros((len(vectors), SUMS))

        def one_run(run: slice, number: int) -> None:
            out, parts = self.run_gradients(vectors[run], number)
            for slot in range(out.shape[1]):
                gradients[run] += out[:, slot]
                sums[run] += parts[:, slot]

        self.each_block(vectors, one_run)
        return sums, gradients

    def each_block(self, vectors: NDArray, work: Callable[[slice, int], None]) -> None:
        """Do work on each run of vectors with each block of tiles, for results as large as a vector."""
        network = self.network
        for number in range(network.tiled.tiles.blocks):

            def one_run(run: slice, number: int = number) -> None:
                work(run, number)

            length = run_length(network.slots(number), vectors.shape[1])
            in_runs(len(vectors), length, one_run, network.told_need)

    def run_gradients(self, vectors: NDArray, number: int) -> tuple[Array, Array]:
        """Sum a block of tiles' gradients [K, slots, P + C] and losses [K, slots, 6] at a run of vectors."""
        network, gpu, slots = self.network, self.network.gpu, self.network.slots(number)
        blocks, buffers = self.derivative_memory(len(vectors) * slots, products=False)
        out = gpu.empty((len(vectors), slots, vectors.shape[1]), np.float64)
        sums = gpu.empty((len(vectors), slots, SUMS), np.float64)
        network.run(
            network.kernels.gradients, blocks, 0, *network.program_on_gpu(network.tiled.full), network.batch(number), network.criterion,
            gpu.put(vectors), np.int64(slots), buffers, out, sums,
        )  # fmt: skip
        return gpu.take(out), gpu.take(sums)

    def derivative_memory(self, items: int, products: bool) -> tuple[int, DerivativeBuffers]:
        """Give the number of blocks for the items, and their arrays in the GPU's memory, with tangents for products only."""
        program, dtype = self.network.tiled.full.program, self.network.tiled.dtype
        width, gpu = self.network.shape.width, self.network.gpu
        noted = (program.features + scratch_features(program.rows, program.geometry)) * width
        each = noted + (3 if products else 1) * program.features * width + program.parameters
        blocks = gpu.blocks_for(items, each * dtype.itemsize)
        long = (blocks, program.features * width)
        moved = long if products else (0, 0)
        return blocks, DerivativeBuffers(
            gpu.empty((blocks, noted), dtype), gpu.empty(long, dtype), gpu.empty(moved, dtype), gpu.empty(moved, dtype),
            gpu.empty((blocks, program.parameters), dtype),
        )  # fmt: skip

    def products(self, matrix: Matrix, vector: NDArray) -> Products:
        """Return the products of a matrix at a complete vector; those of another than the Hessian have the CPU's kernels."""
        if matrix.kind != "hessian":
            return self.cpu.products(matrix, vector)
        return lambda vectors: self.hessian_products(vector, vectors)

    def hessian_products(self, vector: NDArray, vectors: NDArray) -> Array:
        """Return the Hessian's products at a complete vector with complete vectors, [K, P + C]."""
        products = np.zeros(vectors.shape)

        def one_run(run: slice, number: int) -> None:
            for part in np.moveaxis(self.run_products(vector, vectors[run], number), 1, 0):
                products[run] += part

        self.each_block(vectors, one_run)
        return products

    def run_products(self, vector: NDArray, vectors: NDArray, number: int) -> Array:
        """Sum a block of tiles' products with a run of vectors, [K, slots, P + C]."""
        network, gpu, slots = self.network, self.network.gpu, self.network.slots(number)
        # A chunk of vectors shares a primal pass; more of them only where the GPU is full without.
        chunk = max(1, min(CHUNK, len(vectors) * slots // gpu.blocks))
        blocks, buffers = self.derivative_memory(math.ceil(len(vectors) / chunk) * slots, products=True)
        out = gpu.empty((len(vectors), slots, vectors.shape[1]), np.float64)
        network.run(
            network.kernels.products, blocks, 0, *network.program_on_gpu(network.tiled.full), network.batch(number), network.criterion,
            gpu.put(vector), gpu.put(vectors), np.int64(chunk), np.int64(slots), buffers, out,
        )  # fmt: skip
        return gpu.take(out)

    def sweep(self, grid: Grid) -> CudaSweep:
        """Prepare the sums at the points of a grid."""
        return CudaSweep(self.network, grid)

    def outputs(self, vector: NDArray) -> NDArray:
        """Return the network's outputs for every example, by the CPU's kernels."""
        return self.cpu.outputs(vector)


def run_length(slots: int, width: int) -> int:
    """Choose how many vectors a launch has, by the memory of their results."""
    return max(1, RESULT_BYTES // (slots * (width + SUMS) * 8))
