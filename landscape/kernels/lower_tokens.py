"""How the ops of networks over tokens become rows; a sequence [T, D] lies token by token."""

from __future__ import annotations

from landscape.errors import InputError
from landscape.kernels.building import Lowering
from landscape.kernels.program import SCRATCH_ROWS, Geometry, Op, Row
from landscape.model import Node

# Ids travel among the data in the kernels' dtype; float32 holds whole numbers up to here.
MOST_IDS = 2**24
# Rows of scratch that a query's attention takes along a tangent, for each key.
ATTENTION_SCRATCH = 6


def lower_embedding(state: Lowering, node: Node) -> int:
    """Look up a row of the weight for each id.

    Raises
    ------
    InputError
        More ids than float32 can tell apart.
    """
    (tokens, wide) = node.shape
    row = state.row(Op.EMBEDDING, node, groups=tokens, wide=1, out=wide)
    if row.weight_stop - row.weight > MOST_IDS * wide:
        raise InputError(
            f"node '{node.name}': the engine tells {MOST_IDS:,} ids apart, the embedding has more"
        )
    return state.add(row)


def lower_position(state: Lowering, node: Node) -> int:
    """Add a vector of its own to each position."""
    row = state.row(Op.POSITION, node, out=node.shape[0] * node.shape[1])
    # What is added is a bias of one period.
    row.bias, row.bias_stop, row.weight, row.weight_stop = row.weight, row.weight_stop, -1, -1
    return state.add(row)


def lower_attention(state: Lowering, node: Node) -> int:
    """Project tokens to queries, keys and values, mix these, and project the mixture."""
    tokens, wide = node.shape
    project = state.row(Op.DENSE, node, prefix="in_proj_", groups=tokens, wide=wide, out=3 * wide)
    project.size = 3 * tokens * wide
    mix = Row(
        Op.ATTENTION,
        tokens * wide,
        [state.add(project)],
        groups=tokens,
        wide=wide,
        geometry={Geometry.HEADS: node.attributes["heads"], Geometry.CAUSAL: int(node.attributes["causal"])},
        scratch=SCRATCH_ROWS + ATTENTION_SCRATCH * tokens,
    )
    finish = state.row(Op.DENSE, node, prefix="out_proj.", groups=tokens, wide=wide, out=wide)
    finish.inputs = [state.add(mix)]
    return state.add(finish)
