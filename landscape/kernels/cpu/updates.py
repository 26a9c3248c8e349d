"""Steps of optimizers over whole vectors, chosen by integer.

As in `switches.py`, the text of a function is made from the table, so that each update is a loop of its own, which vectorizes.
"""

from __future__ import annotations

from typing import Any

from landscape.formulas.optimizers import OPTIMIZERS, SLOTS, Scales
from landscape.jit import kernel
from landscape.kernels.runs import (
    BETA2,
    DECAY,
    EPS,
    FLOOR,
    MOMENTUM,
    OPTIMIZER,
    PERIOD,
    RATE,
    SCHEDULE,
    TOTAL,
    WARMUP,
    WEIGHT_DECAY,
    corrections,
    scheduled,
)


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


update = update_loops()


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
