"""How hidden units pass through each op, from which the symmetries of a graph are derived.

An op without a rule ties the units that it reads to their places, and so does its output.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np

from landscape.ops.unit_products import mixture, product
from landscape.ops.units import Units, Value, spread
from landscape.program.building import GraphNode

# Follows units from the inputs to the output; the collection has the keys of the archive.
Rule = Callable[[Units, GraphNode, Sequence[Value], Collection[str]], Value]

# Functions of one number with f(−z) = −f(z), at any attributes: a unit before them may turn its sign.
ODD = (
    "identity", "dropout", "tanh", "hardtanh", "softsign", "tanhshrink", "softshrink", "hardshrink", "scale", "sin", "tan", "atan", "sinh",
    "erf", "sign", "reciprocal",
)  # fmt: skip


def along(units: Units, node: GraphNode, value: Value, axis: int) -> Value:
    """Return a value if its units are along an axis; fix units along another one."""
    if value.key is not None:
        return units.settle(value, axis, signed=True)
    if value.axis in (None, axis):
        return value
    return units.fix(value, node.name, f"{node.op} reads along another axis than the units'")


def stays(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Fix all units that are read, so that they cannot be permuted."""
    for value in inputs:
        units.fix(value, node.name, f"the symmetry of {node.op} is not known")
    return Value(node.shape)


def layer(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Identify the input's units with a weight's second axis, and make new ones along its first."""
    if len(inputs) > 1:
        return stays(units, node, inputs, keys)
    axis = 0 if "groups" in node.attributes else len(inputs[0].shape) - 1
    value, groups = along(units, node, inputs[0], axis), node.attributes.get("groups", 1)
    weight, bias = f"{node.owner}.weight", f"{node.owner}.bias"
    if groups == 1:
        units.place(weight, 1, value, signed=True)
        made = units.fresh(node.shape, axis)
    else:
        made = in_groups(units, node, value, groups)
    # Within a group of inputs the sign of a unit is that of its outputs, and the weight between them stays as it is.
    units.place(weight, 0, made, signed=groups == 1 or value.units is None)
    if bias in keys:
        units.place(bias, 0, made, signed=True)
    return made


def in_groups(units: Units, node: GraphNode, value: Value, groups: int) -> Value:
    """Let the channels of a grouped convolution be permuted as whole groups, with their outputs; if the input is fixed, outputs move within their group."""
    before, after = value.shape[0] // groups, node.shape[0] // groups
    if value.units is None:
        made = units.new(node.shape[0])
        return Value(node.shape, 0, made, np.arange(len(made)) // after)
    if before == 1:
        return repeated(value, 0, node.shape, after)
    wholes, places = units.new(groups), np.arange(value.shape[0])
    units.bundle(value, wholes[places // before], places % before)
    return repeated(
        Value((groups, *value.shape[1:]), 0, wholes, np.zeros(groups, np.int64)), 0, node.shape, after
    )


def repeated(value: Value, axis: int, shape: tuple[int, ...], times: int) -> Value:
    """Repeat each unit at several adjacent positions."""
    if value.units is None or value.tags is None:
        return Value(shape)
    tags = (value.tags[:, None] * times + np.arange(times)).reshape(-1)
    return Value(shape, axis, np.repeat(value.units, times), tags)


def normalization(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Scale and shift each unit; statistics over several units read them as one set."""
    value = inputs[0]
    if value.units is None or value.axis is None:
        for name in ("weight", "bias", "running_mean", "running_var"):
            for axis in range(len(value.shape)):
                units.place(f"{node.owner}.{name}", axis, value, signed=False)
        return Value(node.shape)
    axes, groups = node.attributes.get("axes"), node.attributes.get("groups")
    first = len(value.shape) - axes if axes is not None else 0
    if axes is None and (value.axis != 0 or groups not in (None, 1, value.shape[0])):
        units.fix(value, node.name, f"{node.op} reads parts of the units")
        return Value(node.shape)
    if axes is not None or groups == 1:
        units.together(value)
    if value.axis >= first:
        for name in ("weight", "bias", "running_mean", "running_var"):
            if f"{node.owner}.{name}" in keys:
                signed = name in ("bias", "running_mean")
                units.place(f"{node.owner}.{name}", value.axis - first, value, signed=signed)
    return value


def attention(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Read units along the last axis, make heads, which are units of many rows, and new units."""
    value, heads, wide = along(units, node, inputs[0], 1), node.attributes["heads"], node.shape[1]
    size = wide // heads
    head = np.repeat(units.new(heads), size)
    rows = np.tile(np.arange(size), heads)
    three = Value(
        (3 * wide,), 0, np.tile(head, 3), (np.arange(3)[:, None] * size + rows[None, :]).reshape(-1)
    )
    made = units.fresh(node.shape, 1)
    units.turn_no_sign(three)
    units.place(f"{node.owner}.in_proj_weight", 1, value, signed=True)
    units.place(f"{node.owner}.in_proj_weight", 0, three, signed=False)
    units.place(f"{node.owner}.in_proj_bias", 0, three, signed=False)
    units.place(f"{node.owner}.out_proj.weight", 1, Value((wide,), 0, head, rows), signed=False)
    units.place(f"{node.owner}.out_proj.weight", 0, made, signed=True)
    units.place(f"{node.owner}.out_proj.bias", 0, made, signed=True)
    return made


def table(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Look up rows of new units."""
    made = units.fresh(node.shape, len(node.shape) - 1)
    units.place(f"{node.owner}.weight", 1, made, signed=True)
    return made


def positions(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Add a row of units to each token."""
    value = along(units, node, inputs[0], 1)
    units.place(f"{node.owner}.weight", 1, value, signed=True)
    return Value(node.shape, value.axis, value.units, value.tags)


def each(*, odd: bool) -> Rule:
    """Make the rule of a function of each number."""

    def rule(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
        if not odd:
            units.turn_no_sign(inputs[0])
        value = inputs[0]
        return Value(node.shape, value.axis, value.units, value.tags, value.key if odd else None)

    return rule


def softmax(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Treat the units along the last axis as one set."""
    value = inputs[0]
    units.turn_no_sign(value)
    if value.axis == len(value.shape) - 1:
        units.together(value)
    return value


def windows(*, odd: bool) -> Rule:
    """Make the rule of a pool over the image of each channel."""

    def rule(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
        value = along(units, node, inputs[0], 0)
        if not odd:
            units.turn_no_sign(value)
        return Value(node.shape, value.axis, value.units, value.tags)

    return rule


def reduction(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Reduce axes; what is reduced over the units reads them as one set."""
    value, given = inputs[0], node.attributes.get("axes", node.attributes.get("axis"))
    axes = [axis - 1 for axis in (given if isinstance(given, list | tuple) else (given,))]
    if value.axis is None:
        return Value(node.shape)
    if value.axis in axes:
        units.together(value)
        return Value(node.shape)
    if node.op in ("reduce_max", "reduce_min"):
        units.turn_no_sign(value)
    before = 0 if node.attributes.get("keepdims") else sum(axis < value.axis for axis in axes)
    return Value(node.shape, value.axis - before, value.units, value.tags)


def reshaped(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Follow units through a reshape, to an axis of their own or one merged with axes around it."""
    value, shape = inputs[0], node.shape
    if value.units is None or value.axis is None or value.tags is None:
        return Value(shape)
    before = math.prod(value.shape[: value.axis])
    for axis, size in enumerate(shape):
        start = math.prod(shape[:axis])
        outer, rest = before // max(start, 1), size * start
        inner = rest // (before * value.shape[value.axis])
        if before % max(start, 1) == 0 and outer * value.shape[value.axis] * inner == size and size > 0:
            coordinate = np.arange(size).reshape(outer, value.shape[value.axis], inner)
            unit = np.broadcast_to(np.arange(value.shape[value.axis])[None, :, None], coordinate.shape)
            other = np.arange(outer)[:, None, None] * inner + np.arange(inner)[None, None, :]
            place = np.broadcast_to(other, coordinate.shape)
            tags = value.tags[unit] * (outer * inner) + place
            return Value(shape, axis, value.units[unit].reshape(-1), tags.reshape(-1))
    return split(units, node, value)


def split(units: Units, node: GraphNode, value: Value) -> Value:
    """Split an axis of units into heads and rows, or into several for each head: heads move as wholes."""
    assert value.axis is not None
    shape, before, count = node.shape, math.prod(value.shape[: value.axis]), value.shape[value.axis]
    for first in range(len(shape)):
        for last in range(first + 1, len(shape)):
            parts = shape[first : last + 1]
            if math.prod(shape[:first]) != before or math.prod(parts) != count or len(parts) > 3:
                continue
            place = len(parts) - 2
            coordinates = list(np.indices(parts).reshape(len(parts), -1))
            head = coordinates.pop(place)
            rows = np.ravel_multi_index(tuple(coordinates), (*parts[:place], *parts[place + 1 :]))
            wholes = units.fresh(shape, first + place)
            assert wholes.units is not None
            units.bundle(value, wholes.units[head], rows)
            return wholes
    return stays(units, node, [value], ())


def transposed(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Follow units to where their axis goes."""
    value = inputs[0]
    if value.axis is None:
        return Value(node.shape)
    axis = list(node.attributes["axes"]).index(value.axis + 1)
    return Value(node.shape, axis, value.units, value.tags)


def taken(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Take some of the units where it is their axis."""
    value, axis = inputs[0], node.attributes["axis"] - 1
    if value.axis != axis or value.units is None or value.tags is None:
        return Value(node.shape, value.axis, value.units, value.tags)
    count = value.shape[axis]
    if "indices" in node.attributes:
        chosen = np.arange(count)[np.asarray(node.attributes["indices"], np.int64)]
    else:
        start, stop, step = (node.attributes.get(name) for name in ("start", "stop", "step"))
        chosen = np.arange(count)[slice(start, stop, step)]
    if len(chosen) != node.shape[axis]:
        return stays(units, node, inputs, keys)
    if len(chosen) < count:
        units.cut(value.units[chosen])
    return Value(node.shape, axis, value.units[chosen], value.tags[chosen])


def padded(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Pad other axes than the units'."""
    value = inputs[0]
    before, after = node.attributes["before"], node.attributes["after"]
    if value.axis is None:
        return Value(node.shape)
    if before[value.axis] or after[value.axis]:
        return stays(units, node, inputs, keys)
    if node.attributes.get("mode", "constant") == "constant" and node.attributes.get("value"):
        units.turn_no_sign(value)
    return Value(node.shape, value.axis, value.units, value.tags)


def more_channels(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Add channels of zeros before and after, which are units of their own."""
    value = along(units, node, inputs[0], 0)
    if value.units is None or value.tags is None:
        return Value(node.shape)
    before, after = (units.new(node.attributes[name]) for name in ("before", "after"))
    tags = np.concatenate([np.zeros(len(before), np.int64), value.tags, np.zeros(len(after), np.int64)])
    return Value(node.shape, 0, np.concatenate([before, value.units, after]), tags)


def expanded(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Spread other axes than the units'."""
    value = inputs[0]
    if value.axis is None:
        return Value(node.shape)
    axis = value.axis + len(node.shape) - len(value.shape)
    if node.shape[axis] != value.shape[value.axis]:
        return stays(units, node, inputs, keys)
    return Value(node.shape, axis, value.units, value.tags)


def joined(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Put values side by side: their units too where it is their axis, else the units are the same."""
    axis, moving = node.attributes["axis"] - 1, [value.axis for value in inputs if value.axis is not None]
    if not moving:
        return Value(node.shape)
    place = moving[0]
    if any(other != place for other in moving):
        return stays(units, node, inputs, keys)
    values = [units.settle(value, place, signed=True) for value in inputs]
    if axis != place:
        return spread(units, node.name, values, node.shape, product=False)
    parts = [
        value
        if value.units is not None
        else Value(value.shape, axis, np.zeros(value.shape[axis], np.int64), np.arange(value.shape[axis]))
        for value in values
    ]
    found = (
        [part.units for part in parts if part.units is not None],
        [part.tags for part in parts if part.tags is not None],
    )
    return Value(node.shape, axis, np.concatenate(found[0]), np.concatenate(found[1]))


def arithmetic(*, product: bool) -> Rule:
    """Make the rule of a sum or a product of values."""

    def rule(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
        return spread(units, node.name, inputs, node.shape, product=product)

    return rule


def own(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Make the value of a parameter node, whose axis of units follows from the values that it is combined with."""
    return Value(node.shape, key=f"{node.owner}.value")


RULES: dict[str, Rule] = {
    **dict.fromkeys(("dense", "conv1d", "conv2d"), layer),
    **dict.fromkeys(("batchnorm", "layernorm", "groupnorm"), normalization),
    "attention": attention,
    "matmul": product,
    "scaled_dot_product_attention": mixture,
    "embedding": table,
    "position": positions,
    "softmax": softmax,
    "maxpool2d": windows(odd=False),
    "avgpool2d": windows(odd=True),
    "globalavgpool": windows(odd=True),
    "flatten": reshaped,
    "reshape": reshaped,
    "transpose": transposed,
    "slice": taken,
    "take": taken,
    "pad": padded,
    "pad_channels": more_channels,
    "expand": expanded,
    **dict.fromkeys(("mean", "reduce_sum", "reduce_mean", "reduce_max", "reduce_min"), reduction),
    "concat": joined,
    **dict.fromkeys(("add", "subtract"), arithmetic(product=False)),
    **dict.fromkeys(("multiply", "divide"), arithmetic(product=True)),
    **dict.fromkeys(("parameter", "constant"), own),
}


def rule_of(op: str, *, elementwise: bool) -> Rule | None:
    """Give the rule of an op, None if there is none."""
    return RULES.get(op, each(odd=op in ODD) if elementwise else None)
