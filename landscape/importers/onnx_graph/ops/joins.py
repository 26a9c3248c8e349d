"""Arithmetic of two values or of a value and a number, comparisons, and choices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers import arithmetic
from landscape.importers.onnx_graph.call import Call
from landscape.importers.onnx_graph.ops.functions import adder
from landscape.importers.rules.functions import chosen, compared, inverted
from landscape.importers.rules.weights import layer, own
from landscape.importers.values import Value

Translate = Callable[[Call], Any]
COMPARED = {"Equal": "eq", "Greater": "gt", "Less": "lt", "GreaterOrEqual": "ge", "LessOrEqual": "le"}


def joined(op: str) -> Translate:
    """Make the row of a sum, difference, product or quotient."""

    def translate(call: Call) -> Value:
        one, two = call.matched([call.value(), spread_as_before(call)])
        for value, other, first in ((one, two, True), (two, one, False)):
            if value.fixed and value.constant.size == 1 and len(value.shape) <= len(other.shape):
                number = arithmetic.number_of(value.constant.reshape(-1)[0], "a constant")
                call.note_fixed(value)
                return arithmetic.with_number(adder(call), op, other, number, first=first)
        if op == "divide" and call.is_whole(0):
            raise InputError("divides whole numbers that depend on the data")
        return (positioned(call, one, two) if op == "add" else None) or call.builder.binary(op, one, two)

    return translate


def positioned(call: Call, one: Value, two: Value) -> Value | None:
    """Add a trained vector to each position of a sequence, if one input is such a weight and the other the sequence."""
    weight, value = (one, two) if one.batch is None else (two, one)
    shape = value.laid
    if weight.constant is not None or value.batch != 0 or not value.drops or len(shape) != 2:
        return None
    if weight.shape not in (shape, (1, *shape)):
        return None
    view = call.graph.viewed(weight, lambda array: array.reshape(shape))
    weights = None if view is None else own(call.builder, weight=view)
    return None if weights is None else layer(call.builder, value, "position", weights)


def spread_as_before(call: Call) -> Value:
    """Give the second input, which versions before 7 align with an axis of the first."""
    value, axis = call.value(1), call.get("axis")
    if call.version >= 7 or axis is None or not call.get("broadcast"):
        return value
    rank = len(call.value().shape)
    missing = rank - int(axis) % rank - len(value.shape)
    return call.builder.regrouped(value, Value((*value.shape, *[1] * missing))) if missing > 0 else value


def total(call: Call) -> Value:
    """Add several values."""
    values = call.matched(call.values)
    result = values[0]
    for value in values[1:]:
        result = call.builder.binary("add", result, value)
    return result


def mean(call: Call) -> Value:
    """Average several values."""
    return call.builder.scaled(total(call), 1 / len(call.node.input))


def numbers_of(call: Call, position: int) -> Value:
    """Give an input of a comparison: numbers of the file are known ones there, whatever they are elsewhere."""
    value = call.value(position)
    array = call.array_of(value)
    return value if array is None or value.fixed else call.builder.fixed(array)


def comparison(op: str) -> Translate:
    """Make the row of a comparison, which is 1 or 0 and has no slope."""

    def translate(call: Call) -> Value:
        one, two = call.matched([numbers_of(call, 0), numbers_of(call, 1)])
        one, two = (as_float(call, value) for value in (one, two))
        return compared(call.builder, COMPARED[op], one, two)

    return translate


def as_float(call: Call, value: Value) -> Value:
    """Give known numbers as floats, truth values too."""
    return call.builder.fixed(np.asarray(value.constant, np.float64)) if value.fixed else value


def where(call: Call) -> Value:
    """Choose by a mask of 0 and 1: m·a + (1 − m)·b."""
    mask, one, two = call.matched([numbers_of(call, 0), call.value(1), call.value(2)])
    parts = [single(call, value) for value in (one, two)]
    return chosen(call.builder, mask, *parts)


def single(call: Call, value: Value) -> Any:
    """Give the number of a value that is one."""
    if value.fixed and value.constant.size == 1:
        call.note_fixed(value)
        return float(value.constant.reshape(-1)[0])
    return value


def both(call: Call) -> Value:
    """Translate a and b, of masks."""
    one, two = (as_float(call, value) for value in call.matched([numbers_of(call, 0), numbers_of(call, 1)]))
    return call.builder.binary("multiply", one, two)


def either(call: Call) -> Value:
    """Translate a or b, of masks: the larger."""
    b = call.builder
    one, two = (as_float(call, value) for value in call.matched([numbers_of(call, 0), numbers_of(call, 1)]))
    return inverted(b, b.binary("multiply", inverted(b, one), inverted(b, two)))


JOINS: dict[str, Translate] = {
    "Add": joined("add"),
    "Sub": joined("subtract"),
    "Mul": joined("multiply"),
    "Div": joined("divide"),
    "Sum": total,
    "Mean": mean,
    **{name: comparison(name) for name in COMPARED},
    "Not": lambda call: inverted(call.builder, call.value()),
    "And": both,
    "Or": either,
    "Where": where,
}
