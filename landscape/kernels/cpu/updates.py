"""Steps of optimizers over whole vectors, and factors of schedules, chosen by integer.

As in `switches.py`, the text of a function is made from the table, so that each update is a loop of its own, which vectorizes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from landscape.formulas.optimizers import OPTIMIZERS, SLOTS, Scales
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


def update_loops() -> Any:
    """Compile a function of (code, θ [P], gradient [P], scale, memory [S, P], k): one step on gradient·scale."""
    names: dict[str, Any] = {}
    lines = ["def update(code, theta, gradient, scale, slots, k):", "    zero = theta.dtype.type(0)"]
    for code, row in enumerate(OPTIMIZERS.values()):
        names[f"update_{code}"] = row.update
        used = range(len(row.slots))
        taken = ", ".join([f"s{i}[q]" for i in used] + ["zero"] * (SLOTS - len(used)))
        lines += [f"    if code == {code}:", *(f"        s{i} = slots[{i}]" for i in used)]
        lines += [
            "        for q in range(theta.size):",
            f"            t, n0, n1, n2 = update_{code}(theta[q], gradient[q] * scale, {taken}, k)",
            "            theta[q] = t",
            *(f"            s{i}[q] = n{i}" for i in used),
        ]
    exec("\n".join(lines), names)
    return kernel(cached=False)(names["update"])


def chooser(functions: dict[str, Any], name: str, arguments: str) -> Any:
    """Compile a function of (code, arguments) that calls the one of that code."""
    names = {f"f{code}": function for code, function in enumerate(functions.values())}
    lines = [f"def {name}(code, {arguments}):"]
    for code in range(len(functions) - 1):
        lines += [f"    if code == {code}:", f"        return f{code}({arguments})"]
    lines += [f"    return f{len(functions) - 1}({arguments})"]
    exec("\n".join(lines), names)
    return kernel(cached=False)(names[name])


update = update_loops()
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
def scales(code, step, rate, momentum, beta2, eps, decay, dtype):
    """Give a step's `Scales` in the dtype of an array; steps count from zero."""
    first, second = corrections(code, step + 1.0, rate, momentum, beta2)
    kind = dtype.dtype.type
    return Scales(
        kind(rate), kind(momentum), kind(beta2), kind(eps), kind(rate * decay), kind(first), kind(second)
    )


@kernel
def scaled_step(whole, numbers, step, theta, gradient, factor, slots):
    """Update θ [P] of a run by its optimizer at its rate of the step; the gradient is multiplied by a factor first.

    `whole` and `numbers` are the run's rows of `Runs`.
    """
    rate = numbers[RATE] * scheduled(
        whole[SCHEDULE], step, whole[TOTAL], whole[WARMUP], numbers[PERIOD], numbers[DECAY], numbers[FLOOR]
    )
    code = whole[OPTIMIZER]
    k = scales(
        code, step, rate, numbers[MOMENTUM], numbers[BETA2], numbers[EPS], numbers[WEIGHT_DECAY], theta
    )
    update(code, theta, gradient, theta.dtype.type(factor), slots, k)
