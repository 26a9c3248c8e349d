"""Which rule runs a row in a pass: functions with a branch an op, written from the files of `ops/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import ModuleType

from landscape.kernels.cuda.table import (
    BACKWARD,
    CURVED,
    FINISH,
    GENERAL,
    GRADIENT,
    LINEAR,
    NARROW,
    OPS,
    TANGENT,
    VALUE,
)
from landscape.kernels.cuda.text import function_of
from landscape.program.codes import Op
from landscape.program.table import Column

PACKAGE = "landscape.kernels.cuda.ops"
# Of each pass what its rules are given beside the row's number and the frame, and what is returned where an op has no rule for it.
PASSES = {
    VALUE: ("", ""),
    LINEAR: (", y", ""),
    FINISH: (", f, value", " value"),
    GRADIENT: ("", ""),
    BACKWARD: ("", ""),
    TANGENT: ("", ""),
    CURVED: ("", ""),
}


@cache
def modules_of(wide: bool, ops: tuple[int, ...] = ()) -> dict[int, ModuleType]:
    """Load the files of the ops of dense networks, or where `wide` of all ops but the general ones, or of those that are given, by the ops' codes."""
    names = tuple(name for name in OPS if name not in GENERAL) if wide else NARROW
    if ops:
        names = with_called(tuple(name for name in OPS if Op[name.upper()] in ops))
    return {int(Op[name.upper()]): import_module(f"{PACKAGE}.{name}") for name in names}


def with_called(names: tuple[str, ...]) -> tuple[str, ...]:
    """Add the files of ops whose functions those of some files call.

    Examples
    --------
    >>> with_called(("convolution_of",))
    ('convolution_of', 'convolution', 'batchnorm')
    """
    found = list(names)
    for name in found:
        for value in vars(import_module(f"{PACKAGE}.{name}")).values():
            home, _, file = str(getattr(value, "__module__", "")).rpartition(".")
            if home == PACKAGE and file not in found:
                found.append(file)
    return tuple(found)


def texts(wide: bool, ops: tuple[int, ...] = ()) -> dict[str, str]:
    """Write the function of each pass, by name: `run_value`, `run_linear` and so on."""
    return {f"run_{number}": text_of(number, modules_of(wide, ops)) for number in PASSES}


def text_of(number: str, modules: Mapping[int, ModuleType]) -> str:
    """Write the function of a pass."""
    more, otherwise = PASSES[number]
    lines, word = [f"def run_{number}(i, frame{more}):"], "if"
    lines.append(f"    op = frame.network.rows[i, {int(Column.OP)}]")
    for op, module in modules.items():
        if number in module.RULES:
            lines += [
                f"    {word} op == {op}:",
                f"        return {module.RULES[number].__name__}(i, frame{more})",
            ]
            word = "elif"
    return "\n".join([*lines, f"    return{otherwise}"])


def unbound(number: str) -> object:
    """Make the function of a pass without the rules that it calls, which `template.py` binds; its name is what the kernels are written with."""
    return function_of(f"run_{number}", text_of(number, {}))


run_value, run_linear, run_finish, run_gradient, run_backward, run_tangent, run_curved = map(unbound, PASSES)
