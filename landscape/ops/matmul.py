"""`matmul`: products of matrices of two values, over the last two axes; the axes before them are spread to one shape."""

from __future__ import annotations

import math

import numpy as np

from landscape.errors import InputError
from landscape.ops.operation import (
    Attributes,
    Operation,
    Shape,
    Sizes,
    batched,
    broadcast_shape,
    require_axes,
)
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering, counted
from landscape.program.codes import Op
from landscape.program.layout import Indices, View, strided
from landscape.program.table import Row


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Require matrices whose inner sizes are equal."""
    one, two = inputs
    for shape in inputs:
        require_axes(shape, 2, "matrices [N, …, rows, columns]")
    if one[-1] != two[-2]:
        raise InputError(f"reads [N, …, m, k] and [N, …, k, n], found {batched(one)} and {batched(two)}")
    broadcast_shape(one[:-2], two[:-2])
    return {}


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Return the shape: the axes before the last two broadcast, then rows and columns."""
    one, two = inputs
    return (*broadcast_shape(one[:-2], two[:-2]), one[-2], two[-1])


def spread(state: Lowering, name: str, groups: Shape) -> View:
    """Say where the matrices of a node's output lie, one for each group."""
    shape = state.shape_of[name]
    places = np.arange(math.prod(shape)).reshape(shape)
    return state.mapped(name, np.array(np.broadcast_to(places, (*groups, *shape[-2:]))).reshape(-1))


def lower(state: Lowering, node: GraphNode) -> int:
    """Multiply for each example, or by a weight where one of the two is the same for all."""
    one, two = node.inputs
    groups = node.shape[:-2]
    if state.is_single(two) and math.prod(state.shape_of[two][:-2]) == 1:
        return by_weight(state, node, one, two)
    if state.is_single(one) and math.prod(state.shape_of[one][:-2]) == 1:
        return turned(state, node, one, two)
    matrices = [spread(state, name, groups) for name in (one, two)]
    return state.add(each(state, node, matrices, math.prod(groups)))


def each(state: Lowering, node: GraphNode, views: list[View], groups: int) -> Row:
    """Start the row of a product for each example; factors with even steps are read in place."""
    (m, k), n = state.shape_of[node.inputs[0]][-2:], node.shape[-1]
    return product(state, views, (groups, m, n, k), node.name)


def product(state: Lowering, views: list[View], sizes: tuple[int, int, int, int], node: str) -> Row:
    """Start the row of so many products [m, k] times [k, n] of two views."""
    groups, m, n, k = sizes
    rows, starts, steps = list[int](), list[Indices](), list[int]()
    for view, (height, width) in zip(views, ((m, k), (k, n)), strict=True):
        row, found = view.row, None
        if not view.filled and state.rows[row].numbers == 0:
            whole = np.arange(state.rows[row].count) if view.map is None else view.map
            found = strided(whole, height, width)
        if found is None:
            row = state.gather(view, batch=True)
            found = strided(np.arange(groups * height * width), height, width)
        assert found is not None
        rows.append(row)
        starts.append(found.starts)
        steps += [found.row, found.column]
    plan = np.concatenate([[groups, m, n, k, *steps], *starts]).astype(np.int64)
    return Row(Op.MATMUL, groups * m * n, rows, maps=(plan,), node=node)


def weight_row(state: Lowering, name: str, *, transposed: bool) -> int:
    """Give the row of a matrix that is the same for all examples, [out, in]."""
    shape = state.shape_of[name][-2:]
    places = np.arange(math.prod(shape)).reshape(shape)
    return state.gather(state.mapped(name, (places.T if transposed else places).reshape(-1)))


def by_weight(state: Lowering, node: GraphNode, one: str, two: str) -> int:
    """Multiply the last axis by a weight: Y = X W, as a layer does with Wᵀ."""
    wide, out = state.shape_of[two][-2:]
    if state.is_single(one):
        return both_single(state, node)
    positions = math.prod(node.shape[:-1])
    weight = weight_row(state, two, transposed=True)
    return state.add(
        Row(
            Op.DENSE_OF,
            positions * out,
            [state.plain(one), weight],
            groups=positions,
            wide=wide,
            out=out,
            node=node.name,
        )
    )


def turned(state: Lowering, node: GraphNode, one: str, two: str) -> int:
    """Multiply by a weight from the left, as a product of the transposed value with the weight's rows from the right: Yᵀ = Xᵀ Wᵀ."""
    if state.is_single(two):
        return both_single(state, node)
    m, k = state.shape_of[one][-2:]
    shape, n = state.shape_of[two], node.shape[-1]
    places = np.arange(math.prod(shape)).reshape(shape)
    columns = state.gather(state.mapped(two, np.swapaxes(places, -1, -2).reshape(-1)))
    positions = math.prod(shape) // k
    row = state.add(
        Row(
            Op.DENSE_OF,
            positions * m,
            [columns, weight_row(state, one, transposed=False)],
            groups=positions,
            wide=k,
            out=m,
        )
    )
    order = np.arange(positions * m).reshape(-1, n, m)
    return state.lay(node, View(row, np.swapaxes(order, -1, -2).reshape(-1)))


def both_single(state: Lowering, node: GraphNode) -> int:
    """Multiply what is the same for all examples: numbers spread over [groups, m, n, k], whose products are summed over the last axis."""
    one, two = node.inputs
    (m, k), n, groups = state.shape_of[one][-2:], node.shape[-1], math.prod(node.shape[:-2])
    left = np.arange(groups * m * k).reshape(groups, m, 1, k)
    right = np.arange(groups * k * n).reshape(groups, k, n).transpose(0, 2, 1)[:, None]
    views = [
        state.follow(
            spread(state, name, node.shape[:-2]), np.array(np.broadcast_to(places, (groups, m, n, k)))
        )
        for name, places in ((one, left), (two, right))
    ]
    products = state.joined(Op.PRODUCT, views, groups * m * n * k)
    return state.add(
        counted(
            Op.MEAN,
            groups * m * n,
            [products],
            single=True,
            groups=groups * m * n,
            wide=k,
            out=1,
            attribute=1.0,
            node=node.name,
        )
    )


MATMUL = Operation(
    name="matmul",
    sizes=sizes,
    output=output,
    counts=(2, 2),
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
        width="fixed",
        output_range=None,
        applied_by=None,
        along_units=False,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
