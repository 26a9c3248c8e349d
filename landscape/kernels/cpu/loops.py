"""Loops over one formula of a table, a function each, so that each vectorizes and only those that a network uses are compiled.

Numba cannot cache functions that are passed as arguments, and a choice inside the loop would keep it scalar. So the text of a function is made from each
row of a table. A new formula needs no change here.
"""

from __future__ import annotations

from collections.abc import Callable
from string import Formatter
from typing import Any, NamedTuple

from numpy.typing import NDArray

from landscape.formulas.activations import ACTIVATIONS
from landscape.jit import kernel
from landscape.kernels.cpu.rules import ACTIVATE, ADD_CURVED, ADD_SLOPE, AFFINE, SET_SLOPE, Rule, caller
from landscape.kernels.cpu.views import flat


def fields_of(statement: str) -> set[str]:
    """List the formulas that a statement uses."""
    return {name for _, name, _, _ in Formatter().parse(statement) if name}


def written(name: str, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """Make a function from its source text, attributed to this file so that Numba caches its machine code."""
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
