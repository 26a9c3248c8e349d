"""Which side of its kink every unit is on: points with equal patterns lie on one smooth piece of the loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.kernels.cpu.arrays import Batch
from landscape.kernels.cpu.passes import forward
from landscape.kernels.cpu.table import VALUES
from landscape.kernels.cpu.views import output_block
from landscape.objective.network import NetworkObjective
from landscape.objective.session import session
from landscape.ops.table import OPERATIONS
from landscape.program.codes import ACTIVATION_CODES, Op
from landscape.program.table import Column, Geometry

Pattern = NDArray[np.bool_]

KINKED = tuple(name for name, op in OPERATIONS.items() if op.traits.bend and op.traits.bend.kinked)
KINKED_LOSSES = ("mae", "huber")


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
        codes = [ACTIVATION_CODES[name] for name in KINKED]
        network = self.network.tiled.full.network
        rows = [row for row in network.rows if row[Column.OP] == Op.ACTIVATION and row[Column.CODE] in codes]
        self.sources = [int(network.links[row[Column.FIRST]]) for row in rows]
        self.pools = [i for i, row in enumerate(network.rows) if row[Column.OP] == Op.MAXPOOL]
        self.of_loss = objective.model.loss in KINKED_LOSSES

    @property
    def there(self) -> bool:
        """Whether the loss has kinks at all."""
        return bool(self.sources or self.pools) or self.of_loss

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
        found = [
            output_block(network, places, row, work, data, width)[:, :valid].ravel() > 0
            for row in self.sources
        ]
        for row in self.pools:
            source = int(network.links[network.rows[row, Column.FIRST]])
            image, largest = (
                output_block(network, places, i, work, data, width)[:, :valid] for i in (source, row)
            )
            found += of_windows(network.geometry[row], image, largest)
        if self.of_loss:
            output = output_block(network, places, len(network.rows) - 1, work, data, width)
            found += self.of_residuals((output - batch.targets[t])[:, :valid].ravel())
        return found

    def of_residuals(self, residuals: NDArray) -> list[Pattern]:
        """Give the side of the loss's kinks on which residuals are."""
        delta = self.objective.model.delta if self.objective.model.loss == "huber" else 0.0
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
