"""`reduce_sum`, `reduce_mean`, `reduce_max` and `reduce_min`: over any axes of an example, which are kept as axes of 1 or dropped."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from landscape.ops import values
from landscape.ops.operation import Attribute, Attributes, Operation, Shape, Sizes, settle_axes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering, counted
from landscape.program.codes import Op
from landscape.program.layout import View, is_identity


class Middle(NamedTuple):
    """A row with three axes, the middle one to be reduced: its number, and the sizes of the axes."""

    row: int
    groups: int
    wide: int
    out: int


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Drop the axes, or keep them as 1."""
    axes, keep = attributes["axes"], attributes["keepdims"]
    return tuple(
        1 if axis in axes else size for axis, size in enumerate(inputs[0], 1) if keep or axis not in axes
    )


def arranged(state: Lowering, name: str, axes: tuple[int, ...]) -> Middle:
    """Find or make a row in which the axes to reduce are adjacent: as they are if possible, else moved after the others."""
    shape = state.shape_of[name]
    places = np.arange(math.prod(shape)).reshape(shape)
    kept = [axis for axis in range(1, len(shape) + 1) if axis not in axes]
    wide, count = math.prod(shape[axis - 1] for axis in axes), math.prod(shape)
    before = [axis for axis in kept if axis < axes[0]]
    orders = [([*kept, *axes], count // wide, 1), ([*axes, *kept], 1, count // wide)]
    if axes == tuple(range(axes[0], axes[-1] + 1)):
        groups = math.prod(shape[axis - 1] for axis in before)
        orders.insert(0, ([*range(1, len(shape) + 1)], groups, count // wide // groups))
    for order, groups, out in orders:
        view = state.mapped(name, places.transpose([axis - 1 for axis in order]).reshape(-1))
        if is_identity(view.map, state.rows[view.row].count):
            return Middle(view.row, groups, wide, out)
    order, groups, out = orders[0]
    view = state.mapped(name, places.transpose([axis - 1 for axis in order]).reshape(-1))
    return Middle(state.gather(view), groups, wide, out)


def reduced(
    state: Lowering, op: Op, name: str, axes: tuple[int, ...], attribute: float = 0.0, *, node: str = ""
) -> int:
    """Append the reduction of a node's axes, counted with the batch; the others stay in order."""
    row, groups, wide, out = arranged(state, name, axes)
    single = state.rows[row].numbers > 0
    return state.add(
        counted(
            op,
            groups * out,
            [row],
            single=single,
            groups=groups,
            wide=wide,
            out=out,
            attribute=attribute,
            node=node,
        )
    )


def reduction(name: str, op: Op, attribute: float, *, homogeneous: bool = True) -> Operation:
    """Make the op of a reduction."""

    def lower(state: Lowering, node: GraphNode) -> int:
        axes = node.attributes["axes"]
        if not axes:
            return state.lay(node, View(*state.view(node.inputs[0])))
        return reduced(state, op, node.inputs[0], axes, attribute, node=node.name)

    return Operation(
        name=name,
        attributes={
            "axes": Attribute(values.integers(12)),
            "keepdims": Attribute(values.boolean, False),
        },
        settle=settle_axes,
        output=output,
        keeps_single=True,
        traits=Traits(
            product="none",
            start="none",
            normalizes=False,
            batch_statistics=False,
            drops=False,
            passes=False,
            elementwise=False,
            homogeneous=homogeneous,
            width="fixed",
            output_range=None,
            applied_by=None,
            along_units=False,
            bend=None,
            cuda=True,
        ),
        lower=lower,
    )


REDUCTIONS = (
    reduction("reduce_sum", Op.MEAN, 1.0),
    reduction("reduce_mean", Op.MEAN, 0.0),
    reduction("reduce_max", Op.LARGEST, 1.0),
    reduction("reduce_min", Op.LARGEST, -1.0),
)
