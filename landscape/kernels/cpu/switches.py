"""Loops over one formula of a table, chosen by its code outside the loop so that each vectorizes.

Numba cannot cache functions that are passed as arguments, and a choice inside the loop would keep it scalar. So the text of
one function is made from the table, a loop for each row, and compiled as part of its callers. A new formula needs
no change here.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any

from landscape.formulas.activations import ACTIVATIONS
from landscape.formulas.losses import LOSSES
from landscape.jit import kernel


def loops(table: Mapping[str, Any], arguments: str, statement: str) -> Any:
    """Compile a function of (code, arguments) with a loop over j for each row of a table.

    `{slope}` in the statement stands for the row's formula of that name.
    """
    fields = {name for _, name, _, _ in Formatter().parse(statement) if name}
    names: dict[str, Any] = {}
    lines = [f"def chosen(code, {arguments}):"]
    for code, row in enumerate(table.values()):
        names |= {f"{field}_{code}": getattr(row, field) for field in fields}
        body = statement.format(**{field: f"{field}_{code}" for field in fields})
        lines += [f"    if code == {code}:", "        for j in range(out.size):", f"            {body}"]
    exec("\n".join(lines), names)
    return kernel(cached=False)(names["chosen"])


# f(out + bias) in place: one array under one name, since a loop over two that overlap stays scalar.
activate = loops(ACTIVATIONS, "bias, p, out", "out[j] = {value}(out[j] + bias, p)")
# f′(z)·factor and f″(z)·factor are added to what is there.
add_slope = loops(ACTIVATIONS, "z, a, p, factor, out", "out[j] += {slope}(z[j], a[j], p) * factor[j]")
add_curvature = loops(ACTIVATIONS, "z, a, p, factor, out", "out[j] += {curvature}(z[j], a[j], p) * factor[j]")

# Losses of outputs z for targets y are summed in float64; derivatives are set.
add_loss = loops(LOSSES, "z, y, delta, out", "out[j] += {value}(z[j], y[j], delta)")
loss_slope = loops(LOSSES, "z, y, delta, out", "out[j] = {slope}(z[j], y[j], delta)")
loss_curvature = loops(LOSSES, "z, y, delta, factor, out", "out[j] = {curvature}(z[j], y[j], delta) * factor[j]")
