"""The pattern of active units at a point: points with equal patterns lie on one smooth piece of the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.kernels.cpu.arrays import Batch
from landscape.kernels.cpu.passes import forward
from landscape.kernels.cpu.table import VALUES
from landscape.kernels.cpu.views import output_block
from landscape.model import Model
from landscape.objective.network import NetworkObjective
from landscape.objective.session import session
from landscape.objective.targets import loss_constant
from landscape.ops.activation import KINKS
from landscape.ops.table import OPERATIONS
from landscape.program.codes import ACTIVATION_CODES, Op
from landscape.program.table import Column, Geometry

Pattern = NDArray[np.bool_]

KINKED = tuple(name for name, op in OPERATIONS.items() if op.traits.bend and op.traits.bend.kinked)
KINKED_LOSSES = ("mae", "huber", "hinge_embedding", "multi_margin")


class KinkPatterns:
    """The signs of all pre-activations with a kink at 0, the largest of each pooled window, the side of the loss's kinks.

    One forward pass a point, of the engine's own, over all examples the objective uses.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers = [(np.array([[1.0]]), np.zeros(1)), (np.array([[1.0]]), np.zeros(1))]
    >>> x = np.array([[-1.0], [2.0]])
    >>> model = build_model(layers=layers, activation="relu", loss="mse", x_train=x, y_train=x)
    >>> patterns = KinkPatterns(NetworkObjective(model))
    >>> patterns.there, patterns.at(model.theta).tolist()
    (True, [False, True])
    """

    def __init__(self, objective: NetworkObjective) -> None:
        self.objective, self.network = objective, objective.on_cpu
        network = self.network.tiled.full.network
        where: dict[str, Callable[[float], tuple[float, ...]]] = {name: lambda p: (0.0,) for name in KINKED}
        places = {ACTIVATION_CODES[name]: kinks for name, kinks in (where | KINKS).items()}
        # The rows that kinked functions read, and where the kinks are.
        self.sources = [
            (int(network.links[row[Column.FIRST]]), places[int(row[Column.CODE])](float(attribute)))
            for row, attribute in zip(network.rows, network.attributes, strict=True)
            if row[Column.OP] == Op.ACTIVATION and int(row[Column.CODE]) in places
        ]
        self.extremes = [i for i, row in enumerate(network.rows) if row[Column.OP] == Op.LARGEST]
        self.pools = [i for i, row in enumerate(network.rows) if row[Column.OP] == Op.MAXPOOL]
        self.of_loss = objective.model.loss in KINKED_LOSSES

    @property
    def there(self) -> bool:
        """Whether the loss has kinks at all."""
        return bool(self.sources or self.pools or self.extremes) or self.of_loss

    def at(self, theta: ArrayLike) -> Pattern:
        """Give the pattern at θ, flat."""
        weights = self.objective.complete(theta)[0]
        parts: list[Pattern] = []
        with session():
            for number in range(self.network.tiled.tiles.count):
                parts += self.of_tile(weights, *self.network.tiled.tiles.tile(number))
        return np.concatenate(parts) if parts else np.zeros(0, bool)

    def of_tile(self, weights: NDArray, batch: Batch, t: int) -> list[Pattern]:
        """Give the patterns of one tile's examples."""
        full = self.network.tiled.full
        network, order, places = full.arrays
        self.network.prepare(full, VALUES)
        memory = self.network.derivative_buffers()
        work, scratch, width = memory.work[0], memory.scratch[0], batch.x.shape[2]
        data, valid = batch.x[t].reshape(-1), int(batch.valid[t])
        forward(network, order, places, weights, work, data, scratch, width)

        def outputs(row: int) -> NDArray:
            count = int(network.rows[row, Column.NUMBERS])
            block = output_block(network, places, row, work, data, width)
            return block.reshape(-1)[:count, None] if count else block[:, :valid]

        found = [outputs(row).ravel() > kink for row, kinks in self.sources for kink in kinks]
        for row in self.extremes:
            groups, wide, out = (
                int(network.rows[row, column]) for column in (Column.GROUPS, Column.WIDE, Column.OUT)
            )
            read = outputs(int(network.links[network.rows[row, Column.FIRST]])).reshape(groups, wide, out, -1)
            found.append((read == outputs(row).reshape(groups, 1, out, -1)).ravel())
        for row in self.pools:
            source = int(network.links[network.rows[row, Column.FIRST]])
            image, largest = (
                output_block(network, places, i, work, data, width)[:, :valid] for i in (source, row)
            )
            found += of_windows(network.geometry[row], image, largest)
        if self.of_loss:
            output = output_block(network, places, len(network.rows) - 1, work, data, width)
            found += [
                side[:, :valid].ravel()
                for side in sides(self.objective.model, output, batch.labels[t], batch.targets[t])
            ]
        return found


def sides(model: Model, output: NDArray, labels: NDArray, numbers: NDArray) -> list[Pattern]:
    """Give the sides of the loss's kinks on which outputs [F, B] are; targets as the kernels read them."""
    number = loss_constant(model)
    if model.loss == "multi_margin":
        return [number - np.take_along_axis(output, labels.astype(np.int64), 0) + output > 0]
    residuals = output - numbers[: len(output)]
    if model.loss == "hinge_embedding":
        return [output > number]
    delta = number if model.loss == "huber" else 0.0
    return [residuals > delta, residuals < -delta]


def of_windows(shape: NDArray[np.int64], image: NDArray, largest: NDArray) -> list[Pattern]:
    """Say of each pixel that a pooled window sees whether it is the window's largest, tap by tap; blocks are channels last."""
    sizes = {column: int(shape[column]) for column in Geometry}
    height, width, channels = sizes[Geometry.HEIGHT], sizes[Geometry.WIDTH], sizes[Geometry.CHANNELS]
    up, left = sizes[Geometry.PADDING_Y], sizes[Geometry.PADDING_X]
    down, across = sizes[Geometry.STRIDE_Y], sizes[Geometry.STRIDE_X]
    pixels = image.reshape(height, width, channels, -1)
    frame = np.pad(pixels, ((up, up), (left, left), (0, 0), (0, 0)), constant_values=-np.inf)
    tops = largest.reshape(sizes[Geometry.OUT_HEIGHT], sizes[Geometry.OUT_WIDTH], channels, -1)
    return [
        (
            frame[a : a + down * len(tops) : down, b : b + across * tops.shape[1] : across][
                : len(tops), : tops.shape[1]
            ]
            == tops
        ).ravel()
        for a in range(sizes[Geometry.KERNEL_Y])
        for b in range(sizes[Geometry.KERNEL_X])
    ]
