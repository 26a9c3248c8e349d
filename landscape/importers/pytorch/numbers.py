"""A row for each function and method of each number by itself, and for arithmetic of two values or of a value and a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.errors import InputError
from landscape.importers import arithmetic
from landscape.importers.pytorch import emit
from landscape.importers.pytorch.call import Call, Value
from landscape.ops.operation import batched

Translate = Callable[[Call], str]


def elementwise(op: str, **arguments: tuple[int, str, Any]) -> Translate:
    """Make the row of an activation; `arguments` say where each attribute stands and its default."""

    def translate(call: Call) -> str:
        given = {key: call.argument(*where) for key, where in arguments.items()}
        return call.add(op, [call.value()], None, **given)

    return translate


def joined(op: str, *, turned: bool = False) -> Translate:
    """Make the row of a sum, difference, product or quotient of two values, or of a value and a number.

    To a sequence a position may be added. `turned` is for functions that take the second operand first.
    """

    def translate(call: Call) -> str:
        operands = [(0, "input"), (1, "other")][:: -1 if turned else 1]
        left, right = (call.argument(*operand) for operand in operands)
        alpha, add = float(call.node.kwargs.get("alpha", 1)), emit.adder(call)
        if call.node.kwargs.get("rounding_mode") is not None:
            raise InputError("rounding_mode: expected None")
        if isinstance(left, Value) and isinstance(right, Value):
            if left.shape != right.shape:
                raise InputError(
                    f"reads {batched(left.shape)} and {batched(right.shape)}; expected equal shapes"
                )
            return call.add(op, [call.plain(left), arithmetic.scaled(add, call.plain(right), alpha)])
        first = not isinstance(left, Value)
        value, constant = (right, left) if first else (left, right)
        number = fixed(call, constant)
        if number is not None:
            source = arithmetic.scaled(add, call.plain(value), alpha) if first else call.plain(value)
            return arithmetic.with_number(add, op, source, number if first else alpha * number, first=first)
        if op == "add" and hasattr(constant, "shape"):
            return emit.position(call, value, call.node.args[operands[0 if first else 1][0]])
        raise InputError(
            f"{op} of a constant: the format has it for two values only; fold it into a layer's weights"
        )

    return translate


def fixed(call: Call, constant: Any) -> float | None:
    """Give a number that no training changes, a constant or a buffer of one element, or None for anything else."""
    if hasattr(constant, "shape") and constant.numel() == 1 and not call.weight(constant, "number").trainable:
        constant = constant.item()
    return arithmetic.number_of(constant, "a constant") if isinstance(constant, int | float) else None


def negative(call: Call) -> str:
    """Translate a change of sign."""
    return arithmetic.scaled(emit.adder(call), call.value(), -1.0)


def clamp(call: Call) -> str:
    """Translate `torch.clamp`, whose slope at a bound is 1."""
    return bounded(call, call.argument(1, "min"), call.argument(2, "max"))


def clamp_below(call: Call) -> str:
    """Translate `torch.clamp_min`."""
    return bounded(call, call.argument(1, "min"), None)


def clamp_above(call: Call) -> str:
    """Translate `torch.clamp_max`."""
    return bounded(call, None, call.argument(1, "max"))


def bounded(call: Call, least: Any, most: Any) -> str:
    """Add bounds that are numbers."""
    if not all(bound is None or isinstance(bound, int | float) for bound in (least, most)):
        raise InputError("expected numbers for bounds")
    return arithmetic.clipped(emit.adder(call), call.value(), least, most)


def hardtanh(call: Call) -> str:
    """Translate `F.hardtanh`."""
    return emit.hardtanh(call, call.argument(1, "min_val", -1.0), call.argument(2, "max_val", 1.0))


def power(call: Call) -> str:
    """Translate a value to the power of a number, or a number to that of a value."""
    base, exponent = call.argument(0, "input"), call.argument(1, "exponent")
    if isinstance(base, Value) and isinstance(exponent, int | float):
        number = arithmetic.number_of(exponent, "exponent")
        return arithmetic.raised(emit.adder(call), call.plain(base), number)
    if isinstance(exponent, Value) and isinstance(base, int | float):
        return arithmetic.exponential_of_base(emit.adder(call), call.plain(exponent), float(base))
    raise InputError("expected a number for the exponent or the base")


def softplus(call: Call) -> str:
    """Translate `F.softplus`."""
    return emit.softplus(call, call.argument(1, "beta", 1), call.argument(2, "threshold", 20))


FUNCTIONS_OF_NUMBERS: dict[str, Translate] = {
    **dict.fromkeys(("add", "iadd"), joined("add")),
    **dict.fromkeys(("sub", "subtract", "isub"), joined("subtract")),
    "rsub": joined("subtract", turned=True),
    **dict.fromkeys(("mul", "multiply", "imul"), joined("multiply")),
    **dict.fromkeys(("div", "divide", "true_divide", "truediv", "itruediv"), joined("divide")),
    **dict.fromkeys(("neg", "negative"), negative),
    **dict.fromkeys(("pow", "ipow"), power),
    **dict.fromkeys(("clamp", "clip"), clamp),
    "clamp_min": clamp_below,
    "clamp_max": clamp_above,
    "relu": elementwise("relu"),
    "leaky_relu": elementwise("leaky_relu", slope=(1, "negative_slope", 0.01)),
    "elu": elementwise("elu", alpha=(1, "alpha", 1.0)),
    "tanh": elementwise("tanh"),
    "sigmoid": elementwise("sigmoid"),
    "softplus": softplus,
    "silu": elementwise("silu"),
    "gelu": elementwise("gelu", approximate=(1, "approximate", "none")),
    "hardtanh": hardtanh,
    "celu": elementwise("celu", alpha=(1, "alpha", 1.0)),
    "softshrink": elementwise("softshrink", threshold=(1, "lambd", 0.5)),
    "hardshrink": elementwise("hardshrink", threshold=(1, "lambd", 0.5)),
    **{
        name: elementwise(name)
        for name in (
            "relu6",
            "hardsigmoid",
            "hardswish",
            "selu",
            "mish",
            "softsign",
            "logsigmoid",
            "tanhshrink",
            "abs",
            "sign",
            "floor",
            "square",
            "reciprocal",
            "sqrt",
            "rsqrt",
            "exp",
            "expm1",
            "log",
            "log1p",
            "sin",
            "cos",
            "tan",
            "sinh",
            "cosh",
            "erf",
        )
    },
    "absolute": elementwise("abs"),
    "log_sigmoid": elementwise("logsigmoid"),
    **dict.fromkeys(("atan", "arctan"), elementwise("atan")),
}
