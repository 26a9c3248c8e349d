"""A network for training: a program for steps and one for losses over whole splits, with the data by examples."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu.batches import Examples
from landscape.kernels.cpu.losses import Criterion
from landscape.kernels.cpu.training import Log, Progress
from landscape.kernels.runs import Runs
from landscape.model import Model
from landscape.model.finite import pieces
from landscape.objective.lowered import Lowered, lowered
from landscape.objective.program_check import Mode, check_data
from landscape.objective.targets import Targets, loss_code, loss_constant, weights_of
from landscape.objective.tiles import batch_size, reads_ids, scaled

# Settings of runs by their names, as `Runs` has them, each [R].
Columns = dict[str, NDArray[Any]]


class TrainingNetwork:
    """A model's two programs of training, and its splits as the kernels of training read them.

    Raises
    ------
    InputError
        An op that the engine does not run.
    """

    def __init__(self, model: Model, dtype: np.dtype) -> None:
        self.model, self.dtype = model, dtype
        # Batch normalization takes the statistics of the training batch, which is one tile then.
        self.normalizes = any(node.traits.batch_statistics for node in model.nodes)
        self.evaluated = lowered(model, dtype, Mode.DERIVATIVES)
        self.trained = lowered(model, dtype, Mode.TRAINING)
        for lowering in (self.trained, self.evaluated):
            check_data(lowering.program, model, self.inputs)
        self.criterion = Criterion(loss_code(model), dtype.type(loss_constant(model)))
        decay = model.decay_vector().astype(dtype)
        self.decay = decay if decay.any() else decay[:0]
        self._splits: dict[str, Examples] = {}

    @property
    def inputs(self) -> int:
        """Rows of a tile's data: the features, and where statistics are of batches one that says which columns are examples."""
        return math.prod(self.model.input_shape) + self.normalizes

    def batch_of_step(self, size: int) -> int | None:
        """Return how many examples a tile must hold in steps with batches of a size; None for any number."""
        return size if self.normalizes else None

    def batch_of_split(self) -> int | None:
        """Return how many examples a tile must hold where a whole split is evaluated; None for any number."""
        return batch_size(self.model)

    def examples(self, split: str) -> Examples:
        """Give a split's data, an example a row."""
        if split not in self._splits:
            x, y = self.model.data[f"x_{split}"], np.asarray(self.model.data[f"y_{split}"])
            weights = weights_of(self.model, split)
            labels, numbers, counts = Targets(self.model, y, weights).prepared(y, weights)
            self._splits[split] = Examples(
                x=self.rows(x),
                # Writable, whatever the user's are: kernels are compiled for one type of array.
                labels=np.require(labels, np.int32, ["C", "W"]),
                targets=np.require(numbers, self.dtype, ["C", "W"]),
                counts=counts,
            )
        return self._splits[split]

    def rows(self, x: NDArray) -> NDArray:
        """Read inputs in the dtype, an example a row, in pieces: where they lie in a file, there is one copy."""
        found, ids = np.empty((len(x), math.prod(x.shape[1:])), self.dtype), reads_ids(self.model)
        for start, piece in pieces(x):
            found[start : start + len(piece)] = scaled(piece.reshape(len(piece), -1), self.dtype, ids)
        return found


class TrainingEngine(Protocol):
    """An engine that computes the training steps of many runs of one network."""

    @property
    def device(self) -> str:
        """The device that computes, as records name it."""

    @property
    def chunk_seconds(self) -> float:
        """Seconds that a part of the work should take: after it, Ctrl-C is heard."""

    @property
    def own_bytes(self) -> int:
        """The bytes of the host's memory that the engine takes besides the runs and the data, 0 for a small amount."""

    def tile(self, examples: int, batch: int | None) -> int:
        """Choose how many examples a tile holds, of so many; `batch` where statistics of so many normalize."""

    def run(
        self, lowering: Lowered, examples: Examples, runs: Runs, progress: Progress, stops: NDArray, log: Log
    ) -> None:  # fmt: skip
        """Take every run on from where it is to its stop by one of the network's programs, writing `progress` and `log`."""
