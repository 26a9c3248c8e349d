"""Schedules: the factor of the learning rate at a step, for every device.

A factor takes (t, total, period, decay, floor): steps after the warm-up, how many there are of them, and the schedule's own
numbers. Adding a schedule: one function and one row of `SCHEDULES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from landscape.jit import kernel

# Smith and Topin 2019 (arXiv 1708.07120), with PyTorch's numbers: the rise takes 0.3 of the run.
RISE, START, END = 0.3, 1 / 25, 1e-4 / 25


@kernel
def constant(t, total, period, decay, floor):
    return 1.0


@kernel
def step(t, total, period, decay, floor):
    return decay ** math.floor(t / period)


@kernel
def exponential(t, total, period, decay, floor):
    return decay ** (t / period)


@kernel
def inverse_sqrt(t, total, period, decay, floor):
    return 1.0 / math.sqrt(1.0 + t / period)


@kernel
def cosine(t, total, period, decay, floor):
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * t / total))


@kernel
def linear(t, total, period, decay, floor):
    return 1.0 - (1.0 - floor) * t / total


@kernel
def transformer(t, total, period, decay, floor):
    # d^−½·min(s^−½, s·w^−1.5) of Vaswani et al. 2017 over its largest value, (d·w)^−½, at s = w = period.
    s = t + 1.0
    return s / period if s < period else math.sqrt(period / s)


@kernel
def between(start, end, part):
    return end + 0.5 * (start - end) * (1.0 + math.cos(math.pi * part))


@kernel
def one_cycle(t, total, period, decay, floor):
    top = RISE * total - 1.0
    if t <= top and top > 0.0:
        return between(START, 1.0, t / top)
    # A run so short that there is no rise falls from the first step on.
    top = top if top > 0.0 else 0.0
    fall = total - 1.0 - top
    return between(1.0, END, (t - top) / (fall if fall > 1.0 else 1.0))


class Schedule(NamedTuple):
    """A factor and the defaults of its numbers; `periods` is the length of a period as a fraction of the run, or 0 for one of `period` steps."""

    factor: Callable[..., Any]
    periods: float = 0.0
    period: float = 1.0
    decay: float = 0.1
    warms_up: bool = False


# A name's position is its code in the kernels.
SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant),
    "step": Schedule(step, periods=1 / 3),
    "exponential": Schedule(exponential, periods=1 / 3),
    "inverse_sqrt": Schedule(inverse_sqrt),
    "cosine": Schedule(cosine),
    "linear": Schedule(linear),
    "transformer": Schedule(transformer, period=4000.0, warms_up=True),
    "one_cycle": Schedule(one_cycle, warms_up=True),
}
