"""Functions of each number, and choices between numbers by masks of 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.importers.builder import Builder, Number
from landscape.importers.nodes import LEAST
from landscape.importers.values import Value


def step(b: Builder, value: Value, least: float) -> Value:
    """Give 1 where a number is above another, else 0."""
    return b.function("relu", b.function("sign", b.shifted(value, -least)))


def larger(b: Builder, one: Value | Number, two: Value | Number) -> Value:
    """Give the larger of two values: a + max(b − a, 0)."""
    return b.binary("add", one, b.function("relu", b.binary("subtract", two, one)))


def less(b: Builder, one: Value | Number, two: Value | Number) -> Value:
    """Give the lesser of two values: a − max(a − b, 0)."""
    return b.binary("subtract", one, b.function("relu", b.binary("subtract", one, two)))


def compared(b: Builder, kind: str, one: Value | Number, two: Value | Number) -> Value:
    """Compare two values, which is 1 or 0 and has no slope."""
    sign = b.function("sign", b.binary("subtract", one, two))
    return {
        "gt": lambda: b.function("relu", sign),
        "lt": lambda: b.function("relu", b.scaled(sign, -1)),
        "ge": lambda: inverted(b, b.function("relu", b.scaled(sign, -1))),
        "le": lambda: inverted(b, b.function("relu", sign)),
        "eq": lambda: inverted(b, b.function("square", sign)),
        "ne": lambda: b.function("square", sign),
    }[kind]()


def inverted(b: Builder, mask: Value) -> Value:
    """Give 1 − m."""
    return b.shifted(b.scaled(mask, -1), 1)


def chosen(b: Builder, mask: Value, one: Any, two: Any) -> Value:
    """Give m·a + (1 − m)·b; what is chosen may be a number."""
    one = float(one) if isinstance(one, (int, float)) else one
    if mask.fixed:
        mask = b.fixed(mask.constant.astype(np.float64))
    two = float(two) if isinstance(two, (int, float)) else two
    for given, kept, chosen_at in ((one, two, True), (two, one, False)):
        if mask.fixed and isinstance(given, float) and given <= LEAST and isinstance(kept, Value):
            # What is added is so low that the number there does not count.
            marked = (mask.constant != 0) == chosen_at
            return b.binary("add", kept, b.fixed(np.where(marked, LEAST, 0.0)))
    other = b.fixed(1 - mask.constant) if mask.fixed else inverted(b, mask)
    parts = [
        part
        for factor, given in ((mask, one), (other, two))
        if (part := weighted(b, factor, given)) is not None
    ]
    if not parts:
        return b.scaled(mask, 0)
    return parts[0] if len(parts) == 1 else b.binary("add", parts[0], parts[1])


def weighted(b: Builder, mask: Value, given: Any) -> Value | None:
    """Give m·a, or None if a is zero."""
    if isinstance(given, Value):
        if given.fixed and not bool(given.constant.any()):
            return None
        if given.fixed:
            given = b.fixed(b.numbers(given.constant))
        return b.binary("multiply", given, mask)
    number = float(b.numbers(np.array(float(given))))
    if number == 0:
        return None
    return b.fixed(mask.constant * number) if mask.fixed else b.scaled(mask, number)


def with_slopes(b: Builder, value: Value, slopes: Value) -> Value:
    """Give max(x, 0) − w·max(−x, 0), slopes spread to the value's shape."""
    below = b.function("relu", b.scaled(value, -1))
    return b.binary("subtract", b.function("relu", value), b.binary("multiply", below, slopes))
