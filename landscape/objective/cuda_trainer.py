"""Many trainings of one network at once on a GPU."""

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
from landscape.kernels.cuda.scratch import needs_wide, scratch_features
from landscape.kernels.cuda.shape import eased
from landscape.kernels.cuda.template import kernels
from landscape.kernels.program import Column
from landscape.kernels.runs import Runs as HostRuns
from landscape.model import Model
from landscape.objective.devices import read_device, recorded_device
from landscape.objective.gpu import DeviceMemoryError, Gpu, network_on_gpu, shape_for, shared_bytes
from landscape.objective.lowered import Lowered
from landscape.objective.trainer import Columns, Trainer

Array = NDArray[np.float64]
CHUNK_SECONDS = 2.0


class CudaTrainer(Trainer):
    """`Trainer` on a GPU: a block a run. Between two launches of many steps the state of the runs comes to the host."""

    def __init__(
        self, model: Model, columns: Columns, thetas: Array, *, dtype: str = "float32", device: str
    ) -> None:
        self.gpu = Gpu(read_device(device)[1])
        self.device = recorded_device(device)
        self.on_gpu: dict[Any, Any] = {}
        self.batch = int(np.max(columns["batch"]))
        super().__init__(model, columns, thetas, dtype=dtype, threads=1)
        self.kernels = kernels(self.shape, self.dtype, needs_wide(self.program.rows))

    @property
    def chunk_seconds(self) -> float:
        """Seconds that a part of the work should take: after it Ctrl-C is heard, and the runs' state crosses the bus."""
        return CHUNK_SECONDS

    @property
    def shape(self) -> Any:
        """Give the narrowest block that a batch fills."""
        wide = needs_wide(self.program.rows)
        shape = shape_for(2 * self.program.features, max(1, self.batch // 2), self.dtype, wide)
        return eased(shape, self.dtype, training=True, wide=wide)

    def tile(self, examples: int, batch: int | None) -> int:
        """Give how many examples a tile holds: as many as the block is wide."""
        return int(self.shape.width)

    def _buffers(self, longest: int) -> Any:
        """Allocate nothing on the host."""
        return None

    def _put(self, lowering: Lowered) -> tuple[Network, Any]:
        key = id(lowering)
        if key not in self.on_gpu:
            network, put = lowering.network, self.gpu.put
            self.on_gpu[key] = network_on_gpu(self.gpu, network), put(lowering.places)
        return self.on_gpu[key]

    def _put_examples(self, examples: HostExamples) -> Examples:
        key = id(examples)
        if key not in self.on_gpu:
            self.on_gpu[key] = Examples(*map(self.gpu.put, examples))
        return self.on_gpu[key]

    def _memory(self, runs: int, count: int, lowering: Lowered) -> tuple[int, int, TrainingBuffers]:
        """Give how many blocks do the runs, and what they need; the workspace in shared memory where it fits there."""
        empty, width, examples = self.gpu.empty, self.shape.width, self.examples("train")
        network = lowering.network
        features = int(lowering.places[-1] + network.rows[-1, Column.SIZE])
        noted = features + scratch_features(network.rows, network.geometry)
        dynamic = shared_bytes(features + noted, self.shape, self.dtype)
        each = 0 if dynamic else (features + noted) * width * self.dtype.itemsize
        blocks = self.gpu.blocks_for(runs, each)
        long = (0, 0) if dynamic else (blocks, features * width)
        longer = (0, 0) if dynamic else (blocks, noted * width)
        tile = Batch(
            empty((blocks, examples.x.shape[1] * width), self.dtype),
            empty((blocks, examples.labels.shape[1], width), np.int32),
            empty((blocks, examples.targets.shape[1], width), self.dtype),
            empty((blocks, width), np.float64),
            empty((blocks,), np.int64),
        )
        return blocks, dynamic, TrainingBuffers(
            work=empty(longer, self.dtype), adjoint=empty(long, self.dtype), tile=tile,
            order=empty((blocks, count), np.int64), partners=empty((blocks, count), np.int64),
            gradient=empty((blocks, self.program.parameters), self.dtype), previous=empty((blocks, self.model.size), self.dtype),
        )  # fmt: skip

    def _run(
        self, lowering: Lowered, examples: HostExamples, runs: HostRuns, progress: HostProgress, stops: NDArray, log: HostLog
    ) -> None:  # fmt: skip
        """Launch the kernel, and bring the runs' state back.

        Raises
        ------
        InputError
            The runs do not fit into the GPU's memory.
        """
        try:
            self._launch(lowering, examples, runs, progress, stops, log)
        except DeviceMemoryError:
            needed = sum(array.nbytes for array in (*progress, *examples))
            raise InputError(
                f"the GPU's memory is full: {len(stops)} runs need {needed / 2**20:,.0f} MiB at least; try fewer runs at once, "
                "or take --device cpu"
            ) from None

    def _launch(
        self, lowering: Lowered, examples: HostExamples, runs: HostRuns, progress: HostProgress, stops: NDArray, log: HostLog
    ) -> None:  # fmt: skip
        gpu, put = self.gpu, self.gpu.put
        blocks, dynamic, buffers = self._memory(len(stops), len(examples.counts), lowering)
        there = Progress(*map(put, progress))
        sums, norms = put(log.sums), put(log.norms)
        gpu.run(
            self.kernels.train, self.shape, self.dtype, blocks, dynamic, *self._put(lowering), self._put_examples(examples),
            Criterion(self.criterion.code, self.criterion.delta), Runs(*map(put, runs)), there, put(stops), put(self.decay),
            float(self.model.loss_scale), buffers, Log(int(log.start), int(log.stride), sums, norms),
        )  # fmt: skip
        for host, found in zip((*progress, log.sums, log.norms), (*there, sums, norms), strict=True):
            host[...] = gpu.take(found)
