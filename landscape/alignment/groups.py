"""Groups of hidden units that may be permuted, derived from the graph, and what a permutation does to the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from landscape.model import Model
from landscape.model.nodes import INPUT
from landscape.ops.unit_rules import rule_of, stays
from landscape.ops.units import FIXED, Axis, Units, Value

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """Where the units of a group stand along an axis of a parameter: positions [n, k], one row for each unit, its tags in order."""

    key: str
    axis: int
    positions: Whole
    signed: bool


@dataclass(frozen=True)
class Group:
    """Units that may be permuted among themselves, and have their sign flipped if `odd`; `units` are their numbers in the graph."""

    name: str
    units: Whole
    places: tuple[Place, ...]
    odd: bool

    @property
    def size(self) -> int:
        """How many units there are."""
        return len(self.units)


@dataclass(frozen=True)
class Carried:
    """A node whose output has units: the axis, and the units along it."""

    node: str
    axis: int
    units: Whole
    bends: bool


@dataclass(frozen=True)
class Order:
    """For each unit of a group, the unit that comes to its place [n], and the sign that it takes [n]."""

    places: Whole
    signs: NDArray[np.float64]

    @staticmethod
    def identity(size: int) -> Order:
        """Give the order that changes nothing."""
        return Order(np.arange(size), np.ones(size))

    def then(self, other: Order) -> Order:
        """Give the order that results from this one followed by another.

        >>> one = Order(np.array([1, 2, 0]), np.array([1.0, -1.0, 1.0]))
        >>> found = one.then(Order(np.array([2, 0, 1]), np.ones(3)))
        >>> found.places.tolist(), found.signs.tolist()
        ([0, 1, 2], [1.0, 1.0, -1.0])
        """
        return Order(self.places[other.places], self.signs[other.places] * other.signs)


@dataclass(frozen=True)
class Symmetry:
    """The symmetries of a graph: groups of units, the nodes that have them, and the nodes whose units cannot move, with the reason."""

    groups: tuple[Group, ...]
    carried: tuple[Carried, ...]
    stays: dict[str, str]

    @cached_property
    def units(self) -> int:
        """How many units may move."""
        return sum(group.size for group in self.groups)

    def applied(self, model: Model, orders: Sequence[Order]) -> Model:
        """Give a model with its units in other orders, parameters and running statistics alike."""
        arrays = permuted(model.parameters | model.buffers, self.groups, orders)
        return replace(
            model,
            parameters={key: arrays[key] for key in model.parameters},
            buffers={key: arrays[key] for key in model.buffers},
            optimizer={},
            checkpoints=None,
            checkpoint_steps=None,
            checkpoint_buffers=None,
            path=None,
        )


def permuted(
    arrays: dict[str, np.ndarray], groups: Sequence[Group], orders: Sequence[Order]
) -> dict[str, np.ndarray]:
    """Put units in other orders in arrays by their keys; the arrays that are given stay as they are."""
    found = dict(arrays)
    for group, order in zip(groups, orders, strict=True):
        for place in group.places:
            found[place.key] = moved(found[place.key], place, order)
    return found


def moved(array: np.ndarray, place: Place, order: Order) -> np.ndarray:
    """Put the units of one place in another order.

    >>> place = Place("w", 0, np.array([[0], [2]]), signed=True)
    >>> moved(np.array([1.0, 2.0, 3.0]), place, Order(np.array([1, 0]), np.array([1.0, -1.0]))).tolist()
    [3.0, 2.0, -1.0]
    """
    source = np.arange(array.shape[place.axis])
    source[place.positions] = place.positions[order.places]
    result = np.take(array, source, axis=place.axis)
    if place.signed and np.any(order.signs < 0):
        signs = np.ones(array.shape[place.axis])
        signs[place.positions] = order.signs[:, None]
        shape = [1] * array.ndim
        shape[place.axis] = -1
        result = result * signs.reshape(shape).astype(result.dtype)
    return result


def symmetry_of(model: Model) -> Symmetry:
    """Find the groups of hidden units of a model's graph that may change places without a change of its outputs.

    Units of a dense layer, a convolution or an embedding are followed through the graph: activations and pools hand them on, sums join them, so
    that both sides of a residual branch are one group, concatenation orders them, attention has its heads. Units are one group where they occur on
    the same axes of the same parameters. What an op without a rule reads stays, and is said.

    Parameters
    ----------
    model
        Its graph and the shapes of its parameters are read, no number.

    Examples
    --------
    >>> import numpy as np
    >>> from landscape.model import build_model
    >>> layers = [(np.ones((2, 3)), np.ones(3)), (np.ones((3, 1)), np.ones(1))]
    >>> model = build_model(layers=layers, activation="tanh", loss="mse", x_train=np.ones((1, 2)), y_train=np.ones((1, 1)))
    >>> [(group.size, group.odd, [place.key for place in group.places]) for group in symmetry_of(model).groups]
    [(3, True, ['dense1.weight', 'dense1.bias', 'dense2.weight'])]
    """
    units, keys = Units(), model.parameters.keys() | model.buffers.keys()
    values: dict[str, Value] = {INPUT: Value(model.input_shape)}
    for node in model.nodes:
        rule = rule_of(node.op, elementwise=node.traits.elementwise) or stays
        inputs, units.used = [values[name] for name in node.inputs], set()
        values[node.name] = rule(units, node, inputs, keys)
        for value in inputs:
            # A parameter whose units were not followed here must not move because of where else it is read.
            if value.key not in units.used and values[node.name].key != value.key:
                units.tie(value)
    units.fix(values[model.nodes[-1].name])
    units.tie(values[model.nodes[-1].name])
    axes = units.resolved()
    carried = tuple(
        Carried(node.name, value.axis, units.roots(value.units), node.traits.bend is not None)
        for node in model.nodes
        if (value := values[node.name]).axis is not None and value.units is not None
    )
    return Symmetry(groups_of(units, axes), carried, units.stays)


def groups_of(units: Units, axes: Sequence[Axis]) -> tuple[Group, ...]:
    """Gather units that occur on the same axes with the same tags; a group of one only where its sign may turn."""
    occurrences: dict[int, list[tuple[int, int, int]]] = {}
    for number, one in enumerate(axes):
        for position, (unit, tag) in enumerate(zip(one.units.tolist(), one.tags.tolist(), strict=True)):
            if unit != FIXED:
                occurrences.setdefault(unit, []).append((number, tag, position))
    alike: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for unit, found in occurrences.items():
        found.sort()
        if any(axes[number].key for number, _, _ in found):
            alike.setdefault(tuple((number, tag) for number, tag, _ in found), []).append(unit)
    even = set(units.roots(np.array(units.even, np.int64)).tolist())
    groups = []
    for signature, members in alike.items():
        odd = not even & set(members)
        if len(members) > 1 or odd:
            groups.append(group_of(axes, dict(occurrences), signature, members, odd))
    return tuple(groups)


def group_of(
    axes: Sequence[Axis],
    occurrences: dict[int, list[tuple[int, int, int]]],
    signature: tuple[tuple[int, int], ...],
    members: list[int],
    odd: bool,
) -> Group:
    """Lay out where the units of a group stand."""
    numbers = dict.fromkeys(number for number, _ in signature if axes[number].key)
    places = tuple(
        Place(
            axes[number].key,
            axes[number].axis,
            np.array(
                [
                    [position for found, _, position in occurrences[unit] if found == number]
                    for unit in members
                ]
            ),
            axes[number].signed,
        )
        for number in numbers
    )
    return Group(places[0].key.rpartition(".")[0], np.array(members), places, odd)
