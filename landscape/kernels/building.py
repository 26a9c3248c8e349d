"""The table in the making: rows, where each node's output is found and in which order, where each parameter lies."""

from __future__ import annotations

import math

from landscape.kernels.program import Geometry, Op, Row
from landscape.model import Model, Node


class Lowering:
    """The table in the making, and where each parameter lies in [θ, constants]."""

    def __init__(self, model: Model, training: bool = False) -> None:
        self.training = training
        self.rows: list[Row] = [Row(Op.INPUT, math.prod(model.input_shape), [])]
        self.row_of: dict[str, int] = {"input": 0}
        # Nodes whose rows lie channels last; the format, and every other row, has the channels first.
        self.channels_last: set[str] = set()
        self.turned: dict[str, int] = {}
        self.shape_of = {"input": model.input_shape} | {node.name: node.shape for node in model.nodes}
        theta = {slot.name: (slot.start, slot.stop) for slot in model.layout}
        constants = {
            slot.name: (slot.start + model.size, slot.stop + model.size) for slot in model.constant_layout
        }
        self.places = theta | constants
        self.shapes = {slot.name: slot.shape for slot in (*model.layout, *model.constant_layout)}
        self.trained = set(theta)

    def place(self, node: Node, parameter: str) -> tuple[int, int]:
        """Give a parameter's interval in [θ, constants], or (−1, −1) where the node has none."""
        return self.places.get(f"{node.parameters_of or node.name}.{parameter}", (-1, -1))

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

    def any_last(self, node: Node) -> bool:
        """Say whether a node that may have its inputs in either order should have the channels last."""
        return any(name in self.channels_last for name in node.inputs)

    def row(
        self,
        op: Op,
        node: Node,
        *,
        last: bool = False,
        prefix: str = "",
        **more: int | float | dict[Geometry, int],
    ) -> Row:
        """Start a row for a node: its inputs and its output in an order, its size, its weight and bias."""
        weight, weight_stop = self.place(node, f"{prefix}weight")
        bias, bias_stop = self.place(node, f"{prefix}bias")
        owner = node.parameters_of or node.name
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
            trained=f"{owner}.{prefix}weight" in self.trained or f"{owner}.{prefix}bias" in self.trained,
            **more,  # type: ignore[arg-type]
        )

    def add(self, row: Row) -> int:
        """Append a row; it is active where θ reaches it."""
        row.active = row.trained or any(self.rows[i].active for i in row.inputs)
        self.rows.append(row)
        return len(self.rows) - 1

    def with_tangent(self, row: int) -> int:
        """Give a row that has a tangent to read: the data have none, their copy has one, of zeros."""
        return self.add(Row(Op.ADD, self.rows[0].size, [0])) if row == 0 else row
