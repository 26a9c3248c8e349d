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
from landscape.kernels.cpu.views import flat


def loops(table: Mapping[str, Any], blocks: str, scalars: str, statement: str, by_row: bool = False) -> Any:
    """Compile a function of (code, blocks, scalars) with a loop over a statement for each row of a table.

    `{slope}` in the statement stands for the row's formula of that name. Blocks are contiguous, and run through in one line as `z[q]`, so
    that few elements are left over by vectors; `by_row` keeps rows f and columns j.
    """
    fields = {name for _, name, _, _ in Formatter().parse(statement) if name}
    names: dict[str, Any] = {"__name__": __name__, "flat": flat}
    arguments = ", ".join(filter(None, ("code", blocks, scalars)))
    lines = [f"def chosen({arguments}):"]
    if not by_row:
        lines += [f"    {name} = flat({name})" for name in blocks.split(", ")]
    for code, row in enumerate(table.values()):
        names |= {f"{field}_{code}": getattr(row, field) for field in fields}
        body = statement.format(**{field: f"{field}_{code}" for field in fields})
        lines.append(f"    if code == {code}:")
        if by_row:
            lines += [
                "        for f in range(z.shape[0]):",
                f"            for j in range(z.shape[1]): {body}",
            ]
        else:
            lines.append(f"        for q in range(z.size): {body}")
    exec("\n".join(lines), names)
    return kernel(cached=False)(names["chosen"])


# z = f(z) in place, under one name, since a loop over two arrays that overlap stays scalar.
activate = loops(ACTIVATIONS, "z", "p", "z[q] = {value}(z[q], p)")
# z = f(base + scale·change).
activate_affine = loops(
    ACTIVATIONS, "base, change, z", "scale, p", "z[q] = {value}(base[q] + scale * change[q], p)"
)
# f′(z)·factor is set as a tangent, and added to an adjoint; along a tangent f″(z)·d·dz is added with it.
set_slope = loops(ACTIVATIONS, "z, a, factor, out", "p", "out[q] = {slope}(z[q], a[q], p) * factor[q]")
add_slope = loops(ACTIVATIONS, "z, a, factor, out", "p", "out[q] += {slope}(z[q], a[q], p) * factor[q]")
add_bent = loops(
    ACTIVATIONS,
    "z, a, d, dz, dd, out",
    "p",
    "out[q] += {slope}(z[q], a[q], p) * dd[q] + {curvature}(z[q], a[q], p) * (d[q] * dz[q])",
)

# Losses of outputs z for targets y are summed over rows, in float64; derivatives are set.
add_loss = loops(LOSSES, "z, y, out", "delta", "out[j] += {value}(z[f, j], y[f, j], delta)", by_row=True)
loss_slope = loops(LOSSES, "z, y, out", "delta", "out[q] = {slope}(z[q], y[q], delta)")
loss_curvature = loops(
    LOSSES, "z, y, factor, out", "delta", "out[q] = {curvature}(z[q], y[q], delta) * factor[q]"
)
