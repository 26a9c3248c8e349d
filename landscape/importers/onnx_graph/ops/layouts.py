"""Operators that only put numbers in another order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.onnx_graph.call import Call
from landscape.importers.onnx_graph.folding import slice_of
from landscape.importers.rules.attention import looked_up
from landscape.importers.rules.layouts import channels_of_pixels, padded, with_axis, with_shape
from landscape.importers.values import MIXES, Value

Translate = Callable[[Call], Any]
PADDING = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def transpose(call: Call) -> Value:
    """Put the axes in an order, by default the reverse."""
    value = call.value()
    order = list(call.get("perm", range(len(value.shape))[::-1]))
    part = call.graph.viewed(value, lambda array: array.transpose(order))
    return part or call.builder.permuted(value, order)


def squeeze(call: Call) -> Value:
    """Drop axes of one element."""
    value, chosen = call.value(), call.integers(1, "axes")
    axes = (
        [axis for axis, size in enumerate(value.shape) if size == 1 and axis != value.batch]
        if chosen is None
        else sorted(value.axis(axis) for axis in chosen)
    )
    if any(value.shape[axis] != 1 or axis == value.batch for axis in axes):
        raise InputError(f"axes {shown(chosen)}: expected axes of one element, not the batch's")
    part = call.graph.viewed(value, lambda array: array.squeeze(tuple(axes)))
    if part is not None:
        return part
    for axis in reversed(axes):
        value = call.builder.without(value, axis)
    return value


def unsqueeze(call: Call) -> Value:
    """Add axes of one element."""
    value, chosen = call.value(), call.integers(1, "axes") or []
    rank = len(value.shape) + len(chosen)
    axes = sorted(axis % rank for axis in chosen)
    part = call.graph.viewed(value, lambda array: np.expand_dims(array, axes))
    if part is not None:
        return part
    for axis in axes:
        value = with_axis(call.builder, value, axis)
    return value


def cut(call: Call) -> Value:
    """Cut axes; the batch's may be taken as a whole."""
    value, starts, ends = call.value(), call.integers(1, "starts") or [], call.sizes_or(2, "ends")
    axes = call.integers(3, "axes") or list(range(len(starts)))
    steps = call.integers(4, "steps") or [1] * len(starts)
    for start, end, dim, step in zip(starts, ends, axes, steps, strict=True):
        axis = value.axis(dim)
        if axis == value.batch:
            require_whole(call, value, axis, (start, end, step))
            continue
        if end[0] != end[1] and min(end) < value.shape[axis]:
            raise InputError("an end that depends on the number of examples")
        places = slice_of(start, end[0], step, value.shape[axis])
        value = taken(call, value, axis, places)
    return value


def require_whole(call: Call, value: Value, axis: int, part: tuple[int, tuple[int, int], int]) -> None:
    """Refuse a part of the examples."""
    start, (end, _), step = part
    examples = call.graph.batch
    if start != 0 or step != 1 or end < value.shape[axis] * (examples or 1_000_003):
        raise InputError(MIXES)


def taken(call: Call, value: Value, axis: int, places: Sequence[int] | slice) -> Value:
    """Take places of an axis, of a parameter as a part of it."""
    chosen = places if isinstance(places, slice) else list(places)
    index = (slice(None),) * axis + (chosen,)
    part = call.graph.viewed(value, lambda array: array[index])
    return part or call.builder.taken(value, axis, chosen)


def split(call: Call) -> list[Value]:
    """Cut an axis into parts."""
    value, count = call.value(), len(call.node.output)
    axis = value.axis(int(call.get("axis", 0)))
    if axis == value.batch:
        raise InputError(MIXES)
    size = value.shape[axis]
    sizes = call.integers(1, "split")
    if sizes is None:
        each = -(-size // int(call.get("num_outputs", count)))
        sizes = [min(each, size - start) for start in range(0, size, each)]
    if sum(sizes) != size or len(sizes) != count:
        raise InputError(f"split {shown(sizes)}: expected {count} parts of an axis of {size}")
    starts = np.cumsum([0, *sizes])
    return [
        taken(call, value, axis, slice(int(start), int(start) + part))
        for start, part in zip(starts, sizes, strict=False)
    ]


def gather(call: Call) -> Value:
    """Take known places of an axis, or look up ids of the data in a matrix."""
    value, index = call.value(), call.value(1)
    axis = value.axis(int(call.get("axis", 0)))
    if not index.fixed:
        return lookup(call, axis)
    if axis == value.batch:
        raise InputError(MIXES)
    size = value.shape[axis]
    flat = [int(place) for place in index.constant.reshape(-1)]
    if any(not -size <= place < size for place in flat):
        raise InputError(f"takes place {shown(flat[:4])} of an axis of {size}")
    places = [place % size for place in flat]
    call.graph.require_value((*value.shape[:axis], len(places), *value.shape[axis + 1 :]))
    result = taken(call, value, axis, places)
    shape = (*value.shape[:axis], *index.shape, *value.shape[axis + 1 :])
    part = call.graph.viewed(result, lambda array: array.reshape(shape))
    if part is not None:
        return part
    batch = value.batch if value.batch is None or value.batch < axis else value.batch + len(index.shape) - 1
    return call.builder.regrouped(
        result, replace(result, shape=shape, batch=batch, constant=None, parameter=None)
    )


def lookup(call: Call, axis: int) -> Value:
    """Look up ids of the data."""
    table, ids = call.value(), call.value(1)
    if table.batch is not None or len(table.shape) != 2 or axis != 0 or not call.is_whole(1):
        raise InputError(
            "takes places that depend on the data: expected known ones, or rows of a matrix of the file"
        )
    if table.parameter is None and table.node is not None:
        raise InputError("looks up a computed weight; expected one of the file")
    return looked_up(call.builder, table, ids)


def concat(call: Call) -> Value:
    """Join values along an axis."""
    values = call.matched([value for value in call.values if math.prod(value.shape) or value.shape != (0,)])
    axis = int(call.get("axis", 1 if call.version < 4 else 0))
    return call.builder.joined(values, axis)


def expand(call: Call) -> Value:
    """Spread axes of 1 to a shape."""
    value, wanted = call.value(), call.sizes(1)
    rank = max(len(wanted), len(value.shape))
    sizes = [(1, 1)] * (rank - len(wanted)) + wanted
    shape = (1,) * (rank - len(value.shape)) + value.shape
    batch = None if value.batch is None else value.batch + rank - len(value.shape)
    result = list(shape)
    for axis, (one, two) in enumerate(sizes):
        if axis == batch or (one, two) == (1, 1):
            continue
        if varies(call, one, two, axis, value):
            if batch is None and shape[axis] != 1:
                value = call.once(value, axis - rank + len(value.shape))
                shape = (1,) * (rank - len(value.shape)) + value.shape
                result[axis] = shape[axis]
            if batch is not None or shape[axis] != 1:
                raise InputError(MIXES)
            batch = axis
        elif shape[axis] == 1:
            result[axis] = one
        elif one != shape[axis]:
            raise InputError(f"an axis of {shape[axis]} cannot be broadcast to {one}")
    call.graph.require_value(tuple(result))
    return call.builder.spread(value, tuple(result), batch)


def varies(call: Call, one: int, two: int, axis: int, value: Value) -> bool:
    """Say whether a size is that of the batch: computed from it, or first and as large as the file fixes it."""
    if one != two:
        return True
    return value.batch is None and axis == 0 and call.graph.batch == one and one > 1


def tile(call: Call) -> Value:
    """Repeat axes."""
    value, times = call.value(), call.sizes(1)
    for axis, (one, two) in enumerate(times):
        if (one, two) == (1, 1):
            continue
        if varies(call, one, two, axis, value) and value.shape[axis] == 1:
            value = call.builder.spread(value, value.shape, axis)
        elif one != two or axis == value.batch or one < 1:
            raise InputError(MIXES)
        else:
            call.graph.require_value((*value.shape, one))
            value = call.builder.taken(value, axis, list(range(value.shape[axis])) * one)
    return value


def pad(call: Call) -> Value:
    """Pad axes with a number, or with what is there; negative widths cut."""
    value, rank = call.value(), len(call.value().shape)
    widths = call.integers(1, "pads" if call.version > 1 else "paddings") or []
    axes = [value.axis(axis) for axis in call.integers(3, "axes") or range(rank)]
    if len(widths) != 2 * len(axes):
        raise InputError(f"pads {shown(widths)}: expected two for each of {len(axes)} axes")
    before = dict(zip(axes, widths, strict=False))
    after = dict(zip(axes, widths[len(axes) :], strict=True))
    sides = [side for axis in reversed(range(rank)) for side in (before.get(axis, 0), after.get(axis, 0))]
    mode = call.get("mode", "constant")
    if mode not in PADDING:
        raise InputError(f"mode={shown(mode)}: expected one of {', '.join(PADDING)}")
    shape = [max(1, size + before.get(axis, 0) + after.get(axis, 0)) for axis, size in enumerate(value.shape)]
    call.graph.require_value(tuple(shape))
    return padded(call.builder, value, sides, PADDING[mode], call.number(2, float(call.get("value", 0.0))))


def depth_to_space(call: Call) -> Value:
    """Turn channels into pixels."""
    value, r = call.value(), int(call.get("blocksize", 1))
    first, channels, height, width = value.shape
    column = call.get("mode", "DCR") == "CRD"
    cut_up = (channels // r**2, r, r) if column else (r, r, channels // r**2)
    parts = with_shape(call.builder, value, (first, *cut_up, height, width))
    order = [0, 1, 4, 2, 5, 3] if column else [0, 3, 4, 1, 5, 2]
    turned = call.builder.permuted(parts, order)
    return with_shape(call.builder, turned, (first, channels // r**2, height * r, width * r))


def space_to_depth(call: Call) -> Value:
    """Turn pixels into channels, which go before those that there are."""
    value, r, b = call.value(), int(call.get("blocksize", 1)), call.builder
    apart = channels_of_pixels(b, value, r)
    first, channels, *image = apart.shape
    parts = with_shape(b, apart, (first, channels // r**2, r**2, *image))
    return with_shape(b, b.permuted(parts, [0, 2, 1, 3, 4]), apart.shape)


def triangle(call: Call) -> Value:
    """Keep one triangle of matrices."""
    value = call.value()
    if value.batch is not None and value.batch >= len(value.shape) - 2:
        raise InputError(MIXES)
    keep = np.triu if call.get("upper", 1) else np.tril
    mask = keep(np.ones(value.shape[-2:]), int(call.number(1, 0)))
    return call.builder.binary("multiply", value, call.builder.fixed(mask))


def one_hot(call: Call) -> Value:
    """Give one number at the place of each id and another elsewhere, along an axis of its own."""
    b, ids, depth, pair = call.builder, call.value(), int(call.number(1, 0)), call.numbers(2)
    if pair is None or depth < 1:
        raise InputError("expected a number of classes and two numbers")
    call.graph.require_value((*ids.shape, depth))
    column = with_axis(b, ids, len(ids.shape))
    apart = b.function(
        "square", b.function("sign", b.binary("subtract", column, b.fixed(np.arange(float(depth)))))
    )
    off, on = (float(number) for number in pair.reshape(-1))
    result = b.shifted(b.scaled(apart, off - on), on)
    axis = result.axis(int(call.get("axis", -1)))
    order = list(range(len(ids.shape)))
    return b.permuted(result, [*order[:axis], len(ids.shape), *order[axis:]])


LAYOUTS: dict[str, Translate] = {
    "Transpose": transpose,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Slice": cut,
    "Split": split,
    "Gather": gather,
    "Concat": concat,
    "Expand": expand,
    "Tile": tile,
    "Pad": pad,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
    "Trilu": triangle,
    "OneHot": one_hot,
}
