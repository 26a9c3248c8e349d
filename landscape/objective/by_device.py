"""Choose the engine, the training and the descent by the name of a device.

What is written for a GPU is imported only where one is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.runs import Runs
from landscape.model import Model
from landscape.objective.compiling import checked_dtype
from landscape.objective.cpu_engine import cpu_engine
from landscape.objective.cpu_surfaces import descend_on_cpu, slots_of
from landscape.objective.cpu_training import CpuTraining
from landscape.objective.devices import CPU, read_device, settle_device
from landscape.objective.engine import Engine, Setting
from landscape.objective.session import checked_threads
from landscape.objective.surfaces import SurfaceObjective
from landscape.objective.trainer import Trainer
from landscape.objective.training_network import Columns, TrainingEngine, TrainingNetwork

Array = NDArray[np.float64]


def make_engine(setting: Setting) -> Engine:
    """Return the engine of a setting's device.

    Raises
    ------
    InputError
        An op that the engine does not run, batches of different sizes, a GPU that cannot be used.
    """
    if setting.device == CPU:
        return cpu_engine(setting)
    from landscape.objective.cuda_engine import cuda_engine

    return cuda_engine(setting)


def make_trainer(
    model: Model, columns: Columns, thetas: Array, *, dtype: str = "float32", threads: int | None = None, device: str = CPU
) -> Trainer:  # fmt: skip
    """Return the trainer of a model that computes on a device.

    Parameters
    ----------
    model
        Graph, constants and data.
    columns, thetas
        As for `Trainer`.
    dtype, threads
        As for `NetworkObjective`; the bits do not depend on the threads.
    device
        "cpu", "cuda" or "cuda:N", or "auto", which is the CPU.

    Raises
    ------
    InputError
        A device that is not there, an op that the engine does not run, and what `Trainer` refuses.
    """
    chosen, workers = settle_device(device, model, training=True), checked_threads(threads)
    network = TrainingNetwork(model, checked_dtype(dtype))
    return Trainer(network, training_on(chosen, network, columns, workers), columns, thetas)


def training_on(device: str, network: TrainingNetwork, columns: Columns, threads: int) -> TrainingEngine:
    """Return the object that computes training steps on the chosen device."""
    if device == CPU:
        return CpuTraining(network, columns, threads)
    from landscape.objective.cuda_training import CudaTraining
    from landscape.objective.gpu import Gpu

    return CudaTraining(network, columns, Gpu(read_device(device)[1]))


def descend_surface(
    objective: SurfaceObjective, runs: Runs, starts: Array, steps: int, every: int, dtype: str, threads: int | None,
    device: str = CPU,
) -> NDArray[Any]:  # fmt: skip
    """Take starts [R, 2] through all steps; give the path [K, R, 2] before every `every`-th step and at the end."""
    kind, given = np.dtype(dtype), (objective.code, runs, starts, slots_of(runs), steps, every)
    chosen, workers = settle_device(device, None), checked_threads(threads)
    if chosen == CPU:
        return descend_on_cpu(*given, kind, workers)
    from landscape.objective.cuda_surfaces import descend_on_gpu

    return descend_on_gpu(read_device(chosen)[1], *given, kind)
