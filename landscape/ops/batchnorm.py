"""`batchnorm`: each channel scaled and shifted by running statistics, or by those of its batch."""

from __future__ import annotations

from landscape.ops import values
from landscape.ops.operation import Attribute, Attributes, Operation, Parameter, Shape, Sizes, require_axes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op
from landscape.program.table import SCRATCH_ROWS, Geometry

# Lines of a number for each channel and example that it takes.
LINES = 3


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """Read the channels, axis 1."""
    require_axes(inputs[0], 1, "[N, C, …]")
    return {"C": inputs[0][0]}


def lower(state: Lowering, node: GraphNode) -> int:
    """Scale and shift each channel by running statistics or, always in training, by those of the batch, which a tile then is."""
    in_batches = state.training or node.attributes["mode"] == "batch"
    row = state.row(
        Op.BATCH_STATISTICS if in_batches else Op.BATCHNORM,
        node,
        last=True,
        out=node.shape[0],
        epsilon=float(node.attributes["eps"]),
        scratch=max(SCRATCH_ROWS, LINES * node.shape[0]),
    )
    row.geometry = {Geometry.SCALE: row.weight, Geometry.SHIFT: row.bias}
    statistics = [state.place(node, name)[0] for name in ("running_mean", "running_var")]
    if in_batches:
        row.inputs = [state.with_tangent(row.inputs[0])]
    else:
        row.geometry[Geometry.MEAN], row.geometry[Geometry.VARIANCE] = statistics
    if state.training:
        row.geometry[Geometry.FOLLOWED_MEAN], row.geometry[Geometry.FOLLOWED_VARIANCE] = statistics
        row.attribute = float(node.attributes["momentum"])
    # The kernels find them in the geometry, also where they ride on a convolution with a bias of its own.
    row.normalization = [(row.weight, row.weight_stop), (row.bias, row.bias_stop)]
    row.weight = row.bias = row.weight_stop = row.bias_stop = -1
    return state.add(row)


BATCHNORM = Operation(
    name="batchnorm",
    sizes=sizes,
    parameters=(
        Parameter("weight", ("C",), optional=True),
        Parameter("bias", ("C",), optional=True),
        Parameter("running_mean", ("C",), buffer=True),
        Parameter("running_var", ("C",), buffer=True),
    ),
    attributes={
        "eps": Attribute(values.number(0.0), 1e-5),
        "momentum": Attribute(values.fraction, 0.1),
        "mode": Attribute(values.choice("running", "batch"), "running"),
        "batch_size": Attribute(values.integer(1), 256),
    },
    traits=Traits(
        product="none",
        start="ones",
        normalizes=True,
        batch_statistics=True,
        drops=False,
        passes=False,
        elementwise=False,
        homogeneous=False,
        width="kept",
        output_range=None,
        applied_by=None,
        along_units=False,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
