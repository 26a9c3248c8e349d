"""Arithmetic and functions of each number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.importers.pytorch.exported.call import Call
from landscape.importers.rules.functions import chosen, compared, inverted, larger, less, step, with_slopes
from landscape.importers.values import Value

Translate = Callable[[Call], Any]


def function(op: str, **attributes: str) -> Translate:
    """Make the row of a function that the format has; `attributes` name its settings and PyTorch's for them."""

    def translate(call: Call) -> Value:
        given = {key: float(call[name]) for key, name in attributes.items()}
        return call.builder.function(op, call.value, **given)

    return translate


def gelu(call: Call) -> Value:
    """Translate GELU, by the error function or by tanh."""
    return call.builder.function("gelu", call.value, approximate=call["approximate"])


def softplus(call: Call) -> Value:
    """Translate log(1 + exp βx)/β; above the threshold PyTorch drops a part below exp(−threshold)."""
    beta, threshold = float(call["beta"]), float(call["threshold"])
    if threshold < 20:
        raise InputError(f"threshold={threshold}: expected at least 20")
    value = call.builder.function("softplus", call.builder.scaled(call.value, beta))
    return call.builder.scaled(value, 1 / beta)


def elu(call: Call) -> Value:
    """Translate ELU and what PyTorch writes by it: α and two scales."""
    alpha, scale, inner = (float(call.get(name, 1.0) or 1.0) for name in ("alpha", "scale", "input_scale"))
    b, value = call.builder, call.value
    if inner == 1:
        return b.scaled(b.function("elu", value, alpha=alpha), scale)
    # x above zero, α(exp(cx) − 1) below.
    above = b.function("relu", value)
    below = b.function("elu", b.scaled(b.function("relu", b.scaled(value, -1)), -inner), alpha=alpha)
    return b.scaled(b.binary("add", above, below), scale)


def clamp(call: Call) -> Value:
    """Bound numbers from below, from above, or both; bounds may be values."""
    result = call.value
    low, high = call.get("min", call.get("min_val")), call.get("max", call.get("max_val"))
    if low is not None:
        result = (
            larger(call.builder, result, low)
            if isinstance(low, Value)
            else call.builder.function("clip_below", result, least=float(low))
        )
    if high is not None:
        result = (
            less(call.builder, result, high)
            if isinstance(high, Value)
            else call.builder.function("clip_above", result, most=float(high))
        )
    return result


def hardtanh(call: Call) -> Value:
    """Bound numbers on both sides, with a slope of zero at the bounds."""
    low, high = float(call["min_val"]), float(call["max_val"])
    b, value = call.builder, call.value
    if (low, high) == (0.0, 6.0):
        return b.function("relu6", value)
    middle, half = (low + high) / 2, (high - low) / 2
    return b.shifted(b.function("hardtanh", b.shifted(value, -middle), limit=half), middle)


def threshold(call: Call) -> Value:
    """Keep numbers above a threshold, where the others become 0."""
    least, other = float(call["threshold"]), float(call["value"])
    b, value = call.builder, call.value
    if other == least:
        return b.shifted(b.function("relu", b.shifted(value, -least)), least)
    above = step(b, value, least)
    kept = b.binary("multiply", value, above)
    return b.binary("add", kept, b.shifted(b.scaled(above, -other), other)) if other else kept


def power(call: Call) -> Value:
    """Translate x to a constant power."""
    exponent = call["exponent"]
    if not isinstance(call[call.first], Value) or isinstance(exponent, Value):
        base = call[call.first]
        if isinstance(base, (int, float)) and base > 0:
            # aˣ = exp(x·log a).
            scale = math.log(base)
            return call.builder.function("exp", call.builder.scaled(call.as_value(exponent), scale))
        if isinstance(exponent, Value) and exponent.fixed and exponent.constant.size == 1:
            exponent = float(exponent.constant)
        else:
            logarithm = call.builder.function("log", call.as_value(base))
            return call.builder.function("exp", call.builder.binary("multiply", exponent, logarithm))
    b, value = call.builder, call.value
    named = {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal", -0.5: "rsqrt"}
    if float(exponent) == 1.0:
        return value
    if float(exponent) in named:
        return b.function(named[float(exponent)], value)
    return b.function("power", value, exponent=float(exponent))


def plain(given: Any) -> Any:
    """Give a number in the place of a value that is one number."""
    if isinstance(given, Value) and given.fixed and given.constant.size == 1 and given.shape == ():
        return float(given.constant)
    return given


def arithmetic(op: str) -> Translate:
    """Make the row of an operation of two values, or of a value and a number."""

    def translate(call: Call) -> Value:
        one, two = plain(call[call.first]), plain(call["other"])
        factor = float(call.get("alpha") or 1)
        if factor != 1:
            two = call.builder.scaled(two, factor) if isinstance(two, Value) else two * factor
        if call.get("rounding_mode") is not None:
            if call["rounding_mode"] != "floor":
                raise InputError(f"rounding_mode={call['rounding_mode']!r}: expected none, or 'floor'")
            return call.builder.function("floor", call.builder.binary(op, one, two))
        return call.builder.binary(op, one, two)

    return translate


def reverse_subtract(call: Call) -> Value:
    """Translate b − a."""
    return call.builder.binary("subtract", plain(call["other"]), plain(call[call.first]))


def addcmul(call: Call) -> Value:
    """Translate a + c·b₁·b₂."""
    b = call.builder
    product = b.binary("multiply", plain(call["tensor1"]), plain(call["tensor2"]))
    return b.binary("add", call.value, b.scaled(product, float(call["value"])))


def addcdiv(call: Call) -> Value:
    """Translate a + c·b₁/b₂."""
    b = call.builder
    quotient = b.binary("divide", plain(call["tensor1"]), plain(call["tensor2"]))
    return b.binary("add", call.value, b.scaled(quotient, float(call["value"])))


def lerp(call: Call) -> Value:
    """Translate a + w·(b − a)."""
    b, weight = call.builder, plain(call["weight"])
    return b.binary(
        "add", call.value, b.binary("multiply", b.binary("subtract", call["end"], call.value), weight)
    )


def maximum(call: Call) -> Value:
    """Translate the larger of two values."""
    return larger(call.builder, call.value, plain(call["other"]))


def minimum(call: Call) -> Value:
    """Translate the lesser of two values."""
    return less(call.builder, call.value, plain(call["other"]))


def comparison(kind: str) -> Translate:
    """Make the row of a comparison, which is 1 or 0 and has no slope."""
    return lambda call: compared(call.builder, kind, call.value, plain(call["other"]))


def logical_not(call: Call) -> Value:
    """Translate 1 − m."""
    return inverted(call.builder, call.value)


def where(call: Call) -> Value:
    """Choose by a mask of 0 and 1: b + m·(a − b)."""
    b, mask, one, two = call.builder, call["condition"], plain(call["self"]), plain(call["other"])
    return (
        chosen(b, mask, one, two) if isinstance(mask, Value) else (one if mask else two) or b.scaled(two, 1)
    )


def masked_fill(call: Call) -> Value:
    """Set what a mask marks to a number."""
    return chosen(call.builder, call["mask"], plain(call["value"]), call.value)


def prelu(call: Call) -> Value:
    """Translate max(x, 0) + w·min(x, 0), a slope for each channel."""
    b, value, weight = call.builder, call.value, call["weight"]
    shape = [1] * len(value.shape)
    if len(value.shape) > 1:
        shape[1] = weight.shape[0] if weight.shape else 1
    slopes = b.regrouped(weight, Value(tuple(shape)))
    return with_slopes(b, value, slopes)


def glu(call: Call) -> Value:
    """Translate a half times the sigmoid of the other."""
    b, value = call.builder, call.value
    axis = value.axis(call["dim"])
    half = value.shape[axis] // 2
    gate = b.function("sigmoid", b.taken(value, axis, slice(half, None)))
    return b.binary("multiply", b.taken(value, axis, slice(0, half)), gate)


def dropped(call: Call) -> Value:
    """Translate dropout, which does nothing in evaluation; of whole channels it is left out.

    Raises
    ------
    InputError
        It drops in evaluation too.
    """
    if call.get("train") and float(call["p"]) > 0:
        raise InputError(
            "training=True: drops numbers at random in evaluation too; expected training=self.training"
        )
    value = call.value
    if call.name != "dropout" or value.batch is None or not 0 < float(call["p"]) < 1:
        return value
    return call.builder.made(value, "dropout", [call.builder.node(value)], p=float(call["p"]))


def same(call: Call) -> Value:
    """Pass the value on."""
    return call.value


def sigmoid_linear(call: Call) -> Value:
    """Translate log-sigmoid, of which the first result is asked for."""
    return call.builder.function("logsigmoid", call.value)


def filled(call: Call) -> Value:
    """Make numbers that are all the same, of the sizes that the result has."""
    number = call.get("fill_value", call.get("value"))
    number = {"zeros": 0.0, "ones": 1.0}.get(call.name.removeprefix("new_").removesuffix("_like"), number)
    number = float(plain(number).constant if isinstance(plain(number), Value) else plain(number))
    target = call.target
    constant = np.full(target.shape, number)
    return Value(target.shape, batch=target.batch, constant=constant)


NAMES = (
    "relu", "tanh", "sigmoid", "silu", "relu6", "hardsigmoid", "hardswish", "selu", "mish", "abs", "sign", "floor", "square", "reciprocal",
    "sqrt", "rsqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "atan", "sinh", "cosh", "erf",
)  # fmt: skip
# What gives the same numbers in evaluation, in other memory or of another kind.
SAME = (
    "contiguous", "clone", "detach", "alias", "to",
    "_to_copy", "type_as", "lift_fresh_copy", "lift_fresh", "positive", "float", "double",
)  # fmt: skip
FUNCTIONS: dict[str, Translate] = {
    **{name: function(name) for name in NAMES},
    "leaky_relu": function("leaky_relu", slope="negative_slope"),
    "rrelu": lambda call: call.builder.function(
        "leaky_relu", call.value, slope=(float(call["lower"]) + float(call["upper"])) / 2
    ),
    "elu": elu,
    "celu": function("celu", alpha="alpha"),
    "log_sigmoid": sigmoid_linear,
    "hardshrink": function("hardshrink", threshold="lambd"),
    "softshrink": function("softshrink", threshold="lambd"),
    "gelu": gelu,
    "softplus": softplus,
    "clamp": clamp,
    "clip": clamp,
    "clamp_min": clamp,
    "clamp_max": clamp,
    "hardtanh": hardtanh,
    "threshold": threshold,
    "pow": power,
    "neg": lambda call: call.builder.scaled(call.value, -1),
    "add": arithmetic("add"),
    "sub": arithmetic("subtract"),
    "subtract": arithmetic("subtract"),
    "mul": arithmetic("multiply"),
    "multiply": arithmetic("multiply"),
    "div": arithmetic("divide"),
    "divide": arithmetic("divide"),
    "true_divide": arithmetic("divide"),
    "rsub": reverse_subtract,
    "addcmul": addcmul,
    "addcdiv": addcdiv,
    "lerp": lerp,
    "maximum": maximum,
    "minimum": minimum,
    **{kind: comparison(kind) for kind in ("gt", "lt", "ge", "le", "eq", "ne")},
    "logical_not": logical_not,
    "bitwise_not": logical_not,
    "logical_and": arithmetic("multiply"),
    "bitwise_and": arithmetic("multiply"),
    "where": where,
    "masked_fill": masked_fill,
    "prelu": prelu,
    **dict.fromkeys(
        ("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "fill"), filled
    ),
    "glu": glu,
    **dict.fromkeys(SAME, same),
    **dict.fromkeys(("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"), dropped),
}
