"""How hidden units pass through matrix products."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from landscape.ops.units import Units, Value, differ, spread
from landscape.program.building import GraphNode, Shape

APART = "units meet numbers of other places"


def product(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Multiply two values, or a value by a parameter, which is a layer's weight then."""
    one, two = inputs
    if two.key is not None and one.key is None and math.prod(two.shape[:-2]) == 1:
        return by_parameter(units, node, one, two, summed=(-1, -2), made=-1)
    if one.key is not None and two.key is None and math.prod(one.shape[:-2]) == 1:
        return by_parameter(units, node, two, one, summed=(-2, -1), made=-2)
    return matrices(units, node.name, one, two, node.shape)


def by_parameter(
    units: Units, node: GraphNode, value: Value, weight: Value, *, summed: tuple[int, int], made: int
) -> Value:
    """Identify the units along the summed axis of the value and of the parameter, and make new ones along the parameter's other axis."""
    if from_end(value) not in (None, summed[0]):
        # What stands along other axes goes on, and then the parameter's numbers stay.
        return carried(value, node.shape)
    assert weight.key is not None
    wide = len(weight.shape)
    new = units.fresh(node.shape, len(node.shape) + made)
    for before in range(wide - 2):
        units.place(weight.key, before, Value(weight.shape), signed=False)
    units.place(weight.key, wide + summed[1], value, signed=True)
    units.place(weight.key, wide + made, new, signed=True)
    return new


def matrices(units: Units, node: str, one: Value, two: Value, shape: Shape) -> Value:
    """Follow units through products [… m, k] times [… k, n] into a shape."""
    ends = from_end(one), from_end(two)
    if any(end is not None and end < -2 for end in ends):
        return side_by_side(units, node, one, two, shape)
    if ends == (-1, -2) and not differ(one.tags, two.tags):
        # A sign that turns in both turns in no product.
        units.same(one, two)
        return Value(shape)
    if ends[0] == -1:
        one = units.fix(one, node, APART)
    if ends[1] == -2 or (one.moves and two.moves):
        two = units.fix(two, node, APART)
    return carried(one if one.moves else two, shape)


def side_by_side(units: Units, node: str, one: Value, two: Value, shape: Shape) -> Value:
    """Follow units along an axis before the matrices, such as heads: both have them there, or one has one matrix for all."""
    ends = from_end(one), from_end(two)
    if ends[0] == ends[1] and not differ(one.tags, two.tags):
        units.turn_no_sign(one)
        units.same(one, two)
        return carried(one, shape)
    for value, other in ((one, two), (two, one)):
        end = from_end(value)
        if end is not None and not other.moves and (len(other.shape) < -end or other.shape[end] == 1):
            return carried(value, shape)
    for value in (one, two):
        units.fix(value, node, APART)
    return Value(shape)


def mixture(units: Units, node: GraphNode, inputs: Sequence[Value], keys: Collection[str]) -> Value:
    """Mix values by the softmax of the products of queries and keys: heads are the same unit in all three."""
    query, key, value, *mask = inputs
    shape = (*np.broadcast_shapes(query.shape[:-2], key.shape[:-2]), query.shape[-2], key.shape[-2])
    scores = matrices(units, node.name, query, turned(key), shape)
    if mask:
        scores = spread(units, node.name, [scores, *mask], shape, product=False)
    if (from_end(scores) or -3) >= -2:
        scores = units.fix(scores, node.name, APART)
    units.turn_no_sign(scores)
    return matrices(units, node.name, scores, value, node.shape)


def turned(value: Value) -> Value:
    """Swap the last two axes of a value."""
    shape = (*value.shape[:-2], value.shape[-1], value.shape[-2])
    end = from_end(value)
    place = value.axis if end is None or end < -2 else len(shape) + {-1: -2, -2: -1}[end]
    return Value(shape, place, value.units, value.tags)


def from_end(value: Value) -> int | None:
    """Give the axis of units counted from the end, −1 for the last; None if no unit moves."""
    return None if value.axis is None else value.axis - len(value.shape)


def carried(value: Value, shape: Shape) -> Value:
    """Give the output that has a value's units along the same axis from the end."""
    end = from_end(value)
    return Value(shape) if end is None else Value(shape, len(shape) + end, value.units, value.tags)
