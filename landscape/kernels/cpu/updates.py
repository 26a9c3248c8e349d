"""Steps of optimizers over whole vectors, with one rule for each optimizer.

As in `loops.py`, the text of a function is made from the table, so that each update is a loop of its own, which vectorizes.
"""

from __future__ import annotations

from typing import Any

from numba import types

from landscape.formulas.optimizers import OPTIMIZERS, SLOTS, Optimizer, Scales
from landscape.jit import kernel
from landscape.kernels.cpu.loops import written
from landscape.kernels.cpu.rules import UPDATE, UPDATE_APART, Rule, caller
from landscape.kernels.runs import OPTIMIZER, scales_at

LETTERS = "rrxsxxxxxxx"


def update_rule(name: str, row: Optimizer, target: str) -> Rule:
    """Make a rule of (θ [P], gradient [P], scale, memory [S, P], the step's `Scales`): one step on gradient·scale.

    The new parameters go to the `target`, `theta` or `gradient`; the result says whether they are finite: zero times anything else is not zero.
    """
    used = range(len(row.slots))
    taken = ", ".join([f"s{i}[q]" for i in used] + ["zero"] * (SLOTS - len(used)))
    function, scales = f"{name}_to_{target}", ", ".join(Scales._fields)
    lines = [
        f"def {function}(theta, gradient, scale, slots, {scales}):",
        f"    k = Scales({scales})",
        "    zero = theta.dtype.type(0)",
        "    total = zero",
        *(f"    s{i} = slots[{i}]" for i in used),
        "    for q in range(theta.size):",
        f"        t, n0, n1, n2 = update(theta[q], gradient[q] * scale, {taken}, k)",
        f"        {target}[q] = t",
        *(f"        s{i}[q] = n{i}" for i in used),
        "        total += t * zero",
        "    return total == zero",
    ]
    names: dict[str, Any] = {"__name__": __name__, "Scales": Scales, "update": row.update}
    return Rule(written(function, lines, names), LETTERS, types.boolean)


RULES = {
    number: [update_rule(name, row, target) for name, row in OPTIMIZERS.items()]
    for number, target in ((UPDATE, "theta"), (UPDATE_APART, "gradient"))
}
run_update = caller(LETTERS, types.boolean)


@kernel
def update(rules, number, k, theta, gradient, factor, slots):
    """Run the rule of an optimizer, by its number, with a step's scales on the gradient times a factor."""
    kind = theta.dtype.type
    return run_update(
        rules, number,
        (
            theta, gradient, kind(factor), slots, kind(k.rate), kind(k.momentum), kind(k.beta2), kind(k.eps), kind(k.decay),
            kind(k.first), kind(k.second),
        ),
    )  # fmt: skip


@kernel
def scaled_step(rules, whole, numbers, step, theta, gradient, factor, slots):
    """Update θ [P] of a run by its optimizer."""
    scales = scales_at(whole, numbers, step)
    update(rules, UPDATE + whole[OPTIMIZER], scales, theta, gradient, factor, slots)


@kernel
def step_apart(rules, whole, numbers, step, theta, gradient, factor, slots):
    """Set `gradient` to the parameters that follow θ [P], which stays; say whether they are finite."""
    scales = scales_at(whole, numbers, step)
    return update(rules, UPDATE_APART + whole[OPTIMIZER], scales, theta, gradient, factor, slots)
