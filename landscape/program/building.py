"""The table in the making: rows, where each node's output is found and in which order, where each parameter lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from landscape.program.codes import Op
from landscape.program.table import Geometry, Row

Shape = tuple[int, ...]


class GraphNode(Protocol):
    """What is read of a node of a model: its name and its op, what it reads, and the shape of its output."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def op(self) -> str:
        """The name of its op."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the nodes that it reads."""

    @property
    def attributes(self) -> dict[str, Any]:
        """All attributes of its op."""

    @property
    def owner(self) -> str:
        """The node under whose name its parameters are kept."""

    @property
    def shape(self) -> Shape:
        """The shape of its output for one example."""


@dataclass(frozen=True)
class Parameters:
    """The parameters and buffers of a model by their names: intervals in [θ, constants], shapes, and which are in θ."""

    places: Mapping[str, tuple[int, int]]
    shapes: Mapping[str, Shape]
    trained: frozenset[str]


class Lowering:
    """The rows so far; `shape_of` has the shape of the input and of every node's output."""

    def __init__(
        self, shape_of: Mapping[str, Shape], parameters: Parameters, *, training: bool = False
    ) -> None:
        self.shape_of, self.parameters, self.training = shape_of, parameters, training
        self.rows: list[Row] = [Row(Op.INPUT, math.prod(shape_of["input"]), [])]
        self.row_of: dict[str, int] = {"input": 0}
        # Nodes whose rows lie channels last; the format, and every other row, has the channels first.
        self.channels_last: set[str] = set()
        self.turned: dict[str, int] = {}

    def place(self, node: GraphNode, parameter: str) -> tuple[int, int]:
        """Give a parameter's interval in [θ, constants], or (−1, −1) where the node has none."""
        return self.parameters.places.get(f"{node.owner}.{parameter}", (-1, -1))

    def plain(self, name: str) -> int:
        """Give the row of a node's output in the format's order."""
        return self.turn(name, last=True) if name in self.channels_last else self.row_of[name]

    def image(self, name: str) -> int:
        """Give the row of a node's output with the channels last."""
        if name in self.channels_last or len(self.shape_of[name]) < 2:
            return self.row_of[name]
        return self.turn(name, last=False)

    def turn(self, name: str, *, last: bool) -> int:
        """Append a copy of a node's output in the other order, once; one channel or one pixel is in both already."""
        channels, pixels = self.shape_of[name][0], math.prod(self.shape_of[name][1:])
        if channels == 1 or pixels == 1:
            return self.row_of[name]
        if name not in self.turned:
            groups, wide = (pixels, channels) if last else (channels, pixels)
            self.turned[name] = self.add(
                Row(Op.TRANSPOSE, groups * wide, [self.row_of[name]], groups=groups, wide=wide)
            )
        return self.turned[name]

    def any_last(self, node: GraphNode) -> bool:
        """Say whether a node that may have its inputs in either order should have the channels last."""
        return any(name in self.channels_last for name in node.inputs)

    def row(
        self,
        op: Op,
        node: GraphNode,
        *,
        last: bool = False,
        prefix: str = "",
        **more: int | float | dict[Geometry, int],
    ) -> Row:
        """Start a row for a node: its inputs and its output in an order, its size, its weight and bias."""
        weight, weight_stop = self.place(node, f"{prefix}weight")
        bias, bias_stop = self.place(node, f"{prefix}bias")
        if last:
            self.channels_last.add(node.name)
        return Row(
            op=op,
            size=math.prod(node.shape),
            inputs=[self.image(name) if last else self.plain(name) for name in node.inputs],
            weight=weight,
            weight_stop=weight_stop,
            bias=bias,
            bias_stop=bias_stop,
            trained=any(
                f"{node.owner}.{prefix}{name}" in self.parameters.trained for name in ("weight", "bias")
            ),
            **more,  # type: ignore[arg-type]
        )

    def pass_on(self, node: GraphNode) -> int:
        """Give the row of a node's input: the same numbers in the same order."""
        if self.any_last(node):
            self.channels_last.add(node.name)
        return self.row_of[node.inputs[0]]

    def add(self, row: Row) -> int:
        """Append a row; it is active where θ reaches it."""
        row.active = row.trained or any(self.rows[i].active for i in row.inputs)
        self.rows.append(row)
        return len(self.rows) - 1

    def with_tangent(self, row: int) -> int:
        """Give a row that has a tangent to read: the data have none, their copy has one, of zeros."""
        return self.add(Row(Op.ADD, self.rows[0].size, [0])) if row == 0 else row
