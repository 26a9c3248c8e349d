"""Build the table of a program: its rows, and where each node's output and each parameter is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from landscape.program.codes import Op
from landscape.program.layout import (
    Indices,
    View,
    broadcast,
    first_to_last,
    is_identity,
    last_to_first,
    through,
)
from landscape.program.table import WIDEST_VECTOR, Geometry, Row

Shape = tuple[int, ...]


class GraphNode(Protocol):
    """The attributes of a model's node that lowering reads: name, op, inputs, and the shape of the output."""

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
        self.shape_of, self.parameters, self.training = dict(shape_of), parameters, training
        self.rows: list[Row] = [Row(Op.INPUT, math.prod(shape_of["input"]), [])]
        self.row_of: dict[str, int] = {"input": 0}
        # Nodes whose rows lie channels last; the format, and every other row, has the channels first.
        self.channels_last: set[str] = set()
        self.turned: dict[str, int] = {}
        # Nodes that are the numbers of a row in another order; no row is there for them until one has to be.
        self.views: dict[str, View] = {}
        self.gathered: dict[tuple[int, bytes, float, bool], int] = {}

    def place(self, node: GraphNode, parameter: str) -> tuple[int, int]:
        """Give a parameter's interval in [θ, constants], or (−1, −1) where the node has none."""
        return self.parameters.places.get(f"{node.owner}.{parameter}", (-1, -1))

    def view(self, name: str) -> View:
        """Give the view of a node's output: its row, and where its numbers are there, in the format's order."""
        if name in self.views:
            return self.views[name]
        row = self.row_of[name]
        if (
            name not in self.channels_last
            or min(self.shape_of[name][0], math.prod(self.shape_of[name][1:])) == 1
        ):
            return View(row)
        return View(row, last_to_first(self.shape_of[name]))

    def mapped(self, name: str, indices: Indices, fill: float = 0.0) -> View:
        """Give the view of the numbers at some positions of a node's output, −1 for a constant."""
        return self.follow(self.view(name), indices, fill)

    def follow(self, view: View, indices: Indices, fill: float = 0.0) -> View:
        """Give the view of the numbers at some positions of a view, −1 for a constant."""
        indices = indices.reshape(-1)
        if view.filled and bool((indices < 0).any()) and view.fill != fill:
            view = View(self.gather(view))
        return View(view.row, through(view.map, indices), view.fill if view.filled else fill)

    def lay(self, node: GraphNode, view: View) -> int:
        """Define a node's output as a row's numbers in another order, which are copied only when a row of their own is needed."""
        count = self.rows[view.row].count
        if is_identity(view.map, count):
            return view.row
        self.views[node.name] = view
        return view.row

    def whole(self, name: str) -> View | None:
        """Give the view of a node's output if it is all of a row in another order or the same for all examples; None otherwise."""
        view = self.view(name)
        if name not in self.views:
            return view if self.rows[view.row].numbers else None
        count = self.rows[view.row].count
        if view.map is None or view.filled or len(view.map) != count:
            return None
        return view if len(np.unique(view.map)) == count else None

    def is_single(self, name: str) -> bool:
        """Say whether a node's output is the same for all examples."""
        return self.rows[self.view(name).row].numbers > 0

    def gather(self, view: View, *, batch: bool = False) -> int:
        """Give a row with a view's numbers in order: the view's own row or a copy; with `batch`, a row that has them for each example."""
        source = self.rows[view.row]
        single = source.numbers > 0 and not batch
        if is_identity(view.map, source.count) and single == (source.numbers > 0):
            return view.row
        indices = np.arange(source.count) if view.map is None else view.map
        row, fill = view.row, view.fill
        if source.op == Op.GATHER and source.maps[0] is not None:
            inner = source.maps[0]
            # Two constants cannot stand in one copy.
            if not (view.filled and source.attribute != fill and bool((inner < 0).any())):
                fill = fill if view.filled else source.attribute
                row, indices = source.inputs[0], through(inner, indices)
                given = self.rows[row]
                if is_identity(indices, given.count) and single == (given.numbers > 0):
                    return row
        key = (row, indices.tobytes(), fill, single)
        if key not in self.gathered:
            self.gathered[key] = self.add(
                counted(Op.GATHER, len(indices), [row], single=single, maps=(indices,), attribute=fill)
            )
        return self.gathered[key]

    def copied(self, view: View) -> int:
        """Give a row of a view's numbers that nothing else reads; lowering removes the copy if the view's own row has no other reader."""
        row = self.gather(view)
        if self.rows[row].numbers or row != view.row:
            row = self.gather(view, batch=True)
        given = self.rows[row]
        return self.add(Row(Op.GATHER, given.size, [row], maps=(None,)))

    def with_bias(self, node: GraphNode, row: int, wide: int) -> int:
        """Add the bias of a product whose weight is a node's to a row of so many features after each other, where there is one."""
        if len(node.inputs) > 2:
            view = self.view(node.inputs[2])
        else:
            start, stop = self.place(node, "bias")
            if start < 0:
                self.rows[row].node = node.name
                return row
            trained = f"{node.owner}.bias" in self.parameters.trained
            made = counted(
                Op.PARAMETER, wide, [], single=True, weight=start, weight_stop=stop, trained=trained
            )
            view = View(self.add(made))
        count = self.rows[row].size
        spread = self.follow(view, np.tile(np.arange(wide), count // wide))
        return self.joined(Op.COMBINE, [View(row), spread], count, node=node.name)

    def plain(self, name: str) -> int:
        """Give the row of a node's output in the format's order, an output for each example."""
        if name in self.views or self.is_single(name):
            return self.gather(self.view(name), batch=True)
        return self.turn(name, last=True) if name in self.channels_last else self.row_of[name]

    def single(self, name: str) -> int:
        """Give the row of a node's output in the format's order, as it is for all examples or for each."""
        return self.gather(self.view(name)) if self.is_single(name) else self.plain(name)

    def image(self, name: str) -> int:
        """Give the row of a node's output with the channels last."""
        if name in self.views or self.is_single(name):
            if len(self.shape_of[name]) < 2:
                return self.plain(name)
            return self.gather(self.mapped(name, first_to_last(self.shape_of[name])), batch=True)
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

    def combined(
        self, node: GraphNode, op: Op, names: tuple[str, str] | None = None, *, sign: float = 1.0
    ) -> int:
        """Append the sum or the product of two outputs, spread to the node's shape."""
        one, two = names or (node.inputs[0], node.inputs[1])
        last = len(node.shape) > 1 and any(
            name in self.channels_last
            and name not in self.views
            and len(self.shape_of[name]) == len(node.shape)
            for name in (one, two)
        )
        order = first_to_last(node.shape) if last else None
        views = [self.spread(name, node.shape, order) for name in (one, two)]
        if last:
            self.channels_last.add(node.name)
        return self.joined(op, views, math.prod(node.shape), sign=sign, node=node.name)

    def spread(self, name: str, shape: Shape, order: Indices | None = None) -> View:
        """Say where the numbers of a node's output lie once it is spread to a shape, in the format's order or another."""
        indices = broadcast(self.shape_of[name], shape)
        return self.mapped(name, indices if order is None else indices[order])

    def joined(self, op: Op, views: list[View], count: int, *, sign: float = 1.0, node: str = "") -> int:
        """Append a row for the sum (the second times `sign`) or the product of two views of so many numbers."""
        views = [View(self.gather(view)) if view.filled else view for view in views]
        single = all(self.rows[view.row].numbers > 0 for view in views)
        maps = tuple(None if is_identity(view.map, self.rows[view.row].count) else view.map for view in views)
        plain = (
            not single
            and all(indices is None for indices in maps)
            and all(self.rows[v.row].numbers == 0 for v in views)
        )
        if plain and (op == Op.PRODUCT or sign == 1.0):
            equal = Op.MULTIPLY if op == Op.PRODUCT else Op.ADD
            return self.add(Row(equal, count, [view.row for view in views], node=node))
        return self.add(
            counted(
                op, count, [view.row for view in views], single=single, maps=maps, attribute=sign, node=node
            )
        )

    def apply(self, code: int, source: int, parameter: float = 0.0, *, node: str = "") -> int:
        """Append a function of each number of a row."""
        given = self.rows[source]
        return self.add(
            Row(
                Op.ACTIVATION,
                given.size,
                [source],
                code=code,
                attribute=parameter,
                numbers=given.numbers,
                node=node,
            )
        )

    def any_last(self, node: GraphNode) -> bool:
        """Say whether a node that may have its inputs in either order should have the channels last."""
        return any(name in self.channels_last and name not in self.views for name in node.inputs)

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
            node=node.name,
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
        if node.inputs[0] in self.views:
            self.views[node.name] = self.views[node.inputs[0]]
        elif self.any_last(node):
            self.channels_last.add(node.name)
        return self.row_of[node.inputs[0]]

    def add(self, row: Row) -> int:
        """Append a row; it is active where θ reaches it."""
        row.active = row.trained or any(self.rows[i].active for i in row.inputs)
        self.rows.append(row)
        return len(self.rows) - 1

    def with_tangent(self, row: int) -> int:
        """Give a row with a tangent: the data have none, but a copy of them has one, of zeros."""
        return self.add(Row(Op.ADD, self.rows[0].size, [0])) if row == 0 else row


def counted(op: Op, count: int, inputs: list[int], *, single: bool, **more: Any) -> Row:
    """Start a row of so many numbers: for each example, or `single`, for all of them, whose numbers lie side by side in as few features as hold them."""
    size = math.ceil(count / WIDEST_VECTOR) if single else count
    return Row(op, size, inputs, numbers=count if single else 0, **more)
