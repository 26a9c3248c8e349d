"""Many trainings of one network at once: the only place of training that knows devices, dtypes and threads."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.kernels.cpu import training
from landscape.kernels.cpu.arrays import Network
from landscape.kernels.cpu.batches import Examples
from landscape.kernels.cpu.losses import SUMS, Criterion
from landscape.kernels.cpu.rules import UPDATE_APART
from landscape.kernels.cpu.table import TRAININGS
from landscape.kernels.cpu.training import Log, Progress, TrainingBuffers
from landscape.kernels.program import Column, Op, Program
from landscape.kernels.runs import IN_ORDER, NUMBERS, WHOLE, Runs, scheduled
from landscape.memory import available_memory, size_words
from landscape.model import Model
from landscape.model.finite import pieces
from landscape.objective import aligned
from landscape.objective.devices import CPU, settle_device
from landscape.objective.lowered import Lowered, loss_code, lowered, require
from landscape.objective.network import DTYPES, HAS_ACCURACY
from landscape.objective.program_check import Mode, check_data
from landscape.objective.session import checked_threads, session, share_work
from landscape.objective.tiles import MULTIPLE, batch_size, reads_ids, scaled, target_counts, tile_width

Array = NDArray[np.float64]
# Steps of a first part of the work, and seconds of a later one: between two, Ctrl-C is heard.
FIRST_CHUNK, CHUNK_SECONDS = 16, 0.3
Columns = dict[str, NDArray[Any]]


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


def make_trainer(
    model: Model, columns: Columns, thetas: Array, *, dtype: str = "float32", threads: int | None = None, device: str = CPU
) -> Trainer:  # fmt: skip
    """Make the trainer that the device has; the arguments are `Trainer`'s.

    Raises
    ------
    InputError
        A device that is not there, and what `Trainer` refuses.
    """
    evaluations = float(np.sum(columns["batch"] * columns["total"])) * 3 / model.examples("train")
    device = settle_device(device, model, evaluations=evaluations, training=True)
    if device != CPU:
        from landscape.objective.cuda_trainer import CudaTrainer

        return CudaTrainer(model, columns, thetas, dtype=dtype, device=device)
    return Trainer(model, columns, thetas, dtype=dtype, threads=threads)


class Trainer:
    """R runs of one model on its training data, each with its own settings, start and memory.

    Batch normalization takes the statistics of the training batch, which is one tile then, and each run has running statistics of its
    own that follow them. Losses over whole splits are those of the model as it says.

    Parameters
    ----------
    model
        Graph, constants and data.
    columns
        The fields of the kernels' `Runs` but `tile`, arrays [R].
    thetas
        Starts [R, P].
    dtype, threads
        As for `NetworkObjective`; the bits do not depend on the threads.

    Raises
    ------
    InputError
        A start that is not finite, an op that the engine does not run, a batch of one example without a variance, runs that do not
        fit into memory.
    """

    device = CPU

    def __init__(
        self, model: Model, columns: Columns, thetas: Array, *, dtype: str = "float32", threads: int | None = None
    ) -> None:  # fmt: skip
        if str(np.dtype(dtype)) not in DTYPES:
            raise InputError(f"dtype: expected {' or '.join(DTYPES)}, found {dtype}")
        self.model, self.dtype, self.threads = model, np.dtype(dtype), checked_threads(threads)
        self.normalizes = any(node.traits.batch_statistics for node in model.nodes)
        self.evaluated = lowered(model, self.dtype, Mode.DERIVATIVES)
        self.network = lowered(model, self.dtype, Mode.TRAINING)
        self.program = self.network.program
        for program in (self.program, self.evaluated.program):
            check_data(program, model, self.inputs)
        self.criterion = Criterion(loss_code(model.loss), self.dtype.type(model.delta))
        # Losses over whole splits are steps of the first optimizer at rate zero.
        self.updates = [UPDATE_APART + code for code in sorted({0, *columns["optimizer"].tolist()})]
        self._splits: dict[str, Examples] = {}
        decay = model.decay_vector().astype(self.dtype)
        self.decay = decay if decay.any() else decay[:0]
        require_variance(model, self.program, columns)
        tiles = [self.tile(int(size), int(size) if self.normalizes else None) for size in columns["batch"]]
        self.runs = runs_of(columns, np.array(tiles, np.int64))
        whole = [self.tile(model.examples(split), batch_size(model)) for split in model.splits]
        self.widest = math.ceil(max(*tiles, *whole) / MULTIPLE) * MULTIPLE
        self.slots = max(len(list(OPTIMIZERS.values())[code].slots) for code in columns["optimizer"])
        self._require_memory(len(tiles), model.examples("train"))
        self.progress = self._start(np.asarray(thetas))
        longest = max(model.examples(split) for split in model.splits)
        self.buffers = [self._buffers(longest) for _ in range(self.threads)]

    @property
    def chunk_seconds(self) -> float:
        """Seconds that a part of the work should take."""
        return CHUNK_SECONDS

    def tile(self, examples: int, batch: int | None) -> int:
        """Choose how many examples a tile holds: a batch whose statistics normalize, otherwise what fits the cache."""
        if batch is not None:
            return min(batch, examples)
        return tile_width(examples, self.program.features + self.program.scratch, self.dtype.itemsize)

    @property
    def inputs(self) -> int:
        """Rows of a tile's data: the features, and where statistics are of batches one that says which columns are examples."""
        return math.prod(self.model.input_shape) + self.normalizes

    def _require_memory(self, runs: int, examples: int) -> None:
        size = self.model.size + self.model.constants.size
        features = math.prod(self.model.input_shape)
        # θ and memory, and a copy of both while losses are taken.
        needed = self.dtype.itemsize * (runs * size * (3 + self.slots) + examples * features)
        if self.normalizes:
            # Outputs and adjoints of a batch that is not cut to fit the cache.
            needed += (
                self.dtype.itemsize * self.threads * self.widest * (2 * self.program.features + self.inputs)
            )
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

    def _buffers(self, longest: int) -> TrainingBuffers:
        """Give one worker its memory."""
        wide, examples = self.widest, self.examples("train")
        # Runs are trained by one program and looked at by another.
        programs = (self.program, self.evaluated.program)
        work = max(program.features for program in programs) * self.widest
        scratch = max(program.scratch for program in programs) * self.widest
        deepest = max(int(program.rows[:, Column.WIDE].max()) for program in programs)
        return TrainingBuffers(
            work=aligned.zeros(work, self.dtype), adjoint=aligned.zeros(work, self.dtype),
            scratch=aligned.zeros(scratch, self.dtype), x=aligned.zeros(self.inputs * wide, self.dtype),
            rows=aligned.zeros(self.inputs * wide, self.dtype), transposed=aligned.zeros(deepest * wide, self.dtype),
            labels=np.zeros(examples.labels.shape[1] * wide, np.int32),
            targets=np.zeros(examples.targets.shape[1] * wide, self.dtype), counts=np.zeros(wide),
            valid=np.zeros(1, np.int64), sums=np.zeros(2 * wide), total=np.zeros(SUMS + 1),
            order=np.zeros(longest, np.int64), gradient=aligned.zeros(self.program.parameters, self.dtype),
            previous=aligned.zeros(self.program.parameters, self.dtype),
        )  # fmt: skip

    def _run(
        self, lowering: Lowered, examples: Examples, runs: Runs, progress: Progress, stops: NDArray, log: Log
    ) -> None:  # fmt: skip
        """Call the kernel on every thread, each with its own memory and its own copy of the program."""

        def work(worker: int, workers: int) -> None:
            network = Network(*(array.copy() for array in lowering.network))
            training.train(
                worker, workers, network, lowering.places, examples, self.criterion, runs, progress, stops, self.decay,
                float(self.model.loss_scale), self.buffers[worker], log,
            )  # fmt: skip

        self._compile(lowering)
        with session():
            share_work(work, self.threads)

    def _compile(self, lowering: Lowered) -> None:
        """Compile the rules of a step, before the first one: nothing is compiled for what is refused."""
        require(lowering, self.criterion.code, TRAININGS, self.updates)

    def examples(self, split: str) -> Examples:
        """Give a split's data, an example a row."""
        if split not in self._splits:
            x, y = self.model.data[f"x_{split}"], np.asarray(self.model.data[f"y_{split}"])
            y = y.reshape(len(y), -1)
            is_labels, none = self.model.loss == "cross_entropy", y[:, :0]
            self._splits[split] = Examples(
                x=self._inputs(x),
                # Writable, whatever the user's are: kernels are compiled for one type of array.
                labels=np.require(y if is_labels else none, np.int32, ["C", "W"]),
                targets=np.require(none if is_labels else y, self.dtype, ["C", "W"]),
                counts=target_counts(y.T[None], is_labels)[0],
            )
        return self._splits[split]

    def _inputs(self, x: NDArray) -> NDArray:
        """Read the inputs in the dtype, an example a row, in pieces: where they lie in a file, there is one copy."""
        found, ids = np.empty((len(x), math.prod(x.shape[1:])), self.dtype), reads_ids(self.model)
        for start, piece in pieces(x):
            found[start : start + len(piece)] = scaled(piece.reshape(len(piece), -1), self.dtype, ids)
        return found

    def advance(self, stop: int | NDArray[np.int64], log: Log | None = None) -> None:
        """Take every run to a step, those that diverged aside."""
        stops = np.broadcast_to(np.asarray(stop, np.int64), self.progress.step.shape).copy()
        nothing = Log(0, 0, np.zeros((0, 0, 0)), np.zeros((0, 0)))
        self._run(self.network, self.examples("train"), self.runs, self.progress, stops, log or nothing)

    def toward(self, stop: int | NDArray[np.int64]) -> Iterator[None]:
        """Take every run to a step in parts short enough to be interrupted between."""
        stops = np.broadcast_to(np.asarray(stop, np.int64), self.progress.step.shape)
        chunk = FIRST_CHUNK
        while np.any((self.progress.step < stops) & (self.progress.diverged < 0)):
            begun = time.monotonic()
            self.advance(np.minimum(self.progress.step + chunk, stops))
            taken = max(time.monotonic() - begun, 1e-6)
            chunk = max(1, min(8 * chunk, int(chunk * self.chunk_seconds / taken)))
            yield

    @property
    def thetas(self) -> NDArray:
        """Where the runs are, [R, P] in the dtype."""
        return self.progress.weights[:, : self.model.size]

    @property
    def buffers_of_runs(self) -> NDArray:
        """The running statistics of each run, flat [R, B] in the dtype."""
        return self.progress.weights[:, self.progress.weights.shape[1] - self.model.buffer_size :]

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that a resume needs."""
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
        runs, examples = len(self.runs.whole), self.examples(split)
        log = Log(0, 1, np.zeros((runs, 1, SUMS + 1)), np.zeros((runs, 1)))
        still = self._at_rest(examples)
        self._run(self.evaluated, examples, still, self._copy(), np.ones(runs, np.int64), log)
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
        whole[:, WHOLE.index("tile")] = self.tile(count, batch_size(self.model))
        whole[:, WHOLE.index("total")], whole[:, WHOLE.index("drawn")] = 1, IN_ORDER
        return Runs(whole, np.zeros_like(self.runs.numbers))

    def _copy(self) -> Progress:
        """Progress that may be written to, all at step zero."""
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
