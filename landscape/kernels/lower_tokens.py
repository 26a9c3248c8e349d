"""How the ops of networks over tokens become rows; a sequence [T, D] lies token by token."""

from __future__ import annotations

from landscape.errors import InputError
from landscape.kernels.building import Lowering
from landscape.kernels.program import ATTENTION_LINES, ATTENTION_QUERIES, SCRATCH_ROWS, Geometry, Op, Row
from landscape.model import Node

# Ids travel among the data in the kernels' dtype; float32 holds whole numbers up to here.
MOST_IDS = 2**24
# Packed matrices and blocks of scores that a head takes at most, in the change of its reverse rule.
MATRICES, BLOCKS = 9, 6


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
    heads = node.attributes["heads"]
    project = state.row(Op.DENSE, node, prefix="in_proj_", groups=tokens, wide=wide, out=3 * wide)
    project.size = 3 * tokens * wide
    mix = Row(
        Op.ATTENTION,
        tokens * wide,
        [state.add(project)],
        groups=tokens,
        wide=wide,
        geometry={Geometry.HEADS: heads, Geometry.CAUSAL: int(node.attributes["causal"])},
        scratch=SCRATCH_ROWS + attention_scratch(tokens, wide // heads),
    )
    finish = state.row(Op.DENSE, node, prefix="out_proj.", groups=tokens, wide=wide, out=wide)
    finish.inputs = [state.add(mix)]
    return state.add(finish)


def attention_scratch(tokens: int, size: int) -> int:
    """Count the rows of scratch that one head of one vector of examples takes; the narrowest tile is such a vector."""
    # Lines stand behind the blocks.
    return MATRICES * tokens * size + (BLOCKS * tokens + ATTENTION_LINES) * ATTENTION_QUERIES
