"""`pad_channels`: channels of zeros before and after, and every stride-th pixel; the shortcut of a residual network."""

from __future__ import annotations

from landscape.ops import values
from landscape.ops.operation import Attribute, Attributes, Operation, Shape, Sizes
from landscape.ops.traits import Traits
from landscape.ops.windows import image_geometry, image_sizes
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import Op
from landscape.program.table import Geometry


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Add channels of zeros before and after, take every stride-th row and column."""
    channels, *image = inputs[0]
    strided = ((size - 1) // step + 1 for size, step in zip(image, attributes["stride"], strict=True))
    return (channels + attributes["before"] + attributes["after"], *strided)


def lower(state: Lowering, node: GraphNode) -> int:
    """Put channels of zeros before and after, and take every stride-th pixel."""
    geometry = image_geometry(state.shape_of[node.inputs[0]], node.shape)
    stride_y, stride_x = node.attributes["stride"]
    geometry |= {
        Geometry.STRIDE_Y: stride_y,
        Geometry.STRIDE_X: stride_x,
        Geometry.BEFORE: int(node.attributes["before"]),
    }
    return state.add(state.row(Op.PAD_CHANNELS, node, last=True, geometry=geometry))


PAD_CHANNELS = Operation(
    name="pad_channels",
    sizes=image_sizes,
    output=output,
    attributes={
        "before": Attribute(values.integer(0)),
        "after": Attribute(values.integer(0)),
        "stride": Attribute(values.per_axis(2, 1), (1, 1)),
    },
    traits=Traits(
        product="none",
        start="none",
        normalizes=False,
        batch_statistics=False,
        drops=False,
        passes=False,
        elementwise=False,
        homogeneous=True,
        width="fixed",
        output_range=None,
        applied_by=None,
        along_units=False,
        bend=None,
        cuda=True,
    ),
    lower=lower,
)
