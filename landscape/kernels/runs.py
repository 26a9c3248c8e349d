"""The settings of a training run as columns, and its numbers at a step, for every device."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from landscape.formulas.optimizers import OPTIMIZERS, Scales
from landscape.formulas.schedules import SCHEDULES
from landscape.jit import kernel

# The columns of a run's settings: whole numbers, and others. A tile has so many examples; batches are drawn in one of the ways below.
WHOLE = ("optimizer", "schedule", "batch", "tile", "seed", "drawn", "total", "warmup")
OPTIMIZER, SCHEDULE, BATCH, TILE, SEED, DRAWN, TOTAL, WARMUP = range(len(WHOLE))
BY_EPOCHS, WITH_REPLACEMENT, IN_ORDER = range(3)
NUMBERS = (
    "rate", "momentum", "beta2", "eps", "weight_decay", "clip", "radius", "period", "decay", "floor",
)  # fmt: skip
RATE, MOMENTUM, BETA2, EPS, WEIGHT_DECAY, CLIP, RADIUS, PERIOD, DECAY, FLOOR = range(len(NUMBERS))


class Runs(NamedTuple):
    """The settings of each of R runs: int64 [R, W] by the columns `WHOLE`, float64 [R, N] by `NUMBERS`."""

    whole: NDArray
    numbers: NDArray


def chooser(functions: dict[str, Any], name: str, arguments: str) -> Any:
    """Compile a function of (code, arguments) that calls the one of that code."""
    names = {f"f{code}": function for code, function in enumerate(functions.values())}
    lines = [f"def {name}(code, {arguments}):"]
    for code in range(len(functions) - 1):
        lines += [f"    if code == {code}:", f"        return f{code}({arguments})"]
    lines += [f"    return f{len(functions) - 1}({arguments})"]
    exec("\n".join(lines), names)
    return kernel(cached=False)(names[name])


corrections = chooser(
    {name: row.correct for name, row in OPTIMIZERS.items()}, "corrections", "t, rate, beta1, beta2"
)
factor = chooser(
    {name: row.factor for name, row in SCHEDULES.items()}, "factor", "t, total, period, decay, floor"
)


@kernel
def scheduled(code, step, total, warmup, period, decay, floor):
    """Give the factor of the rate at a step from zero: a linear warm-up, then the schedule over the steps after it."""
    if step < warmup:
        return (step + 1.0) / warmup
    return factor(code, float(step - warmup), float(total - warmup), period, decay, floor)


@kernel
def scales_at(whole, numbers, step):
    """Give a run's `Scales` at a step from zero, in float64; `whole` and `numbers` are its rows of `Runs`."""
    rate = numbers[RATE] * scheduled(
        whole[SCHEDULE], step, whole[TOTAL], whole[WARMUP], numbers[PERIOD], numbers[DECAY], numbers[FLOOR]
    )
    momentum, beta2 = numbers[MOMENTUM], numbers[BETA2]
    first, second = corrections(whole[OPTIMIZER], step + 1.0, rate, momentum, beta2)
    return Scales(rate, momentum, beta2, numbers[EPS], rate * numbers[WEIGHT_DECAY], first, second)


@kernel
def place_in_epoch(step, size, count):
    """Give the epoch of a step, where its batch of at most `size` starts among the epoch's `count` examples, and how many it has."""
    steps = (count + size - 1) // size
    start = step % steps * size
    return step // steps, start, size if size < count - start else count - start
