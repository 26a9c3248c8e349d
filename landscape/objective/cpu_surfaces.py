"""Descents from many starts on the CPU: on a surface, or on any compiled function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.formulas.optimizers import OPTIMIZERS
from landscape.kernels.cpu.descent import descend as descend_kernel
from landscape.kernels.cpu.rules import UPDATE, empty_table, fill
from landscape.kernels.cpu.updates import scaled_step
from landscape.kernels.runs import CLIP, OPTIMIZER, RADIUS, Runs
from landscape.objective.session import checked_threads, session, share_work

Array = NDArray[np.float64]

# Starts in a block: its vectors stay in the first cache.
BLOCK = 256
# A block is whole in the compiled loops' longest stride (four vectors of 16): a loop's remainder is other code, with
# other roundings, and a start's bits must not depend on how many come with it.
STRIDE = 64
# Of central differences, relative to an element's size: the cube root of float64's unit.
STEP = float(np.finfo(np.float64).eps) ** (1 / 3)


def descend_on_cpu(
    surface: int, runs: Runs, starts: Array, memory: int, steps: int, every: int, kind: np.dtype, workers: int
) -> NDArray[Any]:
    """Take starts [R, 2] on a surface of a number through all steps; give the path [K, R, 2] before every `every`-th step and at the end.

    `memory` is how many vectors the optimizer keeps for each start.
    """
    rules = rules_of(runs, kind)
    width = min(BLOCK, STRIDE * math.ceil(len(starts) / STRIDE))
    blocks = math.ceil(len(starts) / width)
    padded = np.concatenate([starts, np.repeat(starts[-1:], blocks * width - len(starts), axis=0)])
    theta = padded.reshape(blocks, width, 2).transpose(0, 2, 1).reshape(blocks, 2 * width).astype(kind)
    slots, buffers = np.zeros((blocks, memory, 2 * width), kind), np.zeros((workers, 2, 2 * width), kind)
    path = np.empty((math.ceil(steps / every) + 1, blocks, 2 * width), kind)
    with session():
        share_work(descend_kernel, workers, rules, surface, runs, theta, slots, every, steps, buffers, path)
    found = path.reshape(len(path), blocks, 2, width).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(found.reshape(len(path), blocks * width, 2)[:, : len(starts)])


def slots_of(runs: Runs) -> int:
    """Return how many vectors the optimizer of the runs keeps for each start."""
    return len(list(OPTIMIZERS.values())[int(runs.whole[0, OPTIMIZER])].slots)


def rules_of(runs: Runs, dtype: np.dtype) -> NDArray[np.int64]:
    """Return the table of addresses with the optimizer of the runs."""
    table = empty_table()
    with session():
        fill(table, [UPDATE + int(runs.whole[0, OPTIMIZER])], dtype)
    return table


def descend_function(
    function: Any, gradient: Any, runs: Runs, starts: Array, steps: int, every: int, threads: int | None
) -> Array:
    """Take starts [R, P] on a user's compiled function, with its compiled gradient or central differences; give the path [K, R, P]."""
    for given in (function, gradient):
        if given is not None and not isinstance(given, numba.core.dispatcher.Dispatcher):
            raise InputError("expected functions under @numba.njit")
    workers, size, memory = checked_threads(threads), starts.shape[1], slots_of(runs)
    path = np.empty((math.ceil(steps / every) + 1, len(starts), size))
    loop = compiled_descent(function if gradient is None else gradient, gradient is not None)
    with session():
        share_work(
            loop, workers, rules_of(runs, np.dtype(np.float64)), runs, starts.copy(), np.zeros((len(starts), memory, size)), every, steps,
            np.zeros((workers, 2, size)), path,
        )  # fmt: skip
    return path


def compiled_descent(function: Any, exact: bool) -> Callable[..., None]:
    """Compile a worker's descents for one user's function, kept for this process."""

    @numba.njit(nogil=True)
    def slope(theta: Array, out: Array) -> None:
        if exact:
            out[:] = function(theta)
            return
        for q in range(theta.size):
            middle = theta[q]
            step = STEP * max(1.0, abs(middle))
            theta[q] = middle + step
            above = function(theta)
            theta[q] = middle - step
            out[q] = (above - function(theta)) / (2.0 * step)
            theta[q] = middle

    @numba.njit(nogil=True)
    def norm_of(vector: Array) -> float:
        total = 0.0
        for q in range(vector.size):
            total += vector[q] * vector[q]
        return math.sqrt(total)

    @numba.njit(nogil=True)
    def loop(
        worker: int, workers: int, rules: Array, runs: Runs, starts: Array, slots: Array, every: int, steps: int, buffers: Array,
        path: Array,
    ) -> None:  # fmt: skip
        gradient, previous = buffers[worker, 0], buffers[worker, 1]
        whole, numbers = runs.whole[0], runs.numbers[0]
        for r in range(worker, starts.shape[0], workers):
            theta = starts[r]
            for step in range(steps):
                if step % every == 0:
                    path[step // every, r] = theta
                slope(theta, gradient)
                norm = norm_of(gradient)
                if numbers[RADIUS] > 0.0 and norm > 0.0:
                    previous[:] = theta
                    for q in range(theta.size):
                        theta[q] += numbers[RADIUS] / norm * gradient[q]
                    slope(theta, gradient)
                    norm = norm_of(gradient)
                    theta[:] = previous
                factor = numbers[CLIP] / norm if 0.0 < numbers[CLIP] < norm else 1.0
                scaled_step(rules, whole, numbers, step, theta, gradient, factor, slots[r])
            path[path.shape[0] - 1, r] = theta

    return loop
