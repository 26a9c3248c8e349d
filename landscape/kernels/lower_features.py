"""How the ops of dense networks become rows: products, activations, normalizations and joints."""

from __future__ import annotations

import math

from landscape.formulas.activations import ACTIVATIONS
from landscape.kernels.building import Lowering
from landscape.kernels.program import ACTIVATION_CODES, SCRATCH_ROWS, Op, Row
from landscape.model import Node

# A panel of turned inputs, for the weight's gradient of a product at each position: rows a position, and how many positions at most.
TURNED_ROWS, TURNED_POSITIONS = 16, 16


def lower_dense(state: Lowering, node: Node) -> int:
    """Multiply the last axis: one product a leading position."""
    wide = state.shape_of[node.inputs[0]][-1]
    groups = math.prod(node.shape[:-1])
    scratch = SCRATCH_ROWS if groups == 1 else TURNED_ROWS * min(groups, TURNED_POSITIONS)
    return state.add(state.row(Op.DENSE, node, groups=groups, wide=wide, out=node.shape[-1], scratch=scratch))


def lower_activation(state: Lowering, node: Node) -> int:
    """Apply a function to every element."""
    name = "gelu_tanh" if node.attributes.get("approximate") == "tanh" else node.op
    attribute = ACTIVATIONS[name].attribute
    parameter = float(node.attributes[attribute]) if attribute else 0.0
    last = state.any_last(node)
    row = state.row(Op.ACTIVATION, node, last=last, code=ACTIVATION_CODES[name], attribute=parameter)
    return state.add(row)


def lower_softmax(state: Lowering, node: Node) -> int:
    """Normalize over the last axis."""
    groups = math.prod(node.shape[:-1])
    return state.add(state.row(Op.SOFTMAX, node, groups=groups, wide=node.shape[-1]))


def lower_layernorm(state: Lowering, node: Node) -> int:
    """Normalize over the trailing axes."""
    wide = math.prod(node.shape[len(node.shape) - node.attributes["axes"] :])
    groups = math.prod(node.shape) // wide
    row = state.row(Op.LAYERNORM, node, groups=groups, wide=wide, attribute=float(node.attributes["eps"]))
    row.inputs = [state.with_tangent(row.inputs[0])]
    return state.add(row)


def lower_add(state: Lowering, node: Node) -> int:
    """Sum the inputs."""
    return state.add(state.row(Op.ADD, node, last=state.any_last(node)))


def lower_multiply(state: Lowering, node: Node) -> int:
    """Multiply the inputs, two at a time."""
    last = state.any_last(node)
    inputs = state.row(Op.MULTIPLY, node, last=last).inputs
    product = inputs[0]
    for other in inputs[1:]:
        row = state.row(Op.MULTIPLY, node, last=last)
        row.inputs = [product, other]
        product = state.add(row)
    return product


def lower_concat(state: Lowering, node: Node) -> int:
    """Join along an axis; the axes before it are the groups."""
    axis = node.attributes["axis"]
    axis = axis - 1 if axis > 0 else axis % len(node.shape)
    if axis == 0 and state.any_last(node):
        return state.add(state.row(Op.CONCAT, node, last=True, groups=math.prod(node.shape[1:])))
    return state.add(state.row(Op.CONCAT, node, groups=math.prod(node.shape[:axis])))


def lower_nothing(state: Lowering, node: Node) -> int:
    """Pass the input's row on: the same numbers in the same order."""
    if state.any_last(node):
        state.channels_last.add(node.name)
    return state.row_of[node.inputs[0]]


def lower_dropout(state: Lowering, node: Node) -> int:
    """Multiply by a random mask in training, and pass the row on otherwise."""
    if not state.training or node.attributes["p"] == 0:
        return lower_nothing(state, node)
    mask = state.add(Row(Op.MASK, math.prod(node.shape), [], attribute=float(node.attributes["p"])))
    product = state.row(Op.MULTIPLY, node, last=state.any_last(node))
    product.inputs.append(mask)
    return state.add(product)


def lower_flatten(state: Lowering, node: Node) -> int:
    """Pass the input's row on, in the format's order."""
    return state.plain(node.inputs[0])
