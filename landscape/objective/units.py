"""Ranges of each unit's pre-activation over the examples, and units that change sides of a kink."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.kernels.cpu.passes import forward
from landscape.kernels.cpu.table import VALUES
from landscape.kernels.cpu.views import output_block
from landscape.objective.network import NetworkObjective
from landscape.objective.patterns import KINKED
from landscape.objective.session import session
from landscape.program.codes import Op
from landscape.program.table import Column

Array = NDArray[np.float64]

# A pre-activation is at the kink where it is no more than rounding of its unit's largest.
AT_KINK = 1e-10


@dataclass(frozen=True)
class UnitRange:
    """The pre-activations of one activation node's units [F] over the examples.

    `low` and `high` are the extremes; `near` counts the examples at the kink, 0 where the node has none.
    """

    node: str
    op: str
    low: Array
    high: Array
    near: NDArray[np.int64]


@dataclass(frozen=True)
class Crossing:
    """A unit that is on the other side of its kink for some examples at another point."""

    node: str
    unit: int
    examples: int


def unit_ranges(objective: NetworkObjective, theta: ArrayLike) -> list[UnitRange]:
    """Give the range of every activation node's units at θ.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> layers = [(np.array([[1.0]]), np.zeros(1)), (np.array([[1.0]]), np.zeros(1))]
    >>> x = np.array([[-1.0], [2.0]])
    >>> model = build_model(layers=layers, activation="relu", loss="mse", x_train=x, y_train=x)
    >>> found = unit_ranges(NetworkObjective(model), model.theta)[0]
    >>> found.op, found.low.tolist(), found.high.tolist(), found.near.tolist()
    ('relu', [-1.0], [2.0], [0])
    """
    found: list[UnitRange] = []
    for tile in tiles_of(objective, theta):
        ranges = [UnitRange(*names, z.min(axis=1), z.max(axis=1), np.zeros(len(z), int)) for names, z in tile]
        found = ranges if not found else [joined(a, b) for a, b in zip(found, ranges, strict=True)]
    for tile in tiles_of(objective, theta):
        for unit, ((_, op), z) in zip(found, tile, strict=True):
            if op in KINKED:
                scale = np.maximum(np.abs(unit.low), np.abs(unit.high))
                unit.near[:] += np.sum(np.abs(z) <= AT_KINK * scale[:, None], axis=1)
    return found


def joined(one: UnitRange, other: UnitRange) -> UnitRange:
    """Join the ranges over two parts of the examples."""
    low, high = np.minimum(one.low, other.low), np.maximum(one.high, other.high)
    return UnitRange(one.node, one.op, low, high, one.near)


def crossings(objective: NetworkObjective, theta: ArrayLike, others: ArrayLike) -> list[Crossing]:
    """Name the units that change sides of their kinks between θ [P] and any of other points [K, P]."""
    counts: dict[tuple[str, int], int] = {}
    for other in np.atleast_2d(np.asarray(others)):
        pairs = zip(tiles_of(objective, theta), tiles_of(objective, other), strict=True)
        seen: dict[tuple[str, int], int] = {}
        for here, there in pairs:
            for ((node, op), a), (_, b) in zip(here, there, strict=True):
                changed = np.sum((a > 0) != (b > 0), axis=1) if op in KINKED else np.zeros(len(a), int)
                for unit in np.flatnonzero(changed):
                    seen[node, int(unit)] = seen.get((node, int(unit)), 0) + int(changed[unit])
        counts = {key: max(counts.get(key, 0), seen.get(key, 0)) for key in counts | seen}
    named = [Crossing(node, unit, examples) for (node, unit), examples in counts.items()]
    return sorted(named, key=lambda crossing: (-crossing.examples, crossing.node, crossing.unit))


def tiles_of(objective: NetworkObjective, theta: ArrayLike) -> Iterator[list[tuple[tuple[str, str], Array]]]:
    """Give the pre-activations of a tile, for each activation node ((name, op), [F, examples]), tile by tile."""
    there, tiled = objective.on_cpu, objective.on_cpu.tiled
    network, order, places = tiled.full.arrays
    there.prepare(tiled.full, VALUES)
    weights = objective.complete(theta)[0]
    bent = {node.name: node.op for node in objective.model.nodes if node.traits.bend is not None}
    found = [
        (name, int(network.links[row[Column.FIRST]]))
        for name, row in zip(tiled.full.program.nodes, network.rows, strict=True)
        if row[Column.OP] == Op.ACTIVATION and name in bent and not row[Column.NUMBERS]
    ]
    nodes, sources = [(name, bent[name]) for name, _ in found], [source for _, source in found]
    for number in range(tiled.tiles.count):
        batch, t = tiled.tiles.tile(number)
        memory = there.derivative_buffers()
        work, scratch, width = memory.work[0], memory.scratch[0], batch.x.shape[2]
        data, valid = batch.x[t].reshape(-1), int(batch.valid[t])
        with session():
            forward(network, order, places, weights, work, data, scratch, width)
        blocks = [
            np.array(output_block(network, places, row, work, data, width)[:, :valid], np.float64)
            for row in sources
        ]
        yield list(zip(nodes, blocks, strict=True))


def silent_inputs(objective: NetworkObjective) -> NDArray[np.bool_]:
    """Say which input features are 0 for every example."""
    silent: NDArray[np.bool_] | None = None
    tiles = objective.on_cpu.tiled.tiles
    for number in range(tiles.count):
        batch, t = tiles.tile(number)
        # Not the row after the inputs that says which columns are examples.
        zero = ~np.any(batch.x[t, : math.prod(objective.model.input_shape)], axis=1)
        silent = zero if silent is None else silent & zero
    return np.zeros(0, bool) if silent is None else silent
