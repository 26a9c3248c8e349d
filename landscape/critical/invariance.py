"""Directions along which the loss is constant, as follows from the network's graph.

Each reason is a group that acts on θ and leaves the loss as it is, near θ at least: so at a critical point its
directions are null vectors of the Hessian, and the whole orbit is critical. Where they are all the null vectors there
are, the Hessian is definite across the orbit and the point is a minimum, though not a strict one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.model import Node
from landscape.objective import NetworkObjective
from landscape.objective.units import UnitRange, silent_inputs, unit_ranges

Array = NDArray[np.float64]

# What is left of a unit vector outside of a space that holds it.
INSIDE = 1e-6


@dataclass(frozen=True)
class Invariances:
    """Directions [n, P] with their reasons; `inactive` names the units that are dead or saturated."""

    directions: Array
    reasons: tuple[str, ...]
    inactive: tuple[tuple[str, int], ...]

    def touches(self, reason: str, null: Array) -> bool:
        """Say whether a reason has a direction that is one of a null space's [k, P]."""
        rows = np.array(
            [row for row, its in zip(self.directions, self.reasons, strict=True) if its == reason]
        )
        basis = orthonormal(rows.reshape(len(rows), self.directions.shape[1]))
        return bool(len(basis)) and float(np.abs(basis @ null.T).max(initial=0.0)) > INSIDE

    def basis(self, *, inactive: bool) -> Array:
        """Give an orthonormal basis [m, P] of the space, with or without the directions of inactive units."""
        kept = [
            row
            for row, reason in zip(self.directions, self.reasons, strict=True)
            if inactive or reason not in INACTIVE
        ]
        return orthonormal(np.array(kept).reshape(len(kept), self.directions.shape[1]))


DEAD, SATURATION, INPUTS = "dead units", "saturated units", "inputs that are always 0"
RESCALING, SHIFT, LINEAR, BIASES = (
    "rescaling between layers",
    "a shift of all logits",
    "linear maps between layers",
    "biases of linear layers",
)
INACTIVE = (DEAD, SATURATION)


def orthonormal(rows: Array) -> Array:
    """Give an orthonormal basis of the span of rows [n, P]."""
    lengths = np.linalg.norm(rows, axis=1)
    rows = rows[lengths > 0] / lengths[lengths > 0, None]
    if len(rows) == 0:
        return rows
    _, sizes, vectors = np.linalg.svd(rows, full_matrices=False)
    return vectors[sizes > 1e-9 * sizes[0]]


def unexplained(null: Array, known: Array) -> Array:
    """Give an orthonormal basis [r, P] of the part of a null space [k, P] that is orthogonal to a known space [m, P]."""
    if len(null) == 0:
        return null
    outside = null - (null @ known.T) @ known
    left, sizes, _ = np.linalg.svd(outside, full_matrices=False)
    rows = left.T[sizes > INSIDE] @ outside
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def invariances(objective: NetworkObjective, theta: Array) -> Invariances:
    """Find the invariances of a model's loss at θ, without those that its weight decay breaks."""
    finder = Finder(objective, theta)
    finder.find()
    decay = objective.model.decay_vector() != 0
    kept = [(row, reason) for row, reason in finder.found if not np.any(row[decay])]
    rows = np.array([row for row, _ in kept]).reshape(len(kept), objective.size)
    return Invariances(rows, tuple(reason for _, reason in kept), tuple(finder.inactive))


class Finder:
    """A walk over the graph's dense nodes and the nodes between them, which collects invariances."""

    def __init__(self, objective: NetworkObjective, theta: Array) -> None:
        self.objective, self.model, self.theta = objective, objective.model, theta
        self.nodes = {node.name: node for node in self.model.nodes}
        self.shared = {node.parameters_of for node in self.model.nodes if node.parameters_of}
        self.slots = {slot.name: slot for slot in self.model.layout}
        self.readers: dict[str, list[Node]] = {}
        for node in self.model.nodes:
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)
        self.found: list[tuple[Array, str]] = []
        self.inactive: list[tuple[str, int]] = []

    def find(self) -> None:
        """Collect everything."""
        ranges = {unit.node: unit for unit in unit_ranges(self.objective, self.theta)}
        for node in self.model.nodes:
            if node.name in ranges:
                self.activation(node, ranges[node.name])
            elif self.is_own_dense(node):
                self.linear(node)
                self.input_weights(node)
        self.logits()

    def is_own_dense(self, node: Node | None) -> bool:
        """Say whether a node is a dense layer of a vector with parameters of its own, all in θ."""
        if node is None or node.traits.product != "matrix" or len(node.shape) != 1 or node.parameters_of:
            return False
        if node.name in self.shared or f"{node.name}.weight" not in self.slots:
            return False
        return self.slots[f"{node.name}.weight"].shape == (*node.shape, self.width(node))

    def width(self, node: Node) -> int:
        """Give the number of inputs of a dense node."""
        return int(self.model.parameters[f"{node.name}.weight"].shape[1])

    def source(self, node: Node) -> Node | None:
        """Give the node that a node reads, skipping nodes that only reshape; None for the data."""
        found = self.nodes.get(node.inputs[0])
        while found is not None and found.traits.passes:
            found = self.nodes.get(found.inputs[0])
        return found

    def only_reader(self, node: Node) -> Node | None:
        """Give the dense node that is the only reader of a node's output, skipping nodes that only reshape."""
        readers = self.readers.get(node.name, [])
        while len(readers) == 1 and readers[0].traits.passes:
            readers = self.readers.get(readers[0].name, [])
        return readers[0] if len(readers) == 1 and self.is_own_dense(readers[0]) else None

    def weight(self, node: Node) -> tuple[slice, tuple[int, ...]]:
        """Give the position of a dense node's weights in θ, and their shape."""
        slot = self.slots[f"{node.name}.weight"]
        return slice(slot.start, slot.stop), slot.shape

    def row(self, node: Node, unit: int) -> list[int]:
        """Give the indices of the weights and the bias that make a unit's pre-activation."""
        part, shape = self.weight(node)
        places = list(range(part.start + unit * shape[1], part.start + (unit + 1) * shape[1]))
        bias = self.slots.get(f"{node.name}.bias")
        return places + ([bias.start + unit] if bias else [])

    def column(self, node: Node, unit: int) -> list[int]:
        """Give the indices of the weights that read a unit."""
        part, shape = self.weight(node)
        return list(range(part.start + unit, part.stop, shape[1]))

    def has_whole_bias(self, node: Node) -> bool:
        """Say whether a node's bias, if it has one, is in θ."""
        return f"{node.name}.bias" in self.slots or f"{node.name}.bias" not in self.model.parameters

    def add(self, places: list[int], values: Array, reason: str) -> None:
        """Add one direction."""
        row = np.zeros(self.theta.size)
        row[places] = values
        self.found.append((row, reason))

    def coordinates(self, places: list[int], reason: str) -> None:
        """Add the directions of single parameters."""
        for place in places:
            self.add([place], np.ones(1), reason)

    def activation(self, node: Node, unit_range: UnitRange) -> None:
        """Look at the units of an activation between dense nodes."""
        before, after = self.source(node), self.only_reader(node)
        bend = node.traits.bend
        limits = bend.flat if bend else (-np.inf, np.inf)
        for unit in range(len(unit_range.low)):
            below = unit_range.high[unit] < limits[0]
            if below or unit_range.low[unit] > limits[1]:
                self.inactive.append((node.name, unit))
                self.silent_unit(node, before, after, unit, below=bool(below))
            elif node.traits.homogeneous and after is not None and self.rescales(node, before):
                assert before is not None
                incoming, outgoing = self.row(before, unit), self.column(after, unit)
                values = np.concatenate([self.theta[incoming], -self.theta[outgoing]])
                self.add(incoming + outgoing, values, RESCALING)

    def rescales(self, node: Node, before: Node | None) -> bool:
        """Say whether a unit's pre-activation can be scaled by the node before it, whose output nothing else reads."""
        return (
            before is not None
            and self.is_own_dense(before)
            and self.has_whole_bias(before)
            and len(self.readers[before.name]) == 1
        )

    def silent_unit(
        self, node: Node, before: Node | None, after: Node | None, unit: int, *, below: bool
    ) -> None:
        """Add the parameters that have no effect because a unit's output is constant."""
        reason = DEAD if below and node.traits.bend and node.traits.bend.silent else SATURATION
        if before is not None and self.is_own_dense(before) and len(self.readers[before.name]) == 1:
            self.coordinates(self.row(before, unit), reason)
        if reason == DEAD and after is not None:
            self.coordinates(self.column(after, unit), reason)

    def input_weights(self, node: Node) -> None:
        """Add the weights that read features which are 0 for every example."""
        if self.source(node) is not None:
            return
        for feature in np.flatnonzero(silent_inputs(self.objective)):
            self.coordinates(self.column(node, int(feature)), INPUTS)

    def linear(self, node: Node) -> None:
        """Add the maps A that cancel between two successive dense nodes: W₁ → AW₁, W₂ → W₂A⁻¹."""
        after = self.only_reader(node)
        if after is None or not self.has_whole_bias(node):
            return
        wide, (second, shape) = node.shape[0], self.weight(after)
        outgoing = self.theta[second].reshape(shape)
        self.biases(node, after, outgoing)
        for i in range(wide):
            for j in range(wide):
                moved = np.zeros(self.theta.size)
                moved[self.row(node, i)] = self.theta[self.row(node, j)]
                change = np.zeros(shape)
                change[:, j] = -outgoing[:, i]
                moved[second] = change.ravel()
                self.found.append((moved, LINEAR))

    def biases(self, node: Node, after: Node, outgoing: Array) -> None:
        """Add the shifts c of a linear layer's output that the next layer's bias undoes: b₁ → b₁ + c, b₂ → b₂ − W₂c."""
        first, second = (self.slots.get(f"{one.name}.bias") for one in (node, after))
        if first is None or second is None:
            return
        for unit in range(node.shape[0]):
            places = [first.start + unit, *range(second.start, second.stop)]
            self.add(places, np.concatenate([[1.0], -outgoing[:, unit]]), BIASES)

    def logits(self) -> None:
        """Add the shifts of all logits by the same amount, which do not change cross-entropy."""
        last = self.model.nodes[-1]
        node = self.source(last) if last.traits.passes else last
        if self.model.loss != "cross_entropy" or node is None or not self.is_own_dense(node):
            return
        if len(self.readers.get(node.name, [])) > (1 if node is not last else 0):
            return
        for unit in range(self.width(node)):
            column = self.column(node, unit)
            self.add(column, np.ones(len(column)), SHIFT)
        bias = self.slots.get(f"{node.name}.bias")
        if bias is not None:
            self.add(list(range(bias.start, bias.stop)), np.ones(bias.stop - bias.start), SHIFT)
