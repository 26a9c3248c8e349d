"""`add`, `multiply`, `subtract` and `divide`: of inputs of equal shapes, or of shapes that are spread to one, aligned at the last axis."""

from __future__ import annotations

from functools import reduce

from landscape.ops.operation import Attributes, Lower, Operation, Shape, Sizes, broadcast_shape
from landscape.ops.traits import Traits, Width
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import ACTIVATION_CODES, Op
from landscape.program.layout import View

RECIPROCAL = ACTIVATION_CODES["reciprocal"]


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Require shapes that can be broadcast to one."""
    reduce(broadcast_shape, inputs)
    return {}


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Return the shape to which all inputs are broadcast."""
    return reduce(broadcast_shape, inputs)


def alike(state: Lowering, node: GraphNode) -> bool:
    """Say whether all inputs have the node's shape and differ from example to example."""
    return all(state.shape_of[name] == node.shape and not state.is_single(name) for name in node.inputs)


def pairwise(op: Op) -> Lower:
    """Make the rule that takes two inputs at a time."""

    def lower(state: Lowering, node: GraphNode) -> int:
        if op == Op.COMBINE and alike(state, node) and not any(name in state.views for name in node.inputs):
            return state.add(state.row(Op.ADD, node, last=state.any_last(node)))
        if len(node.inputs) == 2:
            return state.combined(node, op)
        last, count = state.any_last(node), len(node.inputs)
        if op == Op.PRODUCT and alike(state, node):
            sources = state.row(Op.MULTIPLY, node, last=last).inputs
            result = View(sources[0])
            for number, other in enumerate(sources[1:], 2):
                result = View(
                    state.joined(
                        op,
                        [result, View(other)],
                        state.rows[other].size,
                        node=node.name if number == count else "",
                    )
                )
            return result.row
        total = 1
        for size in node.shape:
            total *= size
        result = state.spread(node.inputs[0], node.shape)
        for name in node.inputs[1:]:
            result = View(state.joined(op, [result, state.spread(name, node.shape)], total))
        return result.row

    return lower


def subtract(state: Lowering, node: GraphNode) -> int:
    """Subtract the second input."""
    return state.combined(node, Op.COMBINE, sign=-1.0)


def divide(state: Lowering, node: GraphNode) -> int:
    """Multiply by one over the second input."""
    one, two = node.inputs
    name = f"{node.name} (one over it)"
    view = state.view(two)
    # Of a part of a row only that is inverted: what nothing reads may be zero.
    if two in state.views and state.whole(two) is None:
        view = View(state.gather(view))
    row = state.apply(RECIPROCAL, view.row)
    state.shape_of[name], state.row_of[name] = state.shape_of[two], row
    if view.map is not None:
        state.views[name] = View(row, view.map)
    return state.combined(node, Op.PRODUCT, (one, name))


def arithmetic(name: str, lower: Lower, *, several: bool, width: Width = "kept") -> Operation:
    """Make an op of two inputs, or of several."""
    return Operation(
        name=name,
        sizes=sizes,
        output=output,
        several=several,
        counts=None if several else (2, 2),
        keeps_single=True,
        traits=Traits(
            product="none",
            start="none",
            normalizes=False,
            batch_statistics=False,
            drops=False,
            passes=False,
            elementwise=False,
            homogeneous=False,
            width=width,
            output_range=None,
            applied_by=None,
            along_units=several,
            bend=None,
            cuda=True,
        ),
        lower=lower,
    )


ADD = arithmetic("add", pairwise(Op.COMBINE), several=True)
MULTIPLY = arithmetic("multiply", pairwise(Op.PRODUCT), several=True)
SUBTRACT = arithmetic("subtract", subtract, several=False)
DIVIDE = arithmetic("divide", divide, several=False)
