"""`scaled_dot_product_attention`: softmax(c·Q Kᵀ + mask) V of three values, over the last two axes.

Where queries, keys and values are as many and as wide, and there is no mask but the causal one, it is the middle of `attention`; else products of
matrices and a softmax.
"""

from __future__ import annotations

import math

import numpy as np

from landscape.errors import InputError
from landscape.ops import values
from landscape.ops.attention import mixture
from landscape.ops.matmul import product, spread
from landscape.ops.operation import (
    Attribute,
    Attributes,
    Operation,
    Shape,
    Sizes,
    batched,
    broadcast_shape,
    require_axes,
    spreads_to,
)
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import ACTIVATION_CODES, Op
from landscape.program.layout import View, broadcast
from landscape.program.table import Row

# What a masked score is set to: its exponential is zero in both dtypes, and no difference of two such numbers is undefined.
MASKED = -1e30
SCALE = ACTIVATION_CODES["scale"]


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Require queries, keys and values of matching shapes, and a mask with the shape of their scores."""
    for shape in inputs[:3]:
        require_axes(shape, 2, "[N, …, tokens, width]")
    query, key, value = inputs[:3]
    if query[-1] != key[-1] or key[-2] != value[-2]:
        raise InputError(
            f"reads queries [N, …, T, E], keys [N, …, S, E] and values [N, …, S, D], found {', '.join(map(batched, inputs[:3]))}"
        )
    groups = broadcast_shape(broadcast_shape(query[:-2], key[:-2]), value[:-2])
    if len(inputs) > 3:
        scores = (*groups, query[-2], key[-2])
        if not spreads_to(inputs[3], scores):
            raise InputError(
                f"mask: expected a shape that can be broadcast to {batched(scores)}, found {batched(inputs[3])}"
            )
    return {}


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Return the shape: a mixture of values for each query."""
    query, key, value = inputs[:3]
    groups = broadcast_shape(broadcast_shape(query[:-2], key[:-2]), value[:-2])
    return (*groups, query[-2], value[-1])


def lower(state: Lowering, node: GraphNode) -> int:
    """Append the fast row for attention if it applies, else products and a softmax."""
    groups, tokens, wide = node.shape[:-2], node.shape[-2], node.shape[-1]
    shapes = [state.shape_of[name] for name in node.inputs]
    scale = node.attributes["scale"] or 1.0 / math.sqrt(shapes[0][-1])
    views = [spread(state, name, groups) for name in node.inputs[:3]]
    plain = len(shapes) == 3 and all(shape[-2:] == (tokens, wide) for shape in shapes)
    if plain and math.isclose(scale, 1.0 / math.sqrt(wide)) and tokens > 1:
        return fast(state, node, views)
    keys, heads = shapes[1][-2], math.prod(groups)
    turned = state.follow(
        views[1], np.swapaxes(np.arange(heads * keys * shapes[1][-1]).reshape(heads, keys, -1), 1, 2)
    )
    scores = state.add(product(state, [views[0], turned], (heads, tokens, keys, shapes[0][-1]), ""))
    scores = masked(state, node, state.apply(SCALE, scores, scale), heads, keys)
    shares = state.add(Row(Op.SOFTMAX, heads * tokens * keys, [scores], groups=heads * tokens, wide=keys))
    return state.add(product(state, [View(shares), views[2]], (heads, tokens, wide, keys), node.name))


def masked(state: Lowering, node: GraphNode, scores: int, heads: int, keys: int) -> int:
    """Add the mask to scores [heads, queries, keys], and −∞ at keys that a causal query does not see."""
    tokens = node.shape[-2]
    if len(node.inputs) > 3:
        shape = (*node.shape[:-2], tokens, keys)
        mask = state.mapped(node.inputs[3], broadcast(state.shape_of[node.inputs[3]], shape))
        scores = state.joined(Op.COMBINE, [View(scores), mask], heads * tokens * keys)
    if node.attributes["causal"]:
        places = np.arange(heads * tokens * keys).reshape(heads, tokens, keys)
        seen = np.tril(np.ones((tokens, keys), bool))
        scores = state.gather(View(scores, np.where(seen, places, -1).reshape(-1), MASKED))
    return scores


def fast(state: Lowering, node: GraphNode, views: list[View]) -> int:
    """Lay queries, keys and values of each token side by side, [T, 3, heads, size], and mix them."""
    tokens, size = node.shape[-2:]
    heads = math.prod(node.shape[:-2])
    order = np.arange(heads * tokens * size).reshape(heads, tokens, size).transpose(1, 0, 2)
    if len({view.row for view in views}) == 1 and not any(view.filled for view in views):
        whole = np.arange(state.rows[views[0].row].count)
        maps = [(whole if view.map is None else view.map)[order] for view in views]
        row = state.copied(View(views[0].row, np.stack(maps, 1).reshape(-1)))
    else:
        rows = [state.gather(state.follow(view, order), batch=True) for view in views]
        row = state.add(Row(Op.CONCAT, 3 * order.size, rows, groups=tokens))
    mixed = state.add(
        mixture(row, tokens, heads * size, heads, causal=node.attributes["causal"], node=node.name)
    )
    return state.lay(
        node, View(mixed, np.arange(order.size).reshape(tokens, heads, size).transpose(1, 0, 2).reshape(-1))
    )


SCALED_DOT_PRODUCT_ATTENTION = Operation(
    name="scaled_dot_product_attention",
    sizes=sizes,
    output=output,
    counts=(3, 4),
    attributes={
        "causal": Attribute(values.boolean, False),
        # 0 stands for one over the root of the width.
        "scale": Attribute(values.number(0.0), 0.0),
    },
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
