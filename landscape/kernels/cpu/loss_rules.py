"""The rules of every loss, at its code: those of an element-wise loss are loops over its three formulas, written from the row of the table.

With a weight for each element the weights are as many rows of the targets as there are outputs, after the targets themselves, and `labels` say which
outputs should be above zero.
"""

from __future__ import annotations

from landscape.formulas.losses import LOSSES, WEIGHTED, Loss
from landscape.jit import kernel
from landscape.kernels.cpu.loops import written
from landscape.kernels.cpu.losses import (
    ADJOINT_LETTERS,
    CHANGE_LETTERS,
    CROSS_ENTROPY_RULES,
    SUMS_LETTERS,
    mark_broken,
)
from landscape.kernels.cpu.margins import MARGIN_RULES
from landscape.kernels.cpu.masses import MASSES_RULES
from landscape.kernels.cpu.rules import ADJOINT_CHANGE_OF, ADJOINT_OF, SUMS_OF, Rule
from landscape.kernels.cpu.views import flat

# Losses whose outputs are right on one side of zero.
BINARY = ("binary_cross_entropy", "focal")


@kernel
def count_binary(z, y, correct):
    """Count the elements on the right side of zero in each column."""
    half = z.dtype.type(0.5)
    for f in range(z.shape[0]):
        for j in range(correct.size):
            correct[j] += 1.0 if (z[f, j] > z.dtype.type(0)) == (y[f, j] > half) else 0.0


@kernel
def count_sides(z, labels, correct):
    """Count the elements on the side of zero that a label of 0 or 1 asks for."""
    for f in range(z.shape[0]):
        for j in range(correct.size):
            correct[j] += 1.0 if (z[f, j] > z.dtype.type(0)) == (labels[f, j] > 0) else 0.0


def elementwise_rules(name: str, row: Loss, weighted: bool) -> tuple[Rule, Rule, Rule]:
    """Write the rules of an element-wise loss: its sums, its adjoint and its adjoint's change."""
    names = {"__name__": __name__, "flat": flat, "mark_broken": mark_broken, **row._asdict()}
    names |= {"count_binary": count_binary, "count_sides": count_sides}
    weight, flat_weight = (" * y[f + z.shape[0], j]", " * ys[q + zs.size]") if weighted else ("", "")
    count = "count_sides(z, batch.labels[t], sums[1])" if weighted else "count_binary(z, y, sums[1])"
    kind = f"{'weighted_' if weighted else ''}{name}"
    sums = [
        f"def {kind}_sums(code, delta, batch, t, z, scratch, sums):",
        "    sums[:, :] = 0.0",
        "    y, total = batch.targets[t], sums[0]",
        "    for f in range(z.shape[0]):",
        f"        for j in range(z.shape[1]): total[j] += value(z[f, j], y[f, j], delta){weight}",
        *([f"    {count}"] if name in BINARY else []),
        "    mark_broken(z, scratch, sums)",
    ]
    views, end = "zs, ys", "[:, batch.valid[t]:] = 0"
    adjoint = [
        f"def {kind}_adjoint(code, delta, batch, t, z, scratch, adjoint):",
        f"    {views}, into = flat(z), flat(batch.targets[t]), flat(adjoint)",
        f"    for q in range(zs.size): into[q] = slope(zs[q], ys[q], delta){flat_weight}",
        f"    adjoint{end}",
    ]
    change = [
        f"def {kind}_change(code, delta, batch, t, z, dz, scratch, out):",
        f"    {views}, factor, into = flat(z), flat(batch.targets[t]), flat(dz), flat(out)",
        f"    for q in range(zs.size): into[q] = curvature(zs[q], ys[q], delta) * factor[q]{flat_weight}",
        f"    out{end}",
    ]
    return (
        Rule(written(f"{kind}_sums", sums, dict(names)), SUMS_LETTERS),
        Rule(written(f"{kind}_adjoint", adjoint, dict(names)), ADJOINT_LETTERS),
        Rule(written(f"{kind}_change", change, dict(names)), CHANGE_LETTERS),
    )


PLAIN = [elementwise_rules(name, row, False) for name, row in LOSSES.items()]
WITH_WEIGHTS = [elementwise_rules(name, row, True) for name, row in LOSSES.items()]
# In the order of the codes.
BY_CODE = [*PLAIN, CROSS_ENTROPY_RULES, MASSES_RULES, MARGIN_RULES, MARGIN_RULES, *WITH_WEIGHTS]
assert BY_CODE.index(WITH_WEIGHTS[0]) == WEIGHTED
RULES = {
    number: [rules[place] for rules in BY_CODE]
    for place, number in enumerate((SUMS_OF, ADJOINT_OF, ADJOINT_CHANGE_OF))
}
