"""Steps of optimizers over whole vectors, chosen by integer.

As in `switches.py`, the text of a function is made from the table, so that each update is a loop of its own, which vectorizes.
"""

from __future__ import annotations

from typing import Any

from landscape.formulas.optimizers import OPTIMIZERS, SLOTS, Scales
from landscape.jit import kernel
from landscape.kernels.runs import OPTIMIZER, scales_at


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
def scaled_step(whole, numbers, step, theta, gradient, factor, slots):
    """Update θ [P] of a run by its optimizer at its rate of the step; the gradient is multiplied by a factor first.

    `whole` and `numbers` are the run's rows of `Runs`.
    """
    wide, kind = scales_at(whole, numbers, step), theta.dtype.type
    k = Scales(
        kind(wide.rate), kind(wide.momentum), kind(wide.beta2), kind(wide.eps), kind(wide.decay), kind(wide.first), kind(wide.second)
    )  # fmt: skip
    update(whole[OPTIMIZER], theta, gradient, kind(factor), slots, k)
