"""What a training run is, whatever computes it: the columns of its settings, and its numbers at a step, chosen by integer."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from landscape.formulas.optimizers import OPTIMIZERS
from landscape.formulas.schedules import SCHEDULES
from landscape.jit import kernel

# The columns of a run's settings: whole numbers, and others. The width is that of the run's tiles.
WHOLE = ("optimizer", "schedule", "batch", "width", "seed", "replacement", "total", "warmup")
OPTIMIZER, SCHEDULE, BATCH, WIDTH, SEED, REPLACEMENT, TOTAL, WARMUP = range(len(WHOLE))
NUMBERS = (
    "rate", "momentum", "beta2", "eps", "weight_decay", "clip", "radius", "period", "decay", "floor",
)  # fmt: skip
RATE, MOMENTUM, BETA2, EPS, WEIGHT_DECAY, CLIP, RADIUS, PERIOD, DECAY, FLOOR = range(len(NUMBERS))


class Runs(NamedTuple):
    """What each of R runs is: int64 [R, W] by the columns `WHOLE`, float64 [R, N] by `NUMBERS`."""

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
