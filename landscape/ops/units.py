"""Which numbers of a network's values and parameters belong to one hidden unit, found by following the graph.

A value has at most one axis of units: at each place of it stands a unit, with a tag that tells its places apart (a pixel's of a flattened image, a
row's of a head). A parameter has such axes too. Units that occur on the same axes with the same tags can change places without a change of the
network's outputs; what an op ties to its place stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.program.building import Shape

Whole = NDArray[np.int64]
# The unit that stands for everything that cannot move.
FIXED = 0


@dataclass(frozen=True)
class Value:
    """The units of a value without its batch: at each place of `axis` a unit and its tag, all None if none moves.

    `key` names a parameter of its own whose axis of units is not settled yet: it is that of what it meets.
    """

    shape: Shape
    axis: int | None = None
    units: Whole | None = None
    tags: Whole | None = None
    key: str | None = None

    @property
    def moves(self) -> bool:
        """Whether it has an axis of units."""
        return self.axis is not None


@dataclass(frozen=True)
class Axis:
    """Units and tags [n] along an axis of a parameter; `signed` where its numbers turn their sign with the unit's.

    Where `key` is empty it is no parameter's, but what an op reads as one set.
    """

    key: str
    axis: int
    units: Whole
    tags: Whole
    signed: bool


class Units:
    """The units of a graph as they are found: which are identical, which are fixed, which may flip their sign, and where they occur."""

    def __init__(self) -> None:
        self.parents = [FIXED]
        self.even: list[int] = []
        self.axes: dict[tuple[str, int], Axis] = {}
        self.sets: list[Axis] = []
        self.tied: set[tuple[str, int]] = set()
        self.stays: dict[str, str] = {}
        # Units that only move together: the unit, the one that it is a row of, and which row.
        self.bundled: list[tuple[int, int, int]] = []
        # By unit, the parts of a value that it was cut into.
        self.parts: dict[int, tuple[int, ...]] = {}
        self.cuts = 0
        # The keys of parameters on which units were placed of late.
        self.used: set[str] = set()

    def new(self, count: int) -> Whole:
        """Make new units, identical to no other."""
        start = len(self.parents)
        self.parents.extend(range(start, start + count))
        return np.arange(start, start + count)

    def fresh(self, shape: Shape, axis: int) -> Value:
        """Make a value of new units along an axis."""
        count = shape[axis]
        return Value(shape, axis, self.new(count), np.zeros(count, np.int64))

    def find(self, unit: int) -> int:
        """Return the representative of a unit's class of identical units."""
        while self.parents[unit] != unit:
            self.parents[unit] = self.parents[self.parents[unit]]
            unit = self.parents[unit]
        return unit

    def roots(self, units: Whole) -> Whole:
        """Return the representatives of several units."""
        return np.array([self.find(int(unit)) for unit in units], np.int64)

    def join(self, one: Whole, other: Whole) -> None:
        """Identify pairs of units; one that is identified with a fixed unit becomes fixed."""
        for a, b in zip(one, other, strict=True):
            first, second = sorted((self.find(int(a)), self.find(int(b))))
            self.parents[second] = first

    def same(self, one: Value, other: Value) -> None:
        """Identify the units of two values, position by position."""
        if one.units is not None and other.units is not None:
            self.join(one.units, other.units)

    def fix(self, value: Value, node: str = "", why: str = "") -> Value:
        """Fix the units of a value, and note the reason for those that were free so far."""
        if value.units is not None:
            if why and np.any(self.roots(value.units) != FIXED):
                self.stays.setdefault(node, why)
            self.join(value.units, np.full(len(value.units), FIXED))
        return Value(value.shape)

    def turn_no_sign(self, value: Value) -> None:
        """Note that the units of a value cannot flip their sign."""
        if value.units is not None:
            self.even.extend(map(int, value.units))

    def place(self, key: str, axis: int, value: Value, *, signed: bool) -> None:
        """Note that the units of a value belong to an axis of a parameter."""
        self.used.add(key)
        if value.units is None or value.tags is None:
            self.tied.add((key, axis))
            earlier = self.axes.get((key, axis))
            if earlier is not None:
                self.join(earlier.units, np.full(len(earlier.units), FIXED))
            return
        if (key, axis) in self.tied:
            # Another layer with the same parameter reads numbers there that do not move.
            self.join(value.units, np.full(len(value.units), FIXED))
        earlier = self.axes.setdefault((key, axis), Axis(key, axis, value.units, value.tags, signed))
        if not np.array_equal(earlier.tags, value.tags):
            self.join(earlier.units, np.full(len(earlier.units), FIXED))
        self.join(earlier.units, value.units)

    def together(self, value: Value) -> None:
        """Note that an op reads the units of a value as one set, whatever their order."""
        if value.units is not None and value.tags is not None:
            self.sets.append(Axis("", len(self.sets), value.units, value.tags, False))
            self.turn_no_sign(value)

    def bundle(self, value: Value, wholes: Whole, rows: Whole) -> None:
        """Let the units of a value be permuted only as rows of larger units: `wholes` [n] gives the larger unit, `rows` [n] the row."""
        if value.units is not None:
            self.bundled.extend(zip(value.units.tolist(), wholes.tolist(), rows.tolist(), strict=True))

    def cut(self, units: Whole) -> None:
        """Note that units are one part of a value: a unit that is identified with one of another part has a position in each."""
        self.cuts += 1
        for unit in np.unique(units).tolist():
            self.parts[unit] = (*self.parts.get(unit, ()), self.cuts)

    def tie(self, value: Value) -> None:
        """Fix all numbers of a parameter node."""
        if value.key is not None:
            for axis in range(len(value.shape)):
                self.place(value.key, axis, Value(value.shape), signed=False)

    def settle(self, value: Value, axis: int, *, signed: bool) -> Value:
        """Give a parameter node units along an axis."""
        if value.key is None or not 0 <= axis < len(value.shape):
            return value
        found = self.fresh(value.shape, axis)
        for other in range(len(value.shape)):
            # Its other axes are places, which stay.
            if other != axis:
                self.place(value.key, other, Value(value.shape), signed=False)
        self.place(value.key, axis, found, signed=signed)
        return found

    def resolved(self) -> list[Axis]:
        """Return all axes with the representative of each unit; a unit that would occur twice at one position is fixed."""
        while True:
            wholes = self._wholes()
            axes = [self._named(one, wholes) for one in (*self.axes.values(), *self.sets)]
            twice = {unit for one in axes for unit in _repeated(one)} - {FIXED}
            if not twice:
                return axes
            self.join(np.array(sorted(twice)), np.full(len(twice), FIXED))

    def _wholes(self) -> dict[int, tuple[int, int]]:
        """Give for each unit that is a row of a larger one that one and the row; rows that contradict each other stay."""
        while True:
            found: dict[int, tuple[int, int]] = {}
            wrong: list[tuple[int, int]] = []
            for unit, whole, row in self.bundled:
                one, larger = self.find(unit), self.find(whole)
                known = found.setdefault(one, (larger, row))
                if one == larger or known[1] != row or FIXED in (one, larger):
                    wrong += [(end, FIXED) for end in (one, larger, known[0]) if end != FIXED]
                elif known[0] != larger:
                    wrong.append((known[0], larger))
            if not wrong:
                return {one: told for one, told in found.items() if one != FIXED}
            for one, other in wrong:
                self.join(np.array([one]), np.array([other]))

    def _named(self, axis: Axis, wholes: dict[int, tuple[int, int]]) -> Axis:
        """Return an axis with the larger unit that each unit is a row of, and the row in its tag."""
        roots, tags = list[int](), list[tuple[int, ...]]()
        for unit, tag in zip(axis.units.tolist(), axis.tags.tolist(), strict=True):
            root = self.find(unit)
            told: tuple[int, ...] = (tag,)
            while root in wholes:
                root, row = wholes[root]
                told = (*told, row)
            roots.append(root)
            tags.append(told)
        found = Axis(axis.key, axis.axis, np.array(roots, np.int64), _numbered(tags), axis.signed)
        if not _repeated(found) - {FIXED}:
            return found
        cut = [
            (*told, *self.parts.get(unit, ())) for unit, told in zip(axis.units.tolist(), tags, strict=True)
        ]
        return Axis(axis.key, axis.axis, found.units, _numbered(cut), axis.signed)


def _numbered(tags: Sequence[tuple[int, ...]]) -> Whole:
    """Number tags that consist of several numbers, in their order."""
    numbers = {told: number for number, told in enumerate(sorted(set(tags)))}
    return np.array([numbers[told] for told in tags], np.int64)


def _repeated(axis: Axis) -> set[int]:
    """Find the units that stand more than once on an axis with one tag."""
    pairs, counts = np.unique(np.stack([axis.units, axis.tags]), axis=1, return_counts=True)
    return {int(unit) for unit in pairs[0][counts > 1]}


def spread(units: Units, node: str, inputs: Sequence[Value], shape: Shape, *, product: bool) -> Value:
    """Follow units through a sum, or a `product`, whose inputs are spread to one shape."""
    behind = [len(shape) - len(value.shape) for value in inputs]
    places = {
        value.axis + shift for value, shift in zip(inputs, behind, strict=True) if value.axis is not None
    }
    if not places:
        return Value(shape)
    place = places.pop()
    settled = [
        units.settle(value, place - shift, signed=not product)
        if _width(value, place - shift) == shape[place]
        else value
        for value, shift in zip(inputs, behind, strict=True)
    ]
    moving = [value for value in settled if value.units is not None]
    whole = [value for value in moving if len(value.shape) and _width(value, value.axis or 0) == shape[place]]
    # A number for each place of the axis that no unit carries along ties the units to their places.
    tied = any(
        value.units is None and _width(value, place - shift) > 1
        for value, shift in zip(settled, behind, strict=True)
    )
    first = moving[0]
    if places or tied or len(whole) < len(moving) or any(differ(value.tags, first.tags) for value in whole):
        for value in moving:
            units.fix(value, node, "units meet numbers of other places")
        return Value(shape)
    for other in whole[1:]:
        units.same(first, other)
    if (len(moving) > 1) if product else (len(moving) < len(inputs)):
        units.turn_no_sign(first)
    return Value(shape, place, first.units, first.tags)


def differ(one: Whole | None, other: Whole | None) -> bool:
    """Say whether tags are not the same."""
    return one is None or other is None or not np.array_equal(one, other)


def _width(value: Value, axis: int) -> int:
    """Give the size along an axis; 1 where there is no such axis."""
    return value.shape[axis] if 0 <= axis < len(value.shape) else 1
