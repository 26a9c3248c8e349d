"""The engine of the CPU: sums over tiles of examples, which threads share, by compiled kernels."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu import derivatives, fisher
from landscape.kernels.cpu import outputs as output_kernels
from landscape.kernels.cpu import values as value_kernels
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cpu.table import GRADIENTS, VALUES
from landscape.model.losses import classes_first
from landscape.objective.cpu_network import SLOTS, CpuNetwork
from landscape.objective.cpu_sweep import CpuSweep
from landscape.objective.devices import CPU
from landscape.objective.engine import Grid, Matrix, Setting
from landscape.objective.lowered import checked
from landscape.objective.primal import Primals
from landscape.objective.products import TileProducts
from landscape.objective.program_check import Mode
from landscape.objective.session import session, share_work
from landscape.objective.tiled import TiledNetwork
from landscape.objective.tiles import examples_of
from landscape.ops.operation import Shape

Array = NDArray[np.float64]

# What the kernel of stand-ins calls the matrix of each kind.
STAND_INS = {"curvature": fisher.CURVATURE, "outer": fisher.OUTER, "constant": fisher.CONSTANT}


def cpu_engine(setting: Setting) -> CpuEngine:
    """Return the engine of the CPU for a setting.

    Raises
    ------
    InputError
        An op that the engine does not run, batches of different sizes.
    """
    program = checked(setting.model, Mode.VALUES)
    tiled = TiledNetwork(setting.model, setting.sample, program, setting.dtype)
    return CpuEngine(CpuNetwork(tiled, setting.threads))


class CpuEngine:
    """The engine of the CPU; the bits of what it sums do not depend on the number of threads."""

    device = CPU
    on_cpu: CpuNetwork

    def __init__(self, network: CpuNetwork) -> None:
        self.on_cpu = network

    @cached_property
    def primals(self) -> Primals:
        """The outputs and adjoints that products at one θ share."""
        return Primals(self.on_cpu)

    def sums(self, vectors: NDArray) -> Array:
        """Sum over examples at each complete vector, [K, 6], tiles in their order."""
        network, tiled = self.on_cpu, self.on_cpu.tiled
        network.prepare(tiled.plain, VALUES)
        result = np.zeros((len(vectors), SUMS))
        most = max(1, math.ceil(tiled.tiles.block_tiles / SLOTS))
        with session():
            for _, batch, _, run in network.passes(len(vectors), most * SUMS):
                out = np.zeros((run.stop - run.start, len(batch.valid), SUMS))
                share_work(
                    value_kernels.values, network.threads, *tiled.plain.arrays, batch, tiled.criterion, vectors[run],
                    network.buffers(), out,
                )  # fmt: skip
                for tile in range(out.shape[1]):
                    result[run] += out[:, tile]
        return result

    def gradients(self, vectors: NDArray) -> tuple[Array, Array]:
        """Return the sums [K, 6] and the summed gradients [K, P + C] at each complete vector, from one pass."""
        network, tiled = self.on_cpu, self.on_cpu.tiled
        count, width = vectors.shape
        network.prepare(tiled.reverse, GRADIENTS)
        gradients, sums = np.zeros((count, width)), np.zeros((count, SUMS))
        with session():
            for _, batch, slots, run in network.passes(count, width):
                points = run.stop - run.start
                out, parts = np.zeros((points, slots, width)), np.zeros((points, slots, SUMS))
                share_work(
                    derivatives.gradients, network.threads, *tiled.reverse.arrays, batch, tiled.criterion, vectors[run], slots,
                    network.derivative_buffers(), out, parts,
                )  # fmt: skip
                gradients[run] += out.sum(axis=1)
                sums[run] += parts.sum(axis=1)
        return sums, gradients

    def products(self, matrix: Matrix, vector: NDArray) -> TileProducts:
        """Return the products of a matrix at a complete vector."""
        if matrix.kind == "hessian":
            return TileProducts(self.on_cpu, self.primals, derivatives.products, vector, ())
        options = STAND_INS[matrix.kind], self.on_cpu.tiled.dtype.type(matrix.factor)
        return TileProducts(self.on_cpu, self.primals, fisher.fisher_products, vector, options)

    def sweep(self, grid: Grid) -> CpuSweep:
        """Prepare the sums at the points of a grid."""
        return CpuSweep(self.on_cpu, grid)

    def outputs(self, vector: NDArray) -> NDArray:
        """Return the network's outputs for every example, [N, …] in the kernels' dtype."""
        network, tiled = self.on_cpu, self.on_cpu.tiled
        shape = tiled.model.nodes[-1].shape
        network.prepare(tiled.plain, VALUES)
        parts = []
        with session():
            for number in range(tiled.tiles.blocks):
                batch = tiled.tiles.block(number)
                tiles, _, width = batch.x.shape
                out = np.zeros((tiles, math.prod(shape), width), tiled.dtype)
                share_work(
                    output_kernels.outputs, network.threads, *tiled.plain.arrays, batch, vector, network.buffers(), out
                )  # fmt: skip
                parts.append(in_order(tiled.model.loss, shape, examples_of(out, batch.valid)))
        return np.concatenate(parts)


def in_order(loss: str, shape: Shape, rows: NDArray) -> NDArray:
    """Give outputs [N, F] of the kernels in the format's order, [N, …]: classes that the format has first are last in the kernels."""
    if classes_first(loss, shape):
        return np.ascontiguousarray(np.moveaxis(rows.reshape(-1, *shape[1:], shape[0]), -1, 1))
    return rows.reshape(-1, *shape)
