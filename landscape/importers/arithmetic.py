"""Bounds, powers, and arithmetic with a number as ops of the format, for all importers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from landscape.errors import InputError

# What stands for a value: the name of its node, or more than that.
Source = TypeVar("Source")
# Adds a node (op, its input, attributes) and gives its name.
Add = Callable[..., str]
# Powers that have an op of their own.
POWERS = {2.0: "square", 0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}


def number_of(value: Any, what: str) -> float:
    """Read a finite number.

    Raises
    ------
    InputError
        It is infinite, NaN or no number.
    """
    found = float(value)
    if not math.isfinite(found):
        raise InputError(f"{what}: expected a finite number, found {found}")
    return found


def clipped(add: Callable[..., Source], source: Source, least: Any, most: Any) -> Source:
    """Bound a value from below, from above or both; a bound of None or infinity is none."""
    if least is not None and float(least) != -math.inf:
        source = add("clip_below", source, least=number_of(least, "the lower bound"))
    if most is not None and float(most) != math.inf:
        source = add("clip_above", source, most=number_of(most, "the upper bound"))
    return source


def hardtanh(add: Callable[..., Source], source: Source, least: float, most: float) -> Source:
    """Bound a value so that it has no slope at the ends either, as `hardtanh` of PyTorch has none."""
    if (least, most) == (0.0, 6.0):
        return add("relu6", source)
    if least == 0.0:
        return add("clip_above", add("relu", source), most=most)
    middle, half = 0.5 * (least + most), 0.5 * (most - least)
    return shifted(add, add("hardtanh", shifted(add, source, -middle), limit=half), middle)


def shifted(add: Callable[..., Source], source: Source, by: float) -> Source:
    """Add a number."""
    return source if by == 0 else add("shift", source, by=by)


def scaled(add: Callable[..., Source], source: Source, by: float) -> Source:
    """Multiply by a number."""
    return source if by == 1 else add("scale", source, by=by)


def raised(add: Callable[..., Source], source: Source, exponent: float) -> Source:
    """Raise to a power."""
    if exponent == 1:
        return source
    if exponent in POWERS:
        return add(POWERS[exponent], source)
    return add("power", source, exponent=exponent)


def exponential_of_base(add: Callable[..., Source], source: Source, base: float) -> Source:
    """Raise a number above 0 to a value."""
    if base <= 0:
        raise InputError(f"{base} to the power of a value: expected a number above 0")
    return add("exp", scaled(add, source, math.log(base)))


def with_number(add: Callable[..., Source], op: str, source: Source, number: float, *, first: bool) -> Source:
    """Join a value and a number by `add`, `subtract`, `multiply` or `divide`; `first` where the number stands first.

    >>> with_number(lambda op, source, **given: f"{op}({source}, {given})", "subtract", "x", 3.0, first=True)
    "shift(scale(x, {'by': -1.0}), {'by': 3.0})"
    """
    if op == "add":
        return shifted(add, source, number)
    if op == "subtract":
        return shifted(add, scaled(add, source, -1.0), number) if first else shifted(add, source, -number)
    if op == "divide":
        if first:
            return scaled(add, add("reciprocal", source), number)
        if number == 0:
            raise InputError("divides by 0")
        number = 1.0 / number
    return scaled(add, source, number)
