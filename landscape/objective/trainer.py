"""Many trainings of one network at once: their settings, starts and progress."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.kernels.cpu.batches import Examples
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cpu.training import Log, Progress
from landscape.kernels.runs import IN_ORDER, NUMBERS, WHOLE, Runs, scheduled
from landscape.memory import available_memory, size_words
from landscape.model import Model
from landscape.objective.evaluation import HAS_ACCURACY
from landscape.objective.training_network import Columns, TrainingEngine, TrainingNetwork
from landscape.program.codes import Op
from landscape.program.table import Column, Program

Array = NDArray[np.float64]
# Steps of a first part of the work.
FIRST_CHUNK = 16


def runs_of(columns: Columns, tile: NDArray[np.int64]) -> Runs:
    """Make the kernels' settings of columns [R], named as `WHOLE` and `NUMBERS`, and the examples of tiles."""
    columns = columns | {"tile": tile}
    return Runs(
        np.stack([columns[name].astype(np.int64) for name in WHOLE], axis=1),
        np.stack([columns[name].astype(np.float64) for name in NUMBERS], axis=1),
    )


def rate_at(runs: Runs, run: int, step: int) -> float:
    """Give a run's learning rate at a step."""
    whole = dict(zip(WHOLE, runs.whole[run], strict=True))
    number = dict(zip(NUMBERS, runs.numbers[run], strict=True))
    shape = (number["period"], number["decay"], number["floor"])
    return float(number["rate"] * scheduled(whole["schedule"], step, whole["total"], whole["warmup"], *shape))


class Trainer:
    """R runs of one model on its training data, each with its own settings, start and memory.

    Batch normalization takes the statistics of the training batch, which is one tile then, and each run has running statistics of its
    own that follow them. Losses over whole splits are those of the model as it says.

    Parameters
    ----------
    network
        The model as training takes it: graph, constants and data.
    engine
        What takes the steps.
    columns
        The fields of the kernels' `Runs` but `tile`, arrays [R].
    thetas
        Starts [R, P].

    Raises
    ------
    InputError
        A start that is not finite, a batch of one example without a variance, runs that do not fit into memory.
    """

    def __init__(
        self, network: TrainingNetwork, engine: TrainingEngine, columns: Columns, thetas: Array
    ) -> None:
        self.network, self.engine = network, engine
        self.model, self.dtype = network.model, network.dtype
        require_variance(self.model, network.trained.program, columns)
        tiles = [engine.tile(int(size), network.batch_of_step(int(size))) for size in columns["batch"]]
        self.runs = runs_of(columns, np.array(tiles, np.int64))
        self.slots = max(len(list(OPTIMIZERS.values())[code].slots) for code in columns["optimizer"])
        self._require_memory(len(tiles))
        self.progress = self._start(np.asarray(thetas))

    @property
    def device(self) -> str:
        """What computes, as records say it."""
        return self.engine.device

    def _require_memory(self, runs: int) -> None:
        size, examples = self.model.size + self.model.constants.size, self.model.examples("train")
        features = math.prod(self.model.input_shape)
        # θ and memory, and a copy of both while losses are taken.
        needed = self.dtype.itemsize * (runs * size * (3 + self.slots) + examples * features)
        needed += self.engine.own_bytes
        if needed > available_memory():
            raise InputError(
                f"{runs} runs of {size:,} parameters on {examples:,} examples take {size_words(needed)}, more than "
                "is free: try fewer runs at once, a smaller batch or float32"
            )

    def _start(self, thetas: NDArray) -> Progress:
        runs, size = len(self.runs.whole), self.model.size
        if thetas.shape != (runs, size):
            raise InputError(f"expected {runs} starts of {size} parameters, found shape {list(thetas.shape)}")
        weights = np.empty((runs, size + self.model.constants.size), self.dtype)
        with np.errstate(over="ignore"):
            weights[:, :size] = thetas
        weights[:, size:] = self.model.constants
        if not np.isfinite(weights).all():
            raise InputError("the start is not finite; expected finite parameters")
        return Progress(
            weights,
            np.zeros((runs, self.slots, size), self.dtype),
            np.zeros(runs, np.int64),
            np.full(runs, -1, np.int64),
        )

    def advance(self, stop: int | NDArray[np.int64], log: Log | None = None) -> None:
        """Take every run to a step, those that diverged aside."""
        stops = np.broadcast_to(np.asarray(stop, np.int64), self.progress.step.shape).copy()
        nothing = Log(0, 0, np.zeros((0, 0, 0)), np.zeros((0, 0)))
        examples = self.network.examples("train")
        self.engine.run(self.network.trained, examples, self.runs, self.progress, stops, log or nothing)

    def toward(self, stop: int | NDArray[np.int64]) -> Iterator[None]:
        """Take every run to a step in parts, between which it can be interrupted."""
        stops = np.broadcast_to(np.asarray(stop, np.int64), self.progress.step.shape)
        chunk = FIRST_CHUNK
        while np.any((self.progress.step < stops) & (self.progress.diverged < 0)):
            begun = time.monotonic()
            self.advance(np.minimum(self.progress.step + chunk, stops))
            taken = max(time.monotonic() - begun, 1e-6)
            chunk = max(1, min(8 * chunk, int(chunk * self.engine.chunk_seconds / taken)))
            yield

    @property
    def thetas(self) -> NDArray:
        """The parameters of the runs, [R, P] in the dtype."""
        return self.progress.weights[:, : self.model.size]

    @property
    def buffers_of_runs(self) -> NDArray:
        """The running statistics of each run, flat [R, B] in the dtype."""
        return self.progress.weights[:, self.progress.weights.shape[1] - self.model.buffer_size :]

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that a resume needs."""
        return {f"progress.{name}": array for name, array in self.progress._asdict().items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a state of the same runs.

        Raises
        ------
        InputError
            It is that of other runs.
        """
        for name, ours in self.state().items():
            theirs = state.get(name)
            if theirs is None or theirs.shape != ours.shape or theirs.dtype != ours.dtype:
                raise InputError(
                    f"the unfinished runs at the output have no {name} of these runs: give --fresh"
                )
            ours[...] = theirs

    def rate(self, run: int, step: int) -> float:
        """Give a run's learning rate at a step."""
        return rate_at(self.runs, run, step)

    def evaluate(self, split: str = "train") -> dict[str, Array]:
        """Give loss (without penalty), accuracy and norm of the whole gradient (with it) of each run over a split, [R].

        It is a step of plain descent at rate zero with all examples for a batch, so that nothing more need be compiled.
        """
        runs, examples = len(self.runs.whole), self.network.examples(split)
        log = Log(0, 1, np.zeros((runs, 1, SUMS + 1)), np.zeros((runs, 1)))
        still = self._at_rest(examples)
        self.engine.run(self.network.evaluated, examples, still, self._copy(), np.ones(runs, np.int64), log)
        sums = log.sums[:, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            result = {
                "loss": sums[:, 0] / sums[:, SUMS] * self.model.loss_scale,
                "gradient_norm": log.norms[:, 0],
            }
            if self.model.loss in HAS_ACCURACY:
                result["accuracy"] = sums[:, 3] / sums[:, SUMS]
        return result

    def _at_rest(self, examples: Examples) -> Runs:
        """Settings of steps that move nothing."""
        count = len(examples.counts)
        whole = np.zeros_like(self.runs.whole)
        whole[:, WHOLE.index("batch")] = count
        whole[:, WHOLE.index("tile")] = self.engine.tile(count, self.network.batch_of_split())
        whole[:, WHOLE.index("total")], whole[:, WHOLE.index("drawn")] = 1, IN_ORDER
        return Runs(whole, np.zeros_like(self.runs.numbers))

    def _copy(self) -> Progress:
        """Return a writable copy of the starts as progress at step zero."""
        steps = np.zeros_like(self.progress.step)
        slots = np.zeros((len(steps), 1, self.model.size), self.dtype)
        return Progress(self.progress.weights.copy(), slots, steps, steps - 1)


def require_variance(model: Model, program: Program, columns: Columns) -> None:
    """Refuse batches of one example where a channel has but one number an example: one number has no variance.

    Raises
    ------
    InputError
        A run has such a batch, if only as the last one of an epoch.
    """
    normalized = program.rows[program.rows[:, Column.OP] == Op.BATCH_STATISTICS]
    if not any(normalized[:, Column.SIZE] == normalized[:, Column.OUT]):
        return
    examples = model.examples("train")
    rest = np.where(columns["drawn"], 0, examples % columns["batch"])
    for size, left in zip(columns["batch"], rest, strict=True):
        if 1 in (size, left):
            found = (
                f"{examples} examples in batches of {size} leave one alone" if size > 1 else "a batch of 1"
            )
            raise InputError(
                f"batch_size: batch normalization needs two examples for a variance, and {found}: try another size"
            )
