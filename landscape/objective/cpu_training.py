"""Training on the CPU: threads share the runs, and each has its own memory and its own copy of the program."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cpu import training
from landscape.kernels.cpu.arrays import Network
from landscape.kernels.cpu.batches import Examples
from landscape.kernels.cpu.losses import SUMS
from landscape.kernels.cpu.rules import UPDATE_APART
from landscape.kernels.cpu.table import TRAININGS
from landscape.kernels.cpu.training import Log, Progress, TrainingBuffers
from landscape.kernels.runs import Runs
from landscape.objective import aligned
from landscape.objective.devices import CPU
from landscape.objective.lowered import Lowered, require
from landscape.objective.session import session, share_work
from landscape.objective.tiles import MULTIPLE, tile_width
from landscape.objective.training_network import Columns, TrainingNetwork
from landscape.program.table import Column

CHUNK_SECONDS = 0.3


class CpuTraining:
    """The steps of runs with some settings, on so many threads; the bits do not depend on the threads."""

    device = CPU

    def __init__(self, network: TrainingNetwork, columns: Columns, threads: int) -> None:
        model = network.model
        self.network, self.threads = network, threads
        # Losses over whole splits are steps of the first optimizer at rate zero.
        self.updates = [UPDATE_APART + code for code in sorted({0, *columns["optimizer"].tolist()})]
        steps = [self.tile(int(size), network.batch_of_step(int(size))) for size in columns["batch"]]
        whole = [self.tile(model.examples(split), network.batch_of_split()) for split in model.splits]
        self.widest = math.ceil(max(*steps, *whole) / MULTIPLE) * MULTIPLE

    @property
    def chunk_seconds(self) -> float:
        """Seconds that a part of the work should take: after it, Ctrl-C is heard."""
        return CHUNK_SECONDS

    @property
    def own_bytes(self) -> int:
        """Bytes of the outputs and adjoints of a batch that is not cut to fit the cache."""
        network = self.network
        features = 2 * network.trained.program.features + network.inputs
        return network.dtype.itemsize * self.threads * self.widest * features if network.normalizes else 0

    def tile(self, examples: int, batch: int | None) -> int:
        """Choose how many examples a tile holds: a batch whose statistics normalize, otherwise what fits the cache."""
        if batch is not None:
            return min(batch, examples)
        program = self.network.trained.program
        return tile_width(examples, program.features + program.scratch, self.network.dtype.itemsize)

    @cached_property
    def buffers(self) -> list[TrainingBuffers]:
        """The memory of each worker."""
        model = self.network.model
        longest = max(model.examples(split) for split in model.splits)
        return [self.allocated(longest) for _ in range(self.threads)]

    def allocated(self, longest: int) -> TrainingBuffers:
        """Allocate one worker's memory for splits of at most so many examples."""
        network, dtype, wide = self.network, self.network.dtype, self.widest
        program, examples = network.trained.program, network.examples("train")
        # Runs are trained by one program and looked at by another.
        programs = (program, network.evaluated.program)
        work = max(each.features for each in programs) * wide
        scratch = max(each.scratch for each in programs) * wide
        deepest = max(int(each.rows[:, Column.WIDE].max()) for each in programs)
        return TrainingBuffers(
            work=aligned.zeros(work, dtype), adjoint=aligned.zeros(work, dtype),
            scratch=aligned.zeros(scratch, dtype), x=aligned.zeros(network.inputs * wide, dtype),
            rows=aligned.zeros(network.inputs * wide, dtype), transposed=aligned.zeros(deepest * wide, dtype),
            labels=np.zeros(examples.labels.shape[1] * wide, np.int32),
            targets=np.zeros(examples.targets.shape[1] * wide, dtype), counts=np.zeros(wide),
            valid=np.zeros(1, np.int64), sums=np.zeros(2 * wide), total=np.zeros(SUMS + 1),
            order=np.zeros(longest, np.int64), gradient=aligned.zeros(program.parameters, dtype),
            previous=aligned.zeros(program.parameters, dtype),
        )  # fmt: skip

    def run(
        self, lowering: Lowered, examples: Examples, runs: Runs, progress: Progress, stops: NDArray, log: Log
    ) -> None:  # fmt: skip
        """Call the kernel on every thread, each with its own memory and its own copy of the program."""
        network, buffers = self.network, self.buffers

        def work(worker: int, workers: int) -> None:
            own = Network(*(array.copy() for array in lowering.network))
            training.train(
                worker, workers, own, lowering.places, examples, network.criterion, runs, progress, stops, network.decay,
                float(network.model.loss_scale), buffers[worker], log,
            )  # fmt: skip

        # Before the first step: nothing is compiled for what is refused.
        require(lowering, network.criterion.code, TRAININGS, self.updates)
        with session():
            share_work(work, self.threads)
