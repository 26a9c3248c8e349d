"""Loops over one formula of a table, a function each, so that each vectorizes and only those that a network uses are compiled.

Numba cannot cache functions that are passed as arguments, and a choice inside the loop would keep it scalar. So the text of a function is made from each
row of a table. A new formula needs no change here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any, NamedTuple

from numpy.typing import NDArray

from landscape.formulas.activations import ACTIVATIONS
from landscape.formulas.losses import LOSSES
from landscape.jit import kernel
from landscape.kernels.cpu.rules import ACTIVATE, ADD_CURVED, ADD_SLOPE, AFFINE, SET_SLOPE, Rule, caller
from landscape.kernels.cpu.views import flat


def fields_of(statement: str) -> set[str]:
    """List the formulas that a statement uses."""
    return {name for _, name, _, _ in Formatter().parse(statement) if name}


def written(name: str, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """Make a function of its text; it counts as this file's, so that Numba keeps its machine code."""
    exec(compile("\n".join(lines), __file__, "exec"), names)
    return names[name]


def loop_rules(name: str, letters: str, arguments: str, statement: str) -> list[Rule]:
    """Make a rule for each activation: a loop over a statement, in which `{slope}` stands for the formula of that name.

    Blocks are flat, and run through in one line as `z[q]`, so that few elements are left over by vectors.
    """
    rules = []
    for activation, row in ACTIVATIONS.items():
        names = {"__name__": __name__} | {field: getattr(row, field) for field in fields_of(statement)}
        function = f"{name}_{activation}"
        body = statement.format(**{field: field for field in fields_of(statement)})
        lines = [f"def {function}({arguments}):", f"    for q in range(z.size): {body}"]
        rules.append(Rule(written(function, lines, names), letters))
    return rules


# z = f(z) in place, under one name, since a loop over two arrays that overlap stays scalar.
# f(base + scale·change) is set; f′(z)·factor is set as a tangent, and added to an adjoint; along a tangent f″(z)·d·dz is added with it.
RULES = {
    ACTIVATE: loop_rules("activate", "rx", "z, p", "z[q] = {value}(z[q], p)"),
    AFFINE: loop_rules(
        "affine", "rrrxx", "base, change, z, scale, p", "z[q] = {value}(base[q] + scale * change[q], p)"
    ),
    SET_SLOPE: loop_rules(
        "set_slope", "rrrrx", "z, a, factor, out, p", "out[q] = {slope}(z[q], a[q], p) * factor[q]"
    ),
    ADD_SLOPE: loop_rules(
        "add_slope", "rrrrx", "z, a, factor, out, p", "out[q] += {slope}(z[q], a[q], p) * factor[q]"
    ),
    ADD_CURVED: loop_rules(
        "add_curved",
        "rrrrrrx",
        "z, a, d, dz, dd, out, p",
        "out[q] += {slope}(z[q], a[q], p) * dd[q] + {curvature}(z[q], a[q], p) * (d[q] * dz[q])",
    ),
}
run_activate, run_affine, run_slope, run_curved = (
    caller(letters) for letters in ("rx", "rrrxx", "rrrrx", "rrrrrrx")
)


@kernel
def activate(rules, code, z, p):
    """Set a block to an activation of it."""
    run_activate(rules, ACTIVATE + code, (flat(z), p))


@kernel
def activate_affine(rules, code, base, change, z, scale, p):
    """Set a block to an activation of base + scale·change."""
    run_affine(rules, AFFINE + code, (flat(base), flat(change), flat(z), scale, p))


@kernel
def set_slope(rules, code, z, a, factor, out, p):
    """Set a block to an activation's slope times a factor."""
    run_slope(rules, SET_SLOPE + code, (flat(z), flat(a), flat(factor), flat(out), p))


@kernel
def add_slope(rules, code, z, a, factor, out, p):
    """Add an activation's slope times a factor to a block."""
    run_slope(rules, ADD_SLOPE + code, (flat(z), flat(a), flat(factor), flat(out), p))


class Changing(NamedTuple):
    """Blocks of a number, its activation's adjoint, and the changes of both along a tangent."""

    z: NDArray
    dz: NDArray
    d: NDArray
    dd: NDArray


@kernel
def add_curved(rules, code, given, a, out, p):
    """Add the change of an activation's reverse rule to a block; `a` are the activations of what is given."""
    z, dz, d, dd = flat(given.z), flat(given.dz), flat(given.d), flat(given.dd)
    run_curved(rules, ADD_CURVED + code, (z, flat(a), d, dz, dd, flat(out), p))


def chosen(table: Mapping[str, Any], blocks: str, statement: str, by_row: bool = False) -> Any:
    """Compile a function of (code, blocks, delta) with a loop over a statement for each loss of a table; `by_row` keeps rows f and columns j."""
    names: dict[str, Any] = {"__name__": __name__, "flat": flat}
    lines = [f"def chosen(code, {blocks}, delta):"]
    if not by_row:
        lines += [f"    {name} = flat({name})" for name in blocks.split(", ")]
    for code, row in enumerate(table.values()):
        fields = fields_of(statement)
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
    return kernel(cached=False)(written("chosen", lines, names))


# Losses of outputs z for targets y are summed over rows, in float64; derivatives are set.
add_loss = chosen(LOSSES, "z, y, out", "out[j] += {value}(z[f, j], y[f, j], delta)", by_row=True)
loss_slope = chosen(LOSSES, "z, y, out", "out[q] = {slope}(z[q], y[q], delta)")
loss_curvature = chosen(LOSSES, "z, y, factor, out", "out[q] = {curvature}(z[q], y[q], delta) * factor[q]")
