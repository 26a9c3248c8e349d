"""Descents from many starts on a surface, on a GPU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.kernels.cuda.arrays import Runs
from landscape.kernels.cuda.shape import NARROW, TINY
from landscape.kernels.cuda.target import SIMULATED
from landscape.kernels.cuda.template import kernels
from landscape.objective.gpu import Gpu, in_runs


def descend_on_gpu(
    number: int, surface: int, runs: Any, starts: NDArray, memory: int, steps: int, every: int, kind: np.dtype
) -> NDArray[Any]:
    """Take starts [R, 2] through all steps; give the path [K, R, 2], in as many launches as the GPU's memory needs.

    Raises
    ------
    InputError
        Not even one path fits.
    """
    gpu, shape = Gpu(number), TINY if SIMULATED else NARROW
    looks = math.ceil(steps / every) + 1
    path = np.empty((looks, len(starts), 2), kind)

    def one_run(run: slice) -> None:
        theta = starts[run].astype(kind)
        found = gpu.empty((looks, len(theta), 2), kind)
        slots = gpu.put(np.zeros((len(theta), memory, 2), kind))
        gpu.run(
            kernels(shape, kind).descend, shape, kind, math.ceil(len(theta) / shape.threads), 0, np.int64(surface),
            Runs(gpu.put(runs.whole), gpu.put(runs.numbers)), gpu.put(theta), slots, np.int64(every), np.int64(steps), slots, found,
        )  # fmt: skip
        path[:, run] = gpu.take(found)

    in_runs(len(starts), len(starts), one_run, lambda count: f"a path of {looks} points is too long")
    return path
