"""`attention`: tokens projected to queries, keys and values, mixed by heads, and projected back."""

from __future__ import annotations

from landscape.errors import InputError
from landscape.ops import values
from landscape.ops.operation import (
    Attribute,
    Attributes,
    Operation,
    Parameter,
    Shape,
    Sizes,
    batched,
    require_axes,
)
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op
from landscape.program.table import ATTENTION_LINES, ATTENTION_QUERIES, SCRATCH_ROWS, Geometry, Row

# Packed matrices and blocks of scores that a head takes at most, in the change of its reverse rule.
MATRICES, BLOCKS = 9, 6


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the sizes of a sequence of vectors, whose width the number of heads must divide."""
    require_axes(inputs[0], 2, "[N, T, D]", 2)
    width = inputs[0][1]
    if width % attributes["heads"]:
        raise InputError(
            f"heads: expected a divisor of the width {width} of {batched(inputs[0])}, "
            f"found {attributes['heads']}"
        )
    return {"D": width, "3D": 3 * width}


def attention_scratch(tokens: int, size: int) -> int:
    """Count the rows of scratch that one head of one vector of examples takes; the narrowest tile is such a vector."""
    # Lines stand behind the blocks.
    return MATRICES * tokens * size + (BLOCKS * tokens + ATTENTION_LINES) * ATTENTION_QUERIES


def lower(state: Lowering, node: GraphNode) -> int:
    """Project tokens to queries, keys and values, mix these, and project the mixture."""
    tokens, wide = node.shape
    heads = node.attributes["heads"]
    project = state.row(Op.DENSE, node, prefix="in_proj_", groups=tokens, wide=wide, out=3 * wide)
    project.size = 3 * tokens * wide
    mix = mixture(state.add(project), tokens, wide, heads, causal=node.attributes["causal"])
    finish = state.row(Op.DENSE, node, prefix="out_proj.", groups=tokens, wide=wide, out=wide)
    finish.inputs = [state.add(mix)]
    return state.add(finish)


def mixture(row: int, tokens: int, wide: int, heads: int, *, causal: bool, node: str = "") -> Row:
    """Start the row that mixes the queries, keys and values of each token, which lie side by side in a row that nothing else reads."""
    return Row(
        Op.ATTENTION,
        tokens * wide,
        [row],
        groups=tokens,
        wide=wide,
        geometry={Geometry.HEADS: heads, Geometry.CAUSAL: int(causal)},
        scratch=SCRATCH_ROWS + attention_scratch(tokens, wide // heads),
        node=node,
    )


ATTENTION = Operation(
    name="attention",
    sizes=sizes,
    parameters=(
        Parameter("in_proj_weight", ("3D", "D")),
        Parameter("in_proj_bias", ("3D",)),
        Parameter("out_proj.weight", ("D", "D")),
        Parameter("out_proj.bias", ("D",)),
    ),
    attributes={"heads": Attribute(values.integer(1)), "causal": Attribute(values.boolean, False)},
    traits=Traits(
        product="none",
        start="fans",
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
