"""A network's loss with running statistics recomputed at every θ, as PyTorch's `update_bn` does.

Running statistics belong to the θ that they were averaged at. Away from it they normalize by numbers that no batch has, and the loss is that of
another network than training would see there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.passes import forward
from landscape.kernels.cpu.table import VALUES
from landscape.kernels.cpu.views import output_block
from landscape.model import Model, Node
from landscape.objective.network import NetworkObjective
from landscape.objective.points import PointwiseObjective
from landscape.objective.session import session, share_work
from landscape.program.codes import Op
from landscape.program.table import Column

Array = NDArray[np.float64]


class RunningStatistics:
    """Running statistics computed at a given θ, as an average over consecutive training batches.

    A batch's variance is divided by one less than its count, as PyTorch's running variance is, and every batch weighs the same.

    Raises
    ------
    InputError
        A model without running statistics, or with batches of different sizes.
    """

    def __init__(self, model: Model, **options: Any) -> None:
        # Rows are in the order of the nodes; those after the output have none.
        self.nodes = [node for node in model.nodes if node.traits.batch_statistics]
        if not needs_statistics(model):
            raise InputError(
                "recomputed statistics need batch normalization in mode 'running', which the model does not have throughout"
            )
        self.objective = NetworkObjective(in_batches(model), "train", **options)
        rows = self.objective.on_cpu.tiled.program.rows
        self.rows = [i for i, row in enumerate(rows) if row[Column.OP] == Op.BATCH_STATISTICS]
        self.places = {slot.name: slot for slot in model.constant_layout}

    def at(self, theta: ArrayLike) -> Array:
        """Give the model's constants, frozen parameters and buffers, with the statistics at θ."""
        complete = self.objective.complete(theta)[0]
        network, tiles = self.objective.on_cpu, self.objective.on_cpu.tiled.tiles
        network.prepare(network.tiled.plain, VALUES)
        found: list[list[tuple[Array, Array]]] = [[] for _ in range(tiles.count)]
        for first in range(0, tiles.count, tiles.block_tiles):
            # A block is read by one thread, and its tiles are shared.
            tiles.block(first // tiles.block_tiles)
            last = min(tiles.count, first + tiles.block_tiles)
            with session():
                share_work(self.collect, network.threads, complete, first, last, found)
        return self.averaged(found)

    def averaged(self, found: list[list[tuple[Array, Array]]]) -> Array:
        """Average over batches, and over the nodes that share statistics."""
        constants = self.objective.model.constants.copy()
        of_owner: dict[str, list[tuple[Array, Array]]] = {}
        for number, node in enumerate(self.nodes[: len(self.rows)]):
            of_owner.setdefault(node.owner, []).extend(batch[number] for batch in found)
        for owner, statistics in of_owner.items():
            for name, values in zip(
                ("running_mean", "running_var"), zip(*statistics, strict=True), strict=True
            ):
                slot = self.places[f"{owner}.{name}"]
                constants[slot.start : slot.stop] = np.mean(values, axis=0)
        return constants

    def collect(
        self,
        worker: int,
        workers: int,
        complete: NDArray,
        first: int,
        last: int,
        found: list[list[tuple[Array, Array]]],
    ) -> None:
        """Put means and variances of each row's input in a batch into `found`: this worker's share of the batches."""
        tiled, memory = self.objective.on_cpu.tiled, self.objective.on_cpu.buffers()
        network, order, places = tiled.plain.arrays
        work, scratch = memory.work[worker], memory.scratch[worker]
        for number in range(first + worker, last, workers):
            batch, t = tiled.tiles.tile(number)
            data, width, valid, start = batch.x[t].reshape(-1), batch.x.shape[2], int(batch.valid[t]), 0
            for row in self.rows:
                # The rows before it leave its input where it lies now; later ones may overwrite it.
                forward(network, order[start : row - 1], places, complete, work, data, scratch, width)
                start = row - 1
                source = int(network.links[network.rows[row, Column.FIRST]])
                block = output_block(network, places, source, work, data, width)
                found[number].append(moments(block[:, :valid], int(network.rows[row, Column.OUT])))


def is_running(node: Node) -> bool:
    """Say whether a node normalizes by running statistics."""
    return node.traits.batch_statistics and node.attributes["mode"] == "running"


def in_batches(model: Model) -> Model:
    """Make a model normalize by the statistics of each batch."""
    return normalizing(model, {"mode": "batch"})


def as_one_batch(model: Model) -> Model:
    """Make a model normalize by the statistics of all training examples, as a step on all of them does; without normalization it is as it was."""
    return normalizing(model, {"mode": "batch", "batch_size": model.examples("train")})


def normalizing(model: Model, attributes: dict[str, Any]) -> Model:
    """Return a model with other attributes of its batch normalizations."""
    nodes = tuple(
        replace(node, attributes=node.attributes | attributes) if node.traits.batch_statistics else node
        for node in model.nodes
    )
    return replace(model, nodes=nodes)


def needs_statistics(model: Model) -> bool:
    """Say whether a model is normalized by running statistics, which belong to one θ."""
    norms = [node for node in model.nodes if node.traits.batch_statistics]
    return bool(norms) and all(map(is_running, norms))


def moments(block: NDArray, channels: int) -> tuple[Array, Array]:
    """Give mean and unbiased variance of each channel of a block, channels last, in float64.

    >>> [part.tolist() for part in moments(np.array([[1.0, 3.0], [5.0, 5.0]]), 2)]
    [[2.0, 5.0], [2.0, 0.0]]
    """
    rows = block.reshape(-1, channels, block.shape[1]).astype(np.float64)
    count = rows.shape[0] * rows.shape[2]
    mean = rows.mean(axis=(0, 2))
    squares = ((rows - mean[:, None]) ** 2).sum(axis=(0, 2))
    return mean, squares / max(1, count - 1)


class RecomputedObjective(PointwiseObjective):
    """A network's loss over a split, with running statistics recomputed from the training data at each θ.

    The parameters are those of `NetworkObjective`; batches are the `batch_size` of the model's nodes. It has values, no derivatives.

    Raises
    ------
    InputError
        A model without running statistics; what `NetworkObjective` refuses.
    """

    without_derivatives = (
        "a loss with recomputed statistics has values, no gradients and no Hessian-vector products: "
        "leave --recompute-statistics (recompute_statistics=True) out"
    )

    def __init__(self, model: Model, split: str = "train", **options: Any) -> None:
        super().__init__(model, split, **options)
        # What is measured beside the loss is no matter of the statistics.
        self.statistics = RunningStatistics(model, **{**options, "metrics": ()})

    def constants_at(self, theta: ArrayLike) -> Array:
        """Return the model's constants with the running statistics at θ."""
        return self.statistics.at(theta)

    def values(self, thetas: ArrayLike, constants: ArrayLike | None = None) -> Array:
        """Evaluate loss plus penalty at each row of thetas [K, P]."""
        return super().values(thetas) if constants is None else self.objective.values(thetas, constants)
