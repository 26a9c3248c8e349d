"""Functions of each number by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from landscape.importers import arithmetic
from landscape.importers.onnx_graph.call import Call
from landscape.importers.rules.functions import larger, less, step, with_slopes
from landscape.importers.values import Value

Translate = Callable[[Call], Any]
# The defaults of ONNX, in float32.
SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


def elementwise(op: str, **attributes: tuple[str, Any]) -> Translate:
    """Make the row of a function that the format has; `attributes` have ONNX's name of each and its default."""

    def translate(call: Call) -> Value:
        given = {key: call.get(*where) for key, where in attributes.items()}
        return call.builder.function(op, call.value(), **given)

    return translate


def adder(call: Call) -> Callable[..., Value]:
    """Return a function that applies an op to a value."""
    return call.builder.function_of


def clip(call: Call) -> Value:
    """Translate bounds; where they are those of a rectifier, the rectifier, which ONNX writes as bounds."""
    low = call.number(1, float(call.get("min", -math.inf)))
    high = call.number(2, float(call.get("max", math.inf)))
    low, high = (math.copysign(math.inf, bound) if abs(bound) > 3e38 else bound for bound in (low, high))
    if (low, high) == (0.0, math.inf):
        return call.builder.function("relu", call.value())
    if (low, high) == (0.0, 6.0) or (low == -high < 0 and math.isfinite(high)):
        return arithmetic.hardtanh(adder(call), call.value(), low, high)
    return arithmetic.clipped(adder(call), call.value(), low, high)


def extreme(key: str) -> Translate:
    """Make the row of the largest or the smallest of values and numbers."""

    def translate(call: Call) -> Value:
        b = call.builder
        values = call.matched(call.values)
        result = values[0]
        for value in values[1:]:
            one, two = (result, value) if not result.fixed or value.fixed else (value, result)
            if two.fixed and two.constant.size == 1 and not one.fixed:
                bound = {"least": "clip_below", "most": "clip_above"}[key]
                call.note_fixed(two)
                result = b.function(bound, one, **{key: float(two.constant.reshape(-1)[0])})
            else:
                result = {"least": larger, "most": less}[key](b, one, two)
        return result

    return translate


def hardsigmoid(call: Call) -> Value:
    """Translate max(0, min(1, αx + β)), whose α and β are other ones than PyTorch's unless the file says so."""
    alpha, beta, add = float(call.get("alpha", 0.2)), float(call.get("beta", 0.5)), adder(call)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return call.builder.function("hardsigmoid", call.value())
    line = arithmetic.shifted(add, arithmetic.scaled(add, call.value(), alpha), beta)
    return arithmetic.hardtanh(add, line, 0.0, 1.0)


def selu(call: Call) -> Value:
    """Translate a scaled exponential linear unit."""
    alpha, gamma = float(call.get("alpha", SELU_ALPHA)), float(call.get("gamma", SELU_GAMMA))
    usual, b = ((alpha, SELU_ALPHA), (gamma, SELU_GAMMA)), call.builder
    if all(math.isclose(found, wanted, rel_tol=1e-6) for found, wanted in usual):
        return b.function("selu", call.value())
    return b.scaled(b.function("elu", call.value(), alpha=alpha), gamma)


def shrink(call: Call) -> Value:
    """Translate a value that is 0 near 0, and beyond moved towards 0 or not."""
    threshold, bias = float(call.get("lambd", 0.5)), float(call.get("bias", 0.0))
    b, value = call.builder, call.value()
    if bias in (0.0, threshold) and threshold >= 0:
        return b.function("softshrink" if bias else "hardshrink", value, threshold=threshold)
    kept = b.function("hardshrink", value, threshold=threshold)
    return b.binary("subtract", kept, b.scaled(b.function("sign", kept), bias))


def thresholded(call: Call) -> Value:
    """Keep numbers above a threshold, where the others become 0."""
    b, value = call.builder, call.value()
    return b.binary("multiply", value, step(b, value, float(call.get("alpha", 1.0))))


def prelu(call: Call) -> Value:
    """Translate max(x, 0) + w·min(x, 0), a slope for each channel."""
    b, value, slopes = call.builder, call.value(), call.trained(1)
    if call.version < 7 and len(slopes.shape) == 1 and len(value.shape) > 1:
        # Before ONNX spread shapes, one slope was for each channel.
        slopes = b.regrouped(slopes, Value((1, slopes.shape[0], *[1] * (len(value.shape) - 2))))
    return with_slopes(b, value, slopes)


def power(call: Call) -> Value:
    """Translate a value to the power of a number, a number to that of a value, or of two values."""
    b, base, exponent = call.builder, call.value(), call.value(1)
    if exponent.fixed and exponent.constant.size == 1:
        return arithmetic.raised(adder(call), base, call.number(1, 1.0))
    if base.fixed and base.constant.size == 1:
        return arithmetic.exponential_of_base(adder(call), exponent, call.number(0, 1.0))
    return b.function("exp", b.binary("multiply", exponent, b.function("log", base)))


def swish(call: Call) -> Value:
    """Translate x times the sigmoid of αx."""
    b, value, alpha = call.builder, call.value(), float(call.get("alpha", 1.0))
    if alpha == 1:
        return b.function("silu", value)
    return b.scaled(b.function("silu", b.scaled(value, alpha)), 1 / alpha)


def ceiling(call: Call) -> Value:
    """Translate −⌊−x⌋."""
    b = call.builder
    return b.scaled(b.function("floor", b.scaled(call.value(), -1)), -1)


def dropped(call: Call) -> Value:
    """Translate a dropout, which does nothing in evaluation mode."""
    ratio = call.numbers(1)
    p = float(call.get("ratio", 0.5)) if ratio is None else float(ratio.reshape(-1)[0])
    return call.builder.function("dropout", call.value(), p=p)


NAMES = (
    "Relu", "Sigmoid", "Tanh", "Softplus", "HardSwish", "Mish", "Softsign", "Abs", "Sign", "Floor", "Reciprocal", "Sqrt", "Exp", "Log", "Sin",
    "Cos", "Tan", "Atan", "Sinh", "Cosh", "Erf",
)  # fmt: skip
FUNCTIONS: dict[str, Translate] = {
    **{name: elementwise(name.lower()) for name in NAMES},
    "LeakyRelu": elementwise("leaky_relu", slope=("alpha", 0.01)),
    "Elu": elementwise("elu", alpha=("alpha", 1.0)),
    "Celu": elementwise("celu", alpha=("alpha", 1.0)),
    "Gelu": elementwise("gelu", approximate=("approximate", "none")),
    "Neg": lambda call: call.builder.scaled(call.value(), -1),
    "Ceil": ceiling,
    "Clip": clip,
    "Max": extreme("least"),
    "Min": extreme("most"),
    "HardSigmoid": hardsigmoid,
    "Selu": selu,
    "Shrink": shrink,
    "Swish": swish,
    "ThresholdedRelu": thresholded,
    "PRelu": prelu,
    "Pow": power,
    "Dropout": dropped,
}
