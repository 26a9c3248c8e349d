"""Steps of optimizers over whole vectors, chosen by integer.

As in `switches.py`, the text of a function is made from the table, so that each update is a loop of its own, which vectorizes.
"""

from __future__ import annotations

from typing import Any

from landscape.formulas.optimizers import OPTIMIZERS, SLOTS, Scales
from landscape.jit import kernel
from landscape.kernels.runs import OPTIMIZER, scales_at


def update_loops(target: str) -> Any:
    """Compile a function of (code, θ [P], gradient [P], scale, memory [S, P], k): one step on gradient·scale.

    The new parameters go to the `target`, `theta` or `gradient`; the result says whether they are finite: zero times anything else is not zero.
    """
    names: dict[str, Any] = {}
    lines = [
        "def update(code, theta, gradient, scale, slots, k):",
        "    zero = theta.dtype.type(0)",
        "    total = zero",
    ]
    for code, row in enumerate(OPTIMIZERS.values()):
        names[f"update_{code}"] = row.update
        used = range(len(row.slots))
        taken = ", ".join([f"s{i}[q]" for i in used] + ["zero"] * (SLOTS - len(used)))
        lines += [f"    if code == {code}:", *(f"        s{i} = slots[{i}]" for i in used)]
        lines += [
            "        for q in range(theta.size):",
            f"            t, n0, n1, n2 = update_{code}(theta[q], gradient[q] * scale, {taken}, k)",
            f"            {target}[q] = t",
            *(f"            s{i}[q] = n{i}" for i in used),
            "            total += t * zero",
        ]
    lines.append("    return total == zero")
    exec("\n".join(lines), names)
    return kernel(cached=False)(names["update"])


update_in_place, update_apart = update_loops("theta"), update_loops("gradient")


@kernel
def scales_of(whole, numbers, step, kind):
    """Give a run's `Scales` of a step in the kernels' dtype; `whole` and `numbers` are its rows of `Runs`."""
    wide = scales_at(whole, numbers, step)
    return Scales(
        kind(wide.rate), kind(wide.momentum), kind(wide.beta2), kind(wide.eps), kind(wide.decay), kind(wide.first), kind(wide.second)
    )  # fmt: skip


@kernel
def scaled_step(whole, numbers, step, theta, gradient, factor, slots):
    """Update θ [P] of a run by its optimizer at its rate of the step; the gradient is multiplied by a factor first."""
    kind = theta.dtype.type
    k = scales_of(whole, numbers, step, kind)
    update_in_place(whole[OPTIMIZER], theta, gradient, kind(factor), slots, k)


@kernel
def step_apart(whole, numbers, step, theta, gradient, factor, slots):
    """Set `gradient` to the parameters that follow θ [P], which stays; say whether they are finite."""
    kind = theta.dtype.type
    k = scales_of(whole, numbers, step, kind)
    return update_apart(whole[OPTIMIZER], theta, gradient, kind(factor), slots, k)
