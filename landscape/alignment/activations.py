"""Match the units of two networks by their activations on the data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.alignment.groups import Carried, Group, Order, Symmetry
from landscape.alignment.matching import ascend, assigned
from landscape.model import Model
from landscape.model.model import Slot
from landscape.objective import NetworkObjective

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

# Examples whose activations are compared: evenly spread over the training set.
EXAMPLES = 500


class Part:
    """A network cut off after one of its nodes, on some of its training examples, to compute that node's output at any parameters."""

    def __init__(self, model: Model, node: str, rows: Whole, **options: Any) -> None:
        number = [one.name for one in model.nodes].index(node)
        nodes = model.nodes[: number + 1]
        owners = {one.owner for one in nodes}
        # A node may share the parameters of one that stands behind it.
        kept = [slot for slot in (*model.layout, *model.constant_layout) if slot.node in owners]
        names = {slot.name for slot in kept}
        part = replace(
            model,
            nodes=nodes,
            loss="output",
            loss_scale=1.0,
            loss_options=type(model.loss_options)(),
            weight_decay=0.0,
            parameters={key: array for key, array in model.parameters.items() if key in names},
            buffers={key: array for key, array in model.buffers.items() if key in names},
            data={
                "x_train": np.asarray(model.data["x_train"][rows]),
                "y_train": np.zeros((len(rows), *nodes[-1].shape)),
            },
            optimizer={},
            checkpoints=None,
            checkpoint_buffers=None,
        )
        self.objective = NetworkObjective(part, "train", **options)
        self.theta = places(model.layout, owners)
        self.constants = places(model.constant_layout, owners)

    def outputs(self, theta: ArrayLike, constants: ArrayLike | None = None) -> Array:
        """Give what the node returns for each of the examples, [n, …], at the whole network's parameters and constants."""
        there = self.objective
        if constants is not None:
            there = there.with_constants(np.asarray(constants)[self.constants])
        return np.asarray(there.outputs(np.asarray(theta)[self.theta]), np.float64)


def places(layout: Sequence[Slot], owners: Collection[str]) -> Whole:
    """Give where the parameters of some nodes lie in a flat vector, in its order."""
    chosen = [np.arange(slot.start, slot.stop) for slot in layout if slot.node in owners]
    return np.concatenate(chosen) if chosen else np.zeros(0, np.int64)


def spread_rows(model: Model, count: int = EXAMPLES) -> Whole:
    """Choose examples evenly over the training set."""
    whole = model.examples("train")
    return np.unique(np.linspace(0, whole - 1, min(count, whole)).astype(np.int64))


def carriers(group: Group, symmetry: Symmetry) -> list[Carried]:
    """Give the nodes whose outputs contain all units of a group, those after an activation if there are any."""
    found = [one for one in symmetry.carried if np.isin(group.units, one.units).all()]
    return [one for one in found if one.bends] or found[-1:]


def rows_in(group: Group, carried: Carried, outputs: Array) -> Array:
    """Give the outputs of each unit over examples and places, one row for each unit."""
    moved = np.moveaxis(outputs, carried.axis + 1, 0)
    positions = np.stack([np.flatnonzero(carried.units == unit) for unit in group.units])
    return moved[positions].reshape(group.size, -1)


def correlations(ours: Array, theirs: Array) -> Array:
    """Give the correlations of rows with rows, [n, n]; those of a constant row are 0.

    >>> correlations(np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 1.0, 0.0], [5.0, 5.0, 5.0]])).round(6).tolist()
    [[-1.0, 0.0]]
    """
    units = []
    for rows in (ours, theirs):
        centred = rows - rows.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        units.append(np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0))
    return np.asarray(units[0] @ units[1].T)


def match_activations(model: Model, other: Model, symmetry: Symmetry, **options: Any) -> tuple[Order, ...]:
    """Find the order of each group in which its activations over the training data correlate most with the first network's.

    Groups that no node carries, such as heads of attention, are matched by their weights afterwards, and so are units that give the same for all
    examples, such as dead ones.
    """
    rows = spread_rows(model)
    seen: dict[str, tuple[Array, Array]] = {}
    orders, left = [], list[tuple[int, Whole]]()
    for number, group in enumerate(symmetry.groups):
        places = carriers(group, symmetry)
        order, idle = Order.identity(group.size), np.ones(group.size, bool)
        if places:
            for one in places:
                if one.node not in seen:
                    part = Part(model, one.node, rows, **options)
                    seen[one.node] = (
                        part.outputs(model.theta, model.constants),
                        part.outputs(other.theta, other.constants),
                    )
            pairs = [tuple(rows_in(group, one, outputs) for outputs in seen[one.node]) for one in places]
            gains = sum((correlations(*pair) for pair in pairs), np.zeros((group.size, group.size)))
            order = assigned(gains, np.zeros_like(gains), group.odd)
            for ours, theirs in pairs:
                idle &= (np.ptp(ours, axis=1) == 0) & (np.ptp(theirs, axis=1) == 0)[order.places]
        orders.append(order)
        left.append((number, np.flatnonzero(idle)))
    return by_weights(model, symmetry.applied(other, orders), symmetry, orders, left)


def by_weights(
    model: Model, moved: Model, symmetry: Symmetry, orders: Sequence[Order], left: Sequence[tuple[int, Whole]]
) -> tuple[Order, ...]:
    """Match by their weights the units that activations cannot tell apart, since they give the same for all examples or have no node of their own."""
    left = [(number, units) for number, units in left if len(units)]
    groups = [some_of(symmetry.groups[number], units) for number, units in left]
    begin = [Order.identity(group.size) for group in groups]
    found = (
        ascend(dict(model.parameters), dict(moved.parameters), groups, begin)[0] if groups else tuple(begin)
    )
    result = list(orders)
    for (number, units), order in zip(left, found, strict=True):
        whole = Order.identity(symmetry.groups[number].size)
        whole.places[units], whole.signs[units] = units[order.places], order.signs
        result[number] = orders[number].then(whole)
    return tuple(result)


def some_of(group: Group, units: Whole) -> Group:
    """Give some of the units of a group as a group of their own."""
    places = tuple(replace(place, positions=place.positions[units]) for place in group.places)
    return replace(group, units=group.units[units], places=places)
