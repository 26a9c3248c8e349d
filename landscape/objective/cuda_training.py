"""Training on a GPU, with a block of threads for each run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.kernels.cpu.batches import Examples as HostExamples
from landscape.kernels.cpu.training import Log as HostLog
from landscape.kernels.cpu.training import Progress as HostProgress
from landscape.kernels.cuda.arrays import (
    Batch,
    Criterion,
    Examples,
    Log,
    Network,
    Progress,
    Runs,
    TrainingBuffers,
)
from landscape.kernels.cuda.scratch import (
    general_ops,
    has_single,
    needs_wide,
    scratch_features,
    unusual_activations,
)
from landscape.kernels.cuda.shape import eased
from landscape.kernels.cuda.template import kernels
from landscape.kernels.runs import Runs as HostRuns
from landscape.objective.gpu import DeviceMemoryError, Gpu, network_on_gpu, shape_for, shared_bytes
from landscape.objective.lowered import Lowered
from landscape.objective.training_network import Columns, TrainingNetwork
from landscape.program.table import Column

CHUNK_SECONDS = 2.0


class CudaTraining:
    """The steps of runs with some settings. Between two launches of many steps the state of the runs comes to the host."""

    device = "cuda"
    own_bytes = 0

    def __init__(self, network: TrainingNetwork, columns: Columns, gpu: Gpu) -> None:
        program, dtype = network.trained.program, network.dtype
        wide, batch = needs_wide(program.rows), int(np.max(columns["batch"]))
        rows, ops = program.rows, general_ops(program.rows, network.evaluated.program.rows)
        self.network, self.gpu = network, gpu
        # The narrowest block that a batch fills.
        shape = shape_for(2 * program.features, max(1, batch // 2), dtype, wide, has_single(rows), bool(ops))
        self.shape = eased(shape, dtype, training=True, wide=wide, general=bool(ops))
        self.kernels = kernels(self.shape, dtype, wide, unusual_activations(rows), ops)
        self.on_gpu: dict[Any, Any] = {}

    @property
    def chunk_seconds(self) -> float:
        """Seconds that a part of the work should take: after it Ctrl-C is heard, and the runs' state crosses the bus."""
        return CHUNK_SECONDS

    def tile(self, examples: int, batch: int | None) -> int:
        """Give how many examples a tile holds: as many as the block is wide."""
        return int(self.shape.width)

    def program_on_gpu(self, lowering: Lowered) -> tuple[Network, Any]:
        """Give a program's arrays and the places of its rows, on the GPU."""
        key = id(lowering)
        if key not in self.on_gpu:
            network, put = lowering.network, self.gpu.put
            self.on_gpu[key] = network_on_gpu(self.gpu, network), put(lowering.places)
        return self.on_gpu[key]

    def examples_on_gpu(self, examples: HostExamples) -> Examples:
        """Give a split's data on the GPU."""
        key = id(examples)
        if key not in self.on_gpu:
            self.on_gpu[key] = Examples(*map(self.gpu.put, examples))
        return self.on_gpu[key]

    def memory(self, runs: int, count: int, lowering: Lowered) -> tuple[int, int, TrainingBuffers]:
        """Give how many blocks do the runs, and what they need; the workspace in shared memory where it fits there."""
        empty, width, dtype = self.gpu.empty, self.shape.width, self.network.dtype
        examples, network = self.network.examples("train"), lowering.network
        features = int(lowering.places[-1] + network.rows[-1, Column.SIZE])
        noted = features + scratch_features(network.rows, network.geometry)
        dynamic = shared_bytes(features + noted, self.shape, dtype)
        each = 0 if dynamic else (features + noted) * width * dtype.itemsize
        blocks = self.gpu.blocks_for(runs, each)
        long = (0, 0) if dynamic else (blocks, features * width)
        longer = (0, 0) if dynamic else (blocks, noted * width)
        tile = Batch(
            empty((blocks, examples.x.shape[1] * width), dtype),
            empty((blocks, examples.labels.shape[1], width), np.int32),
            empty((blocks, examples.targets.shape[1], width), dtype),
            empty((blocks, width), np.float64),
            empty((blocks,), np.int64),
        )
        return blocks, dynamic, TrainingBuffers(
            work=empty(longer, dtype), adjoint=empty(long, dtype), tile=tile,
            order=empty((blocks, count), np.int64), partners=empty((blocks, count), np.int64),
            gradient=empty((blocks, self.network.trained.program.parameters), dtype), previous=empty((blocks, self.network.model.size), dtype),
        )  # fmt: skip

    def run(
        self, lowering: Lowered, examples: HostExamples, runs: HostRuns, progress: HostProgress, stops: NDArray, log: HostLog
    ) -> None:  # fmt: skip
        """Launch the kernel, and bring the runs' state back.

        Raises
        ------
        InputError
            The runs do not fit into the GPU's memory.
        """
        try:
            self.launch(lowering, examples, runs, progress, stops, log)
        except DeviceMemoryError:
            needed = sum(array.nbytes for array in (*progress, *examples))
            raise InputError(
                f"the GPU's memory is full: {len(stops)} runs need {needed / 2**20:,.0f} MiB at least; try fewer runs at once, "
                "or take --device cpu"
            ) from None

    def launch(
        self, lowering: Lowered, examples: HostExamples, runs: HostRuns, progress: HostProgress, stops: NDArray, log: HostLog
    ) -> None:  # fmt: skip
        """Launch the kernel on the runs' state, and copy it back."""
        network, gpu, put = self.network, self.gpu, self.gpu.put
        blocks, dynamic, buffers = self.memory(len(stops), len(examples.counts), lowering)
        there = Progress(*map(put, progress))
        sums, norms = put(log.sums), put(log.norms)
        gpu.run(
            self.kernels.train, self.shape, network.dtype, blocks, dynamic, *self.program_on_gpu(lowering), self.examples_on_gpu(examples),
            Criterion(network.criterion.code, network.criterion.delta), Runs(*map(put, runs)), there, put(stops), put(network.decay),
            float(network.model.loss_scale), buffers, Log(int(log.start), int(log.stride), sums, norms),
        )  # fmt: skip
        for host, found in zip((*progress, log.sums, log.norms), (*there, sums, norms), strict=True):
            host[...] = gpu.take(found)
