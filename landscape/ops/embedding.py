"""`embedding`: a vector for each id of the data."""

from __future__ import annotations

from landscape.errors import InputError
from landscape.ops.operation import Attributes, Operation, Parameter, Shape, Sizes, require_axes, size_of
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op

# Ids travel among the data in the kernels' dtype; float32 holds whole numbers up to here.
MOST_IDS = 2**24


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read ids, one row an example."""
    require_axes(inputs[0], 1, "integer ids [N, T]", 1)
    return {}


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Return the shape: a vector for every id."""
    return (*inputs[0], size_of(sizes, "D"))


def lower(state: Lowering, node: GraphNode) -> int:
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


EMBEDDING = Operation(
    name="embedding",
    sizes=sizes,
    output=output,
    parameters=(Parameter("weight", ("V", "D")),),
    reads_ids=True,
    traits=Traits(
        product="none",
        start="table",
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
