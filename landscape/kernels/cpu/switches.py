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


def loops(table: Mapping[str, Any], arguments: str, statement: str, once_a_row: str = "pass") -> Any:
    """Compile a function of (code, arguments) with loops over rows f and columns j of z for each row of a table.

    `{slope}` in the statement stands for the row's formula of that name.
    """
    fields = {name for _, name, _, _ in Formatter().parse(statement) if name}
    names: dict[str, Any] = {}
    lines = [f"def chosen(code, {arguments}):"]
    for code, row in enumerate(table.values()):
        names |= {f"{field}_{code}": getattr(row, field) for field in fields}
        body = statement.format(**{field: f"{field}_{code}" for field in fields})
        lines += [
            f"    if code == {code}:",
            "        for f in range(z.shape[0]):",
            f"            {once_a_row}",
            "            for j in range(z.shape[1]):",
            f"                {body}",
        ]
    exec("\n".join(lines), names)
    return kernel(cached=False)(names["chosen"])


# z = f(z + bias) in place, under one name, since a loop over two arrays that overlap stays scalar; bias −1 is none.
activate = loops(
    ACTIVATIONS,
    "weights, bias, period, p, z",
    "z[f, j] = {value}(z[f, j] + b, p)",
    "b = weights[bias + f % period] if bias >= 0 else weights.dtype.type(0)",
)
# out = f(base + scale·change).
activate_affine = loops(
    ACTIVATIONS, "base, scale, change, p, z", "z[f, j] = {value}(base[f, j] + scale * change[f, j], p)"
)
# f′(z)·factor, and f″(z)·d·dz, are added to what is there.
add_slope = loops(
    ACTIVATIONS, "z, a, p, factor, out", "out[f, j] += {slope}(z[f, j], a[f, j], p) * factor[f, j]"
)
add_curvature = loops(
    ACTIVATIONS, "z, a, p, d, dz, out", "out[f, j] += {curvature}(z[f, j], a[f, j], p) * (d[f, j] * dz[f, j])"
)

# Losses of outputs z for targets y are summed over rows, in float64; derivatives are set.
add_loss = loops(LOSSES, "z, y, delta, out", "out[j] += {value}(z[f, j], y[f, j], delta)")
loss_slope = loops(LOSSES, "z, y, delta, out", "out[f, j] = {slope}(z[f, j], y[f, j], delta)")
loss_curvature = loops(
    LOSSES, "z, y, delta, factor, out", "out[f, j] = {curvature}(z[f, j], y[f, j], delta) * factor[f, j]"
)
