"""Gradients at combinations of a few points: the first products with the data are computed once a point, not at every combination."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError, InternalError
from landscape.kernels.cpu import combinations as kernels
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cpu.table import COMBINATIONS
from landscape.memory import fits_memory, size_words
from landscape.objective import aligned
from landscape.objective.cpu_engine import CpuEngine
from landscape.objective.cpu_network import SLOTS, CpuNetwork
from landscape.objective.lowered import Lowered
from landscape.objective.network import NetworkObjective
from landscape.objective.plan_check import LINEAR
from landscape.objective.primal import KEPT_BYTES
from landscape.objective.session import session, share_work
from landscape.program.table import Column

Array = NDArray[np.float64]


def sharing(lowering: Lowered, size: int) -> tuple[kernels.Shares, int] | None:
    """Find what combinations of parameters share, and the height of the products; None where that is nothing.

    A row only the data enter has no parameters, and neither have its inputs. A product of such rows with parameters of θ, the first `size` numbers of a
    complete vector, is linear in them.
    """
    program, rows = lowering.program, lowering.program.rows
    if rows[1:, Column.NUMBERS].any():
        # What is the same for all examples would have to be made anew at every node of every tile.
        return None
    once, affine, offsets, height = [0], list[int](), np.full(len(rows), -1, np.int64), 0
    for i in range(1, len(rows)):
        first, count = rows[i, [Column.FIRST, Column.INPUTS]].tolist()
        if not set(program.links[first : first + count].tolist()) <= set(once):
            continue
        spans = program.ranges[i]
        if not spans:
            once.append(i)
        elif (
            rows[i, Column.OP] in LINEAR and rows[i, Column.ACTIVE] and all(stop <= size for _, stop in spans)
        ):
            affine.append(i)
            offsets[i] = height
            height += int(rows[i, Column.SIZE])
    if not affine:
        return None
    moved = rows.copy()
    moved[affine, Column.ADJOINT] = offsets[affine]
    order = [i for i in range(1, len(rows)) if i not in once]
    lists = [np.array(part, np.int64) for part in (once[1:], affine, order)]
    network = lowering.network._replace(rows=moved)
    return kernels.Shares(lists[0], lists[1], lists[2], offsets, network), height


class Combined:
    """Sums and gradients at combinations of points that move and of others that stay, tile by tile.

    Parameters
    ----------
    network
        The network.
    shares, height
        What the combinations share, and the height of their products.
    fixed
        The points that stay, complete vectors [F, P + C]. Their products with the data are kept where memory allows it: the bits are the same.
    """

    def __init__(self, network: CpuNetwork, shares: kernels.Shares, height: int, fixed: NDArray) -> None:
        self.network, self.shares, self.fixed = network, shares, fixed
        tiles = network.tiled.tiles
        self.numbers = height * tiles.width
        needed = tiles.count * len(fixed) * self.numbers * network.tiled.dtype.itemsize
        self.keeps = needed <= KEPT_BYTES and fits_memory(needed)
        self.kept: dict[int, NDArray] = {}
        self.memory: kernels.CombinationBuffers | None = None

    def products(self, number: int) -> NDArray:
        """Give the products of a block of tiles with the points that stay; no tiles where they are not kept."""
        if not self.keeps:
            return np.zeros((0, 0, 0), self.network.tiled.dtype)
        if number not in self.kept:
            network, batch = self.network, self.network.tiled.tiles.block(number)
            made = aligned.zeros((len(batch.valid), len(self.fixed), self.numbers), network.tiled.dtype)
            share_work(
                kernels.keep_products, network.threads, network.tiled.reverse.network, network.tiled.reverse.places, self.shares, batch,
                self.fixed, network.derivative_buffers(), made,
            )  # fmt: skip
            self.kept[number] = made
        return self.kept[number]

    def buffers(self, given: kernels.Combination) -> kernels.CombinationBuffers:
        """Give each worker's memory.

        Raises
        ------
        InputError
            It would not fit.
        """
        network, (nodes, points), pulls = self.network, given.coefficients.shape, given.pulls.shape[1]
        if self.memory is None or self.memory.gradients.shape[1] != nodes:
            dtype, workers = network.tiled.dtype, network.threads
            size = given.nodes.shape[1]
            needed = workers * ((points + pulls) * self.numbers * dtype.itemsize + nodes * size * 8)
            if not fits_memory(needed):
                raise InputError(
                    f"the curve's {nodes} nodes take {size_words(needed)} for {workers} threads, more than is free: "
                    "try fewer threads, fewer bends or float32"
                )
            self.memory = kernels.CombinationBuffers(
                aligned.zeros((workers, points, self.numbers), dtype),
                aligned.zeros((workers, pulls, self.numbers), dtype),
                np.zeros((workers, nodes, size)),
            )
        return self.memory

    def gradients(
        self, moving: NDArray, nodes: NDArray, coefficients: Array, pulls: Array
    ) -> tuple[Array, Array]:
        """Return the sums [K, 6] at the nodes, and Σₖ pulls[k, m]·(summed gradient at node k), [M, P + C].

        Parameters
        ----------
        moving
            The points that move, complete vectors [M, P + C].
        nodes
            The nodes, complete vectors [K, P + C].
        coefficients
            Of each node those of the points that move, then of those that stay, [K, M + F].
        pulls
            What the gradient at each node is multiplied by for each point that moves, [K, M].

        Raises
        ------
        InternalError
            The coefficients are not those of three points at least.
        """
        network, tiled = self.network, self.network.tiled
        if coefficients.shape != (len(nodes), len(moving) + len(self.fixed)) or coefficients.shape[1] < 3:
            raise InternalError(
                f"expected coefficients of three points at least, found an array {coefficients.shape}"
            )
        network.prepare(tiled.reverse, COMBINATIONS)
        points = np.concatenate([moving, self.fixed])
        numbers = (np.ascontiguousarray(part, tiled.dtype) for part in (coefficients, pulls))
        given = kernels.Combination(points, nodes, *numbers)
        gradients, sums = np.zeros(moving.shape), np.zeros((len(nodes), SUMS))
        lowered = tiled.reverse
        with session():
            for number in range(tiled.tiles.blocks):
                batch = tiled.tiles.block(number)
                slots = min(len(batch.valid), SLOTS)
                out, parts = np.zeros((slots, *moving.shape)), np.zeros((slots, *sums.shape))
                share_work(
                    kernels.combinations, network.threads, lowered.network, lowered.places, batch, tiled.criterion, self.shares, given,
                    self.products(number), slots, network.derivative_buffers(), self.buffers(given), out, parts,
                )  # fmt: skip
                gradients += out.sum(axis=0)
                sums += parts.sum(axis=0)
        return sums, gradients


def combined(objective: NetworkObjective, fixed: Array) -> Combined | None:
    """Prepare gradients at combinations with points [F, P] that stay; None where a combination shares nothing, or another engine computes.

    Examples
    --------
    >>> from landscape.model import bundled_path, load_model
    >>> objective = NetworkObjective(load_model(bundled_path("digits")))
    >>> made = combined(objective, np.zeros((2, objective.size)))
    >>> made.shares.affine.tolist(), made.numbers // objective.on_cpu.tiled.tiles.width
    ([1], 32)
    """
    if not isinstance(objective.engine, CpuEngine):
        return None
    network = objective.engine.on_cpu
    found = sharing(network.tiled.reverse, objective.size)
    return None if found is None else Combined(network, *found, objective.complete(fixed))
