"""Shapes of values: how they are asked for, and axes by the sizes that they get."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.onnx_graph.call import Call
from landscape.importers.onnx_graph.graph import SIZES, Varying, sizes_of
from landscape.importers.values import MIXES, Size, Value, regrouped

Translate = Callable[[Call], Any]
Pairs = list[tuple[int, int]]


def whole_shapes(value: Value) -> tuple[list[int], list[int]]:
    """Give a value's shape with all examples, for both numbers of examples."""
    one, two = (
        [size * count if axis == value.batch else size for axis, size in enumerate(value.shape)]
        for count in SIZES
    )
    return one, two


def shape(call: Call) -> Value | Varying:
    """Give the sizes of a value, or some of them."""
    part = slice(call.get("start", 0), call.get("end"))
    one, two = (np.array(found, np.int64)[part] for found in whole_shapes(call.value()))
    return call.graph.fixed(one, call.output) if np.array_equal(one, two) else Varying((one, two))


def size(call: Call) -> Value | Varying:
    """Count a value's numbers."""
    one, two = (np.array(math.prod(found), np.int64) for found in whole_shapes(call.value()))
    return call.graph.fixed(one, call.output) if one == two else Varying((one, two))


def reshape(call: Call) -> Value:
    """Give a value other axes."""
    pairs = call.sizes(1) if len(call.node.input) > 1 else [(int(n), int(n)) for n in call.get("shape", [])]
    value = call.value()
    if value.batch is None and value.constant is None:
        wanted = [one for one, _ in pairs]
        if not call.get("allowzero"):
            wanted = [value.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
        part = call.graph.viewed(value, lambda array: array.reshape(wanted))
        if part is not None:
            return part
    return regrouped_by(call, value, pairs)


def regrouped_by(call: Call, value: Value, pairs: Pairs) -> Value:
    """Give a value the axes of sizes, in which 0 stands for the size that is there and −1 for what is left.

    A file with a fixed number of examples has it in its sizes, which then do not say which axis is the batch's.
    """
    examples = call.graph.batch
    if examples is None or value.batch is None or any(one != two for one, two in pairs):
        wanted = sizes_of(resolved(call, pairs, whole_shapes(value)))
    else:
        here = [n * examples if axis == value.batch else n for axis, n in enumerate(value.shape)]
        wanted = placed(value, [one for one, _ in resolved(call, pairs, (here, here))], examples)
    return call.builder.regrouped(value, regrouped(value, wanted))


def resolved(call: Call, pairs: Pairs, shapes: tuple[list[int], list[int]]) -> Pairs:
    """Put sizes in the place of 0 and −1, for both numbers of examples."""
    columns = []
    for number, before in enumerate(shapes):
        sizes = [pair[number] for pair in pairs]
        if not call.get("allowzero"):
            sizes = [
                before[axis] if size == 0 and axis < len(before) else size for axis, size in enumerate(sizes)
            ]
        known, count = math.prod(size for size in sizes if size != -1), math.prod(before)
        if sizes.count(-1) == 1 and known > 0 and count % known == 0:
            sizes[sizes.index(-1)] = count // known
        if math.prod(sizes) != count or any(size < 1 for size in sizes):
            told = [str(one) if one == two else "a multiple of N" for one, two in pairs]
            raise InputError(f"shape [{', '.join(told)}]: {MIXES}")
        columns.append(sizes)
    return list(zip(*columns, strict=True))


def placed(value: Value, sizes: list[int], examples: int) -> list[Size]:
    """Find the batch's axis among sizes with a fixed number of examples: as much comes before it as before.

    Raises
    ------
    InputError
        No axis can be it.
    """
    assert value.batch is not None
    before, merged = math.prod(value.shape[: value.batch]) * value.outer, None
    for axis, size in enumerate(sizes):
        ahead = math.prod(sizes[:axis])
        if before % ahead or size % (examples * (before // ahead)):
            continue
        merged = axis
        if ahead == before:
            break
    if merged is None:
        raise InputError(f"shape {sizes}: {MIXES}")
    return [
        Size(size // examples, True) if axis == merged else Size(size, False)
        for axis, size in enumerate(sizes)
    ]


def flatten(call: Call) -> Value:
    """Join axes before one, and those from it on."""
    value, axis = call.value(), int(call.get("axis", 1))
    rank = len(value.shape)
    axis = axis % rank if axis < 0 else axis
    one, two = whole_shapes(value)
    pairs = [(math.prod(s[:axis]), math.prod(t[:axis])) for s, t in ((one, two),)]
    pairs += [(math.prod(s[axis:]), math.prod(t[axis:])) for s, t in ((one, two),)]
    part = call.graph.viewed(value, lambda array: array.reshape(pairs[0][0], pairs[1][0]))
    return part or call.builder.regrouped(value, regrouped(value, sizes_of(pairs)))


def filled(call: Call) -> Value:
    """Fill a shape with one number; of a shape with the batch in it, once for each example."""
    value = call.get("value")
    number = np.zeros((), np.float32) if value is None else np.ravel(value)[0]
    pairs = call.sizes(0)
    sizes = sizes_of(pairs)
    axes = [axis for axis, size in enumerate(sizes) if size.varies]
    if len(axes) > 1:
        raise InputError(MIXES)
    whole = tuple(size.count for size in sizes)
    call.graph.require_known(math.prod(whole))
    return Value(whole, batch=axes[0] if axes else None, constant=np.full(whole, number))


def same(call: Call) -> Value:
    """Pass the value on."""
    return replace(call.value())


SHAPES: dict[str, Translate] = {
    "Shape": shape,
    "Size": size,
    "Reshape": reshape,
    "Flatten": flatten,
    "ConstantOfShape": filled,
    "Identity": same,
}
