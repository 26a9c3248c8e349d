"""A network's loss with batch normalization's running statistics taken anew at every θ, as PyTorch's `update_bn` does.

Running statistics belong to the θ that they were averaged at. Away from it they normalize by numbers that no batch has, and the loss is that of
another network than training would see there.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cpu.passes import forward
from landscape.kernels.cpu.views import output_block
from landscape.kernels.program import Column, Op
from landscape.model import Model, Node
from landscape.objective.evaluation import Evaluation
from landscape.objective.network import NetworkObjective
from landscape.objective.session import session, share_work

Array = NDArray[np.float64]


class RunningStatistics:
    """The statistics that an average over consecutive training batches gives at a θ.

    A batch's variance is divided by one less than its count, as PyTorch's running variance is, and every batch weighs the same.

    Raises
    ------
    InputError
        A model without running statistics, or with batches of different sizes.
    """

    def __init__(self, model: Model, **options: Any) -> None:
        # Rows are in the order of the nodes; those after the output have none.
        self.nodes = [node for node in model.nodes if node.op == "batchnorm"]
        if not needs_statistics(model):
            raise InputError(
                "recomputed statistics need batch normalization in mode 'running', which the model does not have throughout"
            )
        self.objective = NetworkObjective(in_batches(model), "train", **options)
        rows = self.objective.plain.network.rows
        self.rows = [i for i, row in enumerate(rows) if row[Column.OP] == Op.BATCH_STATISTICS]
        self.places = {slot.name: slot for slot in model.constant_layout}

    def at(self, theta: ArrayLike) -> Array:
        """Give the model's constants, frozen parameters and buffers, with the statistics at θ."""
        complete = self.objective.complete(theta)[0]
        tiles = self.objective.tiles.count
        found: list[list[tuple[Array, Array]]] = [[] for _ in range(tiles)]
        for first in range(0, tiles, self.objective.tiles.block_tiles):
            # A block is read by one thread, and its tiles are shared.
            self.objective.tiles.block(first // self.objective.tiles.block_tiles)
            last = min(tiles, first + self.objective.tiles.block_tiles)
            with session():
                share_work(self.collect, self.objective.threads, complete, first, last, found)
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
        objective = self.objective
        network, order, places = objective.plain[1:]
        memory = objective.buffers()
        work, scratch = memory.work[worker], memory.scratch[worker]
        for number in range(first + worker, last, workers):
            batch, t = objective.tiles.tile(number)
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
    return node.op == "batchnorm" and node.attributes["mode"] == "running"


def in_batches(model: Model) -> Model:
    """Make a model normalize by the statistics of each batch."""
    return normalizing(model, {"mode": "batch"})


def as_one_batch(model: Model) -> Model:
    """Make a model normalize by the statistics of all training examples, as a step on all of them does; without normalization it is as it was."""
    return normalizing(model, {"mode": "batch", "batch_size": model.examples("train")})


def normalizing(model: Model, attributes: dict[str, Any]) -> Model:
    """Give a model's batch normalizations other attributes."""
    nodes = tuple(
        replace(node, attributes=node.attributes | attributes) if node.op == "batchnorm" else node
        for node in model.nodes
    )
    return replace(model, nodes=nodes)


def needs_statistics(model: Model) -> bool:
    """Say whether running statistics, which belong to one θ, normalize throughout a model."""
    norms = [node for node in model.nodes if node.op == "batchnorm"]
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


class RecomputedObjective:
    """A network's loss over a split, with the running statistics of the training data at each θ.

    The parameters are those of `NetworkObjective`; batches are the `batch_size` of the model's nodes. It has values, no derivatives.

    Raises
    ------
    InputError
        A model without running statistics; what `NetworkObjective` refuses.
    """

    gradient: Any = None
    hvp: Any = None

    def __init__(self, model: Model, split: str = "train", **options: Any) -> None:
        self.objective = NetworkObjective(model, split, **options)
        self.statistics = RunningStatistics(model, **options)
        self.dtype, self.size = self.objective.dtype, self.objective.size

    def sums(self, theta: ArrayLike) -> Array:
        """Sum over examples at θ, [6]."""
        complete = self.objective.complete(theta, self.statistics.at(theta))
        with session():
            return self.objective.sums(complete)[0]

    def values(self, thetas: ArrayLike) -> Array:
        """Evaluate loss plus penalty at each row of thetas [K, P], giving [K]."""
        rows = np.atleast_2d(np.asarray(thetas))
        sums = np.array([self.sums(theta) for theta in rows])
        return self.objective.losses(sums) + self.objective.penalties(rows)

    def value(self, theta: ArrayLike) -> float:
        """Evaluate loss plus penalty at θ."""
        return float(self.values(np.asarray(theta)[None])[0])

    def evaluate(self, theta: ArrayLike) -> Evaluation:
        """Give loss (without penalty), accuracy, their standard errors, and the penalty at θ."""
        return self.objective.evaluation(self.sums(theta), theta)

    def sweep(self, center: ArrayLike, directions: ArrayLike, axes: tuple[Array, ...]) -> RecomputedSweep:
        """Prepare the grid center + Σ αᵢ directions[i]."""
        return RecomputedSweep(self, np.asarray(center), np.atleast_2d(np.asarray(directions)), axes)


class RecomputedSweep:
    """A grid of points, one a step; `state` holds the six sums of each point, then the number of steps done."""

    def __init__(
        self, objective: RecomputedObjective, center: Array, directions: Array, axes: tuple[Array, ...]
    ) -> None:
        if len(directions) != len(axes):
            raise InputError(f"expected an axis for each of {len(directions)} directions, found {len(axes)}")
        self.objective, self.center, self.directions, self.axes = objective, center, directions, axes
        self.steps = math.prod(len(axis) for axis in axes)
        self.state = np.zeros(self.steps * SUMS + 1)
        self.names = tuple(objective.objective.columns(np.zeros((1, SUMS))))

    def run(self, step: int) -> None:
        """Evaluate one point."""
        place = np.unravel_index(step, [len(axis) for axis in self.axes])
        coordinates = np.array([axis[i] for axis, i in zip(self.axes, place, strict=True)])
        sums = self.objective.sums(self.center + coordinates @ self.directions)
        self.state[step * SUMS : (step + 1) * SUMS] = sums
        self.state[-1] = step + 1

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done, bool [K]."""
        return np.asarray(np.arange(self.steps) < self.state[-1])

    def finish(self) -> dict[str, Array]:
        """Give each column [K]; points that are not done are NaN."""
        columns = self.objective.objective.columns(self.state[:-1].reshape(self.steps, SUMS))
        return {name: np.where(self.point_done(), column, np.nan) for name, column in columns.items()}
