"""Changes of the kind of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.call import Call
from landscape.importers.values import Value

Translate = Callable[[Call], Any]
# Of TensorProto: FLOAT, FLOAT16, DOUBLE, BFLOAT16; integers; BOOL.
FLOATS, INTEGERS, TRUTH = (1, 10, 11, 16), (2, 3, 4, 5, 6, 7, 12, 13), 9


def cast(call: Call) -> Value:
    """Pass on what is cast to a float; floats are cut to whole numbers, and others than 0 are true."""
    b, wanted = call.builder, call.get("to")
    if wanted not in (*FLOATS, *INTEGERS, TRUTH):
        raise InputError(f"to={shown(wanted)}: expected a cast between numbers")
    value = call.value()
    known_kind = call.is_whole(0) or call.is_truth(0)
    if wanted == TRUTH and not call.is_truth(0):
        return b.function("square", b.function("sign", value))
    if wanted in FLOATS or known_kind:
        part = call.graph.viewed(value, lambda array: array)
        return part or value
    return b.binary("multiply", b.function("sign", value), b.function("floor", b.function("abs", value)))


def cast_like(call: Call) -> Value:
    """Pass on what is cast to the kind of another value, floats as both are."""
    if call.is_whole(1) or call.is_truth(1):
        raise InputError("casts to whole numbers: expected floats")
    return call.value()


CASTS: dict[str, Translate] = {"Cast": cast, "CastLike": cast_like}
