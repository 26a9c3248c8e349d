"""The entry points of the kernels, and the types that each is called with, so that it can be compiled before it is called.

An entry point compiles at its first call otherwise, when all rules that it needs have been waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np

from landscape.jit import is_kept
from landscape.kernels.cpu.arrays import Batch, Buffers, DerivativeBuffers, Network, Primal, SweepBuffers
from landscape.kernels.cpu.batches import Examples
from landscape.kernels.cpu.combinations import (
    Combination,
    CombinationBuffers,
    Shares,
    combinations,
    keep_products,
)
from landscape.kernels.cpu.derivatives import gradients, keep_primals, products
from landscape.kernels.cpu.hessian import Pairs, hessian_rows
from landscape.kernels.cpu.losses import Criterion
from landscape.kernels.cpu.outputs import outputs
from landscape.kernels.cpu.rules import SIZE
from landscape.kernels.cpu.sweep import Grid, Plan, share_fixed, share_products, sweep
from landscape.kernels.cpu.training import Log, Progress, TrainingBuffers, train
from landscape.kernels.cpu.values import values
from landscape.kernels.runs import Runs

# One worker of one: how an entry point begins.
ALONE = (0, 1)


class Samples:
    """Empty arguments of the types that the objectives give the entry points, in one dtype."""

    def __init__(self, dtype: np.dtype) -> None:
        real = [np.zeros((0,) * axes, dtype) for axes in range(4)]
        wide = [np.zeros((0,) * axes) for axes in range(4)]
        whole = [np.zeros((0,) * axes, np.int64) for axes in range(4)]
        label = [np.zeros((0,) * axes, np.int32) for axes in range(4)]
        self.real, self.wide, self.whole, self.label = real, wide, whole, label
        self.network = Network(whole[2], whole[1], real[1], whole[2], real[1], np.zeros(SIZE, np.int64))
        self.batch = Batch(real[3], label[3], real[3], wide[2], whole[1])
        self.criterion = Criterion(0, dtype.type(1))
        self.program = (self.network, whole[1], whole[1])
        self.primal = Primal(real[2], real[2])
        common = (real[2], real[3], wide[3])
        self.buffers = Buffers(*common)
        self.derivatives = DerivativeBuffers(*common, real[2], real[2], real[2], real[2])
        self.sweeping = SweepBuffers(*common, real[2], real[2], real[2])
        self.plan = Plan(*(whole[1],) * 6, whole[2])
        self.grid = Grid(real[2], real[2], whole[1])
        self.shares = Shares(*(whole[1],) * 4, self.network)
        self.combination = Combination(*(real[2],) * 4)
        self.combining = CombinationBuffers(real[3], real[3], wide[3])

    def training(self) -> tuple[Any, ...]:
        """Arguments of a training."""
        real, wide, whole, label = self.real, self.wide, self.whole, self.label
        memory = TrainingBuffers(
            real[1], real[1], real[1], real[1], real[1], real[1], label[1], real[1], wide[1], whole[1], wide[1], wide[1],
            whole[1], real[1], real[1],
        )  # fmt: skip
        return (
            *ALONE, self.network, whole[1], Examples(real[2], label[2], real[2], wide[1]), self.criterion,
            Runs(whole[2], wide[2]), Progress(real[2], real[3], whole[1], whole[1]), whole[1], real[1], 1.0, memory,
            Log(0, 0, wide[3], wide[2]),
        )  # fmt: skip


ENTRIES: dict[str, tuple[Any, Callable[[Samples], tuple[Any, ...]]]] = {
    "train": (train, Samples.training),
    "sweep": (
        sweep,
        lambda s: (
            *ALONE, s.whole[1], 0, 0, s.network, s.plan, s.grid, s.batch, 0, s.criterion, s.real[1], s.real[2], s.sweeping,
            s.wide[2],
        ),
    ),
    "products": (
        products,
        lambda s: (
            *ALONE, *s.program, s.batch, s.criterion, s.real[1], s.real[2], 1, 1, s.derivatives, s.primal, s.wide[3],
        ),
    ),
    "hessian_rows": (
        hessian_rows,
        lambda s: (
            *ALONE, s.network, s.whole[1], s.batch, s.criterion, s.real[1], s.whole[2], s.derivatives, s.primal,
            Pairs(s.real[2], s.real[2], s.real[2]), s.wide[2],
        ),
    ),
    "gradients": (
        gradients,
        lambda s: (
            *ALONE, *s.program, s.batch, s.criterion, s.real[2], 1, s.derivatives, s.wide[3], s.wide[3],
        ),
    ),
    "combinations": (
        combinations,
        lambda s: (
            *ALONE, s.network, s.whole[1], s.batch, s.criterion, s.shares, s.combination, s.real[3], 1, s.derivatives, s.combining,
            s.wide[3], s.wide[3],
        ),
    ),
    "keep_products": (
        keep_products,
        lambda s: (*ALONE, s.network, s.whole[1], s.shares, s.batch, s.real[2], s.derivatives, s.real[3]),
    ),
    "keep_primals": (
        keep_primals,
        lambda s: (*ALONE, *s.program, s.batch, s.criterion, s.real[1], s.derivatives, s.primal),
    ),
    "share_products": (
        share_products,
        lambda s: (*ALONE, s.network, s.plan, s.grid, s.real[1], s.real[2], s.real[3], 1),
    ),
    "share_fixed": (
        share_fixed,
        lambda s: (s.network, s.plan, s.grid, s.batch, 0, s.real[1], s.real[2]),
    ),
    "values": (
        values,
        lambda s: (*ALONE, *s.program, s.batch, s.criterion, s.real[2], s.buffers, s.wide[3]),
    ),
    "outputs": (outputs, lambda s: (*ALONE, *s.program, s.batch, s.real[1], s.buffers, s.real[3])),
}  # fmt: skip


@cache
def types_of(name: str, dtype: np.dtype) -> tuple[Any, ...]:
    """Return the Numba types that an entry point is called with."""
    return tuple(numba.typeof(argument) for argument in ENTRIES[name][1](Samples(dtype)))


def compile_entry(name: str, dtype: np.dtype) -> None:
    """Compile an entry point, or load it from the cache."""
    ENTRIES[name][0].compile(types_of(name, dtype))


def entry_is_kept(name: str, dtype: np.dtype) -> bool:
    """Say whether an entry point's machine code is on the disk."""
    function, types = ENTRIES[name][0], types_of(name, dtype)
    return types in function.overloads or is_kept(function, types)
