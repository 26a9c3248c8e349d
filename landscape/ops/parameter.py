"""`parameter` and `constant`: numbers that are the same for all examples, trained or not, as the value of a node of their own."""

from __future__ import annotations

import math

from landscape.ops import values
from landscape.ops.operation import Attribute, Attributes, Operation, Parameter, Shape, Sizes
from landscape.ops.traits import Traits
from landscape.program.building import GraphNode, Lowering, counted
from landscape.program.codes import Op


def sizes(inputs: tuple[Shape, ...], attributes: Attributes) -> Sizes:
    """The numbers have the shape that the header says."""
    return {"shape": tuple(attributes["shape"])}


def output(inputs: tuple[Shape, ...], attributes: Attributes, sizes: Sizes) -> Shape:
    """Put out the numbers as they are."""
    return tuple(attributes["shape"])


def lower(state: Lowering, node: GraphNode) -> int:
    """Take the numbers from [θ, constants]."""
    start, stop = state.place(node, "value")
    trained = f"{node.owner}.value" in state.parameters.trained
    return state.add(
        counted(
            Op.PARAMETER,
            math.prod(node.shape),
            [],
            single=True,
            weight=start,
            weight_stop=stop,
            trained=trained,
            node=node.name,
        )
    )


def numbers(name: str, *, trained: bool) -> Operation:
    """Make the op of numbers that are trained, or of those that are not."""
    return Operation(
        name=name,
        sizes=sizes,
        output=output,
        parameters=(Parameter("value", ("shape",), buffer=not trained),),
        attributes={"shape": Attribute(values.integers(12, 1))},
        counts=(0, 0),
        keeps_single=True,
        traits=Traits(
            product="none",
            start="table" if trained else "none",
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


PARAMETER, CONSTANT = numbers("parameter", trained=True), numbers("constant", trained=False)
