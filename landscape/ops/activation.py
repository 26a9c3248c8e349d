"""The functions of each number by itself, a row each: activations, and what else networks compute with.

Their formulas are those of `landscape.formulas.activations`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from landscape.ops import values
from landscape.ops.operation import Attribute, Operation
from landscape.ops.traits import Bend, Range, Traits
from landscape.program.building import GraphNode, Lowering
from landscape.program.codes import ACTIVATION_CODES, Op
from landscape.program.layout import View

INF = math.inf
# The attribute that is the parameter of a formula, by the activation's name.
PARAMETERS = {
    "leaky_relu": "slope",
    "elu": "alpha",
    "hardtanh": "limit",
    "celu": "alpha",
    "softshrink": "threshold",
    "hardshrink": "threshold",
    "clip_below": "least",
    "clip_above": "most",
    "scale": "by",
    "shift": "by",
    "power": "exponent",
}


# Where the slope of a function jumps, of its one parameter; of kinked functions that are not here at 0.
KINKS: dict[str, Callable[[float], tuple[float, ...]]] = {
    "relu6": lambda p: (0.0, 6.0),
    "hardtanh": lambda p: (-p, p),
    "hardsigmoid": lambda p: (-3.0, 3.0),
    "hardswish": lambda p: (-3.0, 3.0),
    "softshrink": lambda p: (-p, p),
    "hardshrink": lambda p: (-p, p),
    "clip_below": lambda p: (p,),
    "clip_above": lambda p: (p,),
    "sign": lambda p: (0.0,),
}


def lower(state: Lowering, node: GraphNode) -> int:
    """Apply a function to every element, in the order in which they lie."""
    name = "gelu_tanh" if node.attributes.get("approximate") == "tanh" else node.op
    parameter = float(node.attributes[PARAMETERS[name]]) if name in PARAMETERS else 0.0
    view, code = state.whole(node.inputs[0]), ACTIVATION_CODES[name]
    if view is not None:
        applied = state.apply(code, view.row, parameter, node=node.name)
        return state.lay(node, View(applied, view.map))
    last = state.any_last(node)
    row = state.row(Op.ACTIVATION, node, last=last, code=code, attribute=parameter)
    return state.add(row)


def activation(
    name: str,
    bend: Bend | None,
    attributes: Mapping[str, Attribute] | None = None,
    *,
    homogeneous: bool = False,
    output_range: Range | None = None,
    applied_by: str | None = None,
) -> Operation:
    """Make the op of a function of one number; one that is not an activation has no `bend`."""
    return Operation(
        name=name,
        attributes=attributes or {},
        keeps_single=True,
        traits=Traits(
            product="none",
            start="none",
            normalizes=False,
            batch_statistics=False,
            drops=False,
            passes=False,
            elementwise=True,
            homogeneous=homogeneous,
            width="kept",
            output_range=output_range,
            applied_by=applied_by,
            along_units=True,
            bend=bend,
            cuda=True,
        ),
        lower=lower,
    )


# Where a slope is below 1e-12 or below a hundredth of its largest is a property of the formula, found by evaluating it.
ACTIVATIONS = (
    activation(
        "relu",
        Bend(kinked=True, silent=True, flat=(0.0, INF), weak=(0.0, INF), start="he"),
        homogeneous=True,
        output_range=(0.0, INF),
    ),
    activation(
        "leaky_relu",
        Bend(kinked=True, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="he"),
        {"slope": Attribute(values.number(), 0.01)},
        homogeneous=True,
    ),
    activation(
        "elu",
        Bend(kinked=True, silent=False, flat=(-28.0, INF), weak=(-INF, INF), start="he"),
        {"alpha": Attribute(values.number(), 1.0)},
    ),
    activation(
        "tanh",
        Bend(kinked=False, silent=False, flat=(-14.5, 14.5), weak=(-3.0, 3.0), start="xavier"),
        output_range=(-1.0, 1.0),
    ),
    activation(
        "sigmoid",
        Bend(kinked=False, silent=False, flat=(-28.0, 28.0), weak=(-6.0, 6.0), start="xavier"),
        output_range=(0.0, 1.0),
        applied_by="binary_cross_entropy",
    ),
    activation(
        "softplus",
        Bend(kinked=False, silent=True, flat=(-28.0, INF), weak=(-INF, INF), start="xavier"),
        output_range=(0.0, INF),
    ),
    activation("silu", Bend(kinked=False, silent=True, flat=(-32.0, INF), weak=(-INF, INF), start="he")),
    activation(
        "gelu",
        Bend(kinked=False, silent=True, flat=(-9.0, INF), weak=(-INF, INF), start="he"),
        {"approximate": Attribute(values.choice("none", "tanh"), "none")},
    ),
    activation(
        "relu6",
        Bend(kinked=True, silent=True, flat=(0.0, 6.0), weak=(0.0, 6.0), start="he"),
        output_range=(0.0, 6.0),
    ),
    activation(
        "hardtanh",
        Bend(kinked=False, silent=False, flat=(-1.0, 1.0), weak=(-1.0, 1.0), start="xavier"),
        {"limit": Attribute(values.number(0.0, above=True), 1.0)},
    ),
    activation(
        "hardsigmoid",
        Bend(kinked=False, silent=False, flat=(-3.0, 3.0), weak=(-3.0, 3.0), start="xavier"),
        output_range=(0.0, 1.0),
    ),
    activation("hardswish", Bend(kinked=False, silent=True, flat=(-3.0, INF), weak=(-3.0, INF), start="he")),
    activation("selu", Bend(kinked=True, silent=False, flat=(-28.2, INF), weak=(-INF, INF), start="xavier")),
    activation(
        "celu",
        Bend(kinked=True, silent=False, flat=(-28.0, INF), weak=(-INF, INF), start="he"),
        {"alpha": Attribute(values.number(0.0, above=True), 1.0)},
    ),
    activation("mish", Bend(kinked=False, silent=True, flat=(-32.0, INF), weak=(-INF, INF), start="he")),
    activation(
        "softsign",
        Bend(kinked=True, silent=False, flat=(-1e6, 1e6), weak=(-9.1, 9.1), start="xavier"),
        output_range=(-1.0, 1.0),
    ),
    activation(
        "logsigmoid", Bend(kinked=False, silent=False, flat=(-INF, 28.0), weak=(-INF, INF), start="xavier")
    ),
    activation(
        "tanhshrink", Bend(kinked=False, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="xavier")
    ),
    activation(
        "softshrink",
        Bend(kinked=False, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="he"),
        {"threshold": Attribute(values.number(0.0), 0.5)},
    ),
    activation(
        "hardshrink",
        Bend(kinked=False, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="he"),
        {"threshold": Attribute(values.number(0.0), 0.5)},
    ),
    activation(
        "abs",
        Bend(kinked=True, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="he"),
        homogeneous=True,
        output_range=(0.0, INF),
    ),
    activation(
        "square",
        Bend(kinked=False, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="xavier"),
        output_range=(0.0, INF),
    ),
    activation(
        "sin",
        Bend(kinked=False, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="xavier"),
        output_range=(-1.0, 1.0),
    ),
    activation(
        "cos",
        Bend(kinked=False, silent=False, flat=(-INF, INF), weak=(-INF, INF), start="xavier"),
        output_range=(-1.0, 1.0),
    ),
    activation(
        "atan",
        Bend(kinked=False, silent=False, flat=(-1e6, 1e6), weak=(-10.0, 10.0), start="xavier"),
        output_range=(-0.5 * math.pi, 0.5 * math.pi),
    ),
    activation(
        "erf",
        Bend(kinked=False, silent=False, flat=(-5.3, 5.3), weak=(-2.15, 2.15), start="xavier"),
        output_range=(-1.0, 1.0),
    ),
    # What follows is no activation by itself: it bends nothing, jumps, or is not defined everywhere.
    activation("scale", None, {"by": Attribute(values.number())}, homogeneous=True),
    activation("shift", None, {"by": Attribute(values.number())}),
    activation("clip_below", None, {"least": Attribute(values.number())}),
    activation("clip_above", None, {"most": Attribute(values.number())}),
    activation("power", None, {"exponent": Attribute(values.number())}),
    *(
        activation(name, None)
        for name in (
            "sign",
            "floor",
            "reciprocal",
            "sqrt",
            "rsqrt",
            "exp",
            "expm1",
            "log",
            "log1p",
            "tan",
            "sinh",
            "cosh",
        )
    ),
)
