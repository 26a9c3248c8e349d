"""The primitives of the CPU: exp, tanh, log, log1p, erf and the larger of two without branches or calls, so that loops over them vectorize.

Argument reduction is x = n·ln 2 + r with |r| ≤ ½ ln 2. Adding 1.5·2ᵐ (m mantissa bits) rounds n and leaves it in the
low bits of the sum, so that shifting those bits into the exponent makes 2ⁿ⁻¹; the half keeps it finite for the
largest n, and the lowest n flushes to zero. Polynomials are the series of exp(r) − 1 and of the inverse hyperbolic
tangent, cut where the next term is below half a unit in the last place.

What few networks have, sines and powers say, is the C library's, right for all arguments and one number at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numpy.polynomial import Chebyshev, Polynomial

from landscape.formulas import primitives
from landscape.jit import EXACT, kernel

# No reassociation here: it would simplify the reductions away.
OPTIONS = {"fastmath": set(EXACT), "error_model": "numpy"}
MANTISSA = {types.float32: 23, types.float64: 52}
BIAS = {types.float32: 127, types.float64: 1023}
DTYPE: dict[Any, Any] = {types.float32: np.float32, types.float64: np.float64}

LOG2_E = math.log2(math.e)
# ln 2 in two parts; n times the high part is exact for |n| < 2¹².
HIGH = {types.float32: 0.693359375, types.float64: float.fromhex("0x1.62e42feep-1")}
LOW = {types.float32: math.log(2.0) - 0.693359375, types.float64: 1.90821492927058770002e-10}
# Below `least` exp is zero, from `most` on infinite.
LEAST = {types.float32: -87.6, types.float64: -708.7}
MOST = {types.float32: 88.8, types.float64: 709.9}
# tanh is one to the last bit from here on, and float32's erf.
SATURATED = {types.float32: 8.6, types.float64: 20.0}
ERF_SATURATED = 3.9
# float32's tanh x = x P(x²)/Q(x²) below it and erf likewise, lowest power first (benchmarks/rational_coefficients.py: relative errors
# 1.2e-8 and 1.7e-8 before rounding).
NUMERATOR = (9.999999877e-01, 1.341305517e-01, 3.533861781e-03, 2.125217463e-05, 1.428339989e-08)
DENOMINATOR = (1.0, 4.674637752e-01, 2.602195093e-02, 3.348737829e-04, 8.147863670e-07)
ERF_NUMERATOR = (
    1.128379148e00,
    1.894808527e-01,
    5.265345687e-02,
    3.732362080e-03,
    2.853314857e-04,
    2.074257724e-06,
)
ERF_DENOMINATOR = (1.0, 5.012558229e-01, 1.137510209e-01, 1.490289120e-02, 1.156600301e-03, 3.836136112e-05)
ATANH_TERMS = {types.float32: 5, types.float64: 11}


@intrinsic
def shift_to_exponent(typing_context: Any, x: Any) -> Any:
    """Move the low bits of a float's representation into its exponent."""
    integer = ir.IntType(x.bitwidth)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], integer)
        moved = builder.shl(bits, ir.Constant(integer, MANTISSA[x]))
        return builder.bitcast(moved, context.get_value_type(x))

    return x(x), generate


@intrinsic
def split_near_one(typing_context: Any, y: Any) -> Any:
    """Split y > 0 into (m, k) with y = m·2ᵏ and √½ ≤ m < √2, both as floats."""
    integer = ir.IntType(y.bitwidth)
    unsigned = np.dtype(f"u{y.bitwidth // 8}")
    one, root = (int(np.array(v, DTYPE[y]).view(unsigned)) for v in (1.0, math.sqrt(0.5)))
    pair = types.UniTuple(y, 2)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        real, shift = context.get_value_type(y), MANTISSA[y]
        bits = builder.add(builder.bitcast(arguments[0], integer), ir.Constant(integer, one - root))
        exponent = builder.lshr(bits, ir.Constant(integer, shift))
        exponent = builder.sub(exponent, ir.Constant(integer, one >> shift))
        fraction = builder.and_(bits, ir.Constant(integer, (1 << shift) - 1))
        fraction = builder.add(fraction, ir.Constant(integer, root))
        values = [builder.bitcast(fraction, real), builder.sitofp(exponent, real)]
        return context.make_tuple(builder, pair, values)

    return pair(y), generate


@overload(primitives.exp, jit_options=OPTIONS)
def exp_on_cpu(x: Any) -> Any:
    """Scale 1 + (eʳ − 1) by 2ⁿ."""
    # One less than the type's bias: 2ⁿ⁻¹ is finite for the largest n.
    reduced = reduction(x, bias=BIAS[x] - 1)
    least, most = LEAST[x], MOST[x]

    def exp(x: Any) -> Any:
        y = type(x)(least) if x < type(x)(least) else x
        y = type(x)(most) if y > type(x)(most) else y
        half, small = reduced(y)
        return (half * small + half) * type(x)(2)

    return exp


@overload(primitives.tanh, jit_options=OPTIONS)
def tanh_on_cpu(x: Any) -> Any:
    """Take a quotient of polynomials in float32, and the exponential function in float64."""
    if x == types.float32:
        return rational(SATURATED[x], NUMERATOR[::-1], DENOMINATOR[::-1])
    return exponential_tanh(x)


def rational(limit: float, p: tuple[float, ...], q: tuple[float, ...]) -> Callable[..., Any]:
    """Give |x| P(x²)/Q(x²), at most one, with the sign of x: half of the operations that an exponential takes."""
    terms = len(p)

    def quotient(x: Any) -> Any:
        y = abs(x)
        y = type(x)(limit) if y > type(x)(limit) else y
        t = y * y
        upper, lower = type(x)(p[0]), type(x)(q[0])
        for k in range(1, terms):
            upper = upper * t + type(x)(p[k])
            lower = lower * t + type(x)(q[k])
        value = y * upper / lower
        return math.copysign(type(x)(1) if value > type(x)(1) else value, x)

    return quotient


def exponential_tanh(real: Any) -> Callable[..., Any]:
    """Give u / (u + 2) for u = e^{2|x|} − 1, which has no cancellation, with the sign of x."""
    reduced, limit = reduction(real, bias=BIAS[real]), 2.0 * SATURATED[real]

    def tanh(x: Any) -> Any:
        y = abs(x + x)
        y = type(x)(limit) if y > type(x)(limit) else y
        power, small = reduced(y)
        u = power * small + (power - type(x)(1))
        return math.copysign(u / (u + type(x)(2)), x)

    return tanh


def exponential_series(real: Any) -> tuple[float, ...]:
    """Give the coefficients of (eʳ − 1)/r for |r| ≤ ½ ln 2, highest first: Taylor's, or for float32 one term fewer at Chebyshev's points."""
    if real == types.float64:
        return tuple(1.0 / math.factorial(k) for k in range(13, 0, -1))
    half = 0.5 * math.log(2.0)
    fitted = Chebyshev.interpolate(lambda r: np.expm1(r) / r, 5, [-half, half]).convert(kind=Polynomial)
    return tuple(float(c) for c in fitted.coef[::-1])


def reduction(real: Any, bias: int) -> Callable[..., Any]:
    """Make the common part of exp and tanh: y to (2ⁿ, eʳ − 1), n raised by what the bias exceeds the type's."""
    magic = 1.5 * 2.0 ** MANTISSA[real] + bias
    high, low, c = HIGH[real], LOW[real], exponential_series(real)
    terms = len(c)

    @kernel(exact=True, cached=False)
    def reduced(y: Any) -> Any:
        shifted = y * type(y)(LOG2_E) + type(y)(magic)
        n = shifted - type(y)(magic)
        r = (y - n * type(y)(high)) - n * type(y)(low)
        small = type(y)(c[0])
        for k in range(1, terms):
            small = small * r + type(y)(c[k])
        return shift_to_exponent(shifted), small * r

    return reduced


def near_one(real: Any) -> Callable[..., Any]:
    """Make log m = 2 artanh((m − 1)/(m + 1)) for √½ ≤ m < √2."""
    count = ATANH_TERMS[real]
    c = tuple(1.0 / (2 * k + 1) for k in range(count, 0, -1))

    @kernel(exact=True, cached=False)
    def log_near_one(m: Any) -> Any:
        f = m - type(m)(1)
        s = f / (type(m)(2) + f)
        z = s * s
        tail = type(m)(c[0])
        for i in range(1, count):
            tail = tail * z + type(m)(c[i])
        # log m = f − s(f − 2·tail·z): the large part f is exact.
        return f - s * (f - type(m)(2) * z * tail)

    return log_near_one


@overload(primitives.log1p, jit_options=OPTIONS)
def log1p_on_cpu(x: Any) -> Any:
    """Split 1 + x = m·2ᵏ, add log m and k·log 2, and give back what 1 + x rounded away."""
    high, low, log_near_one = HIGH[x], LOW[x], near_one(x)
    largest = float(np.finfo(DTYPE[x]).max)

    def log1p(x: Any) -> Any:
        y = type(x)(1) + x
        lost = (x - (y - type(x)(1))) if x < type(x)(1e6) else type(x)(0)
        m, k = split_near_one(y)
        value = k * type(x)(high) + (log_near_one(m) + (k * type(x)(low) + lost / y))
        return value if x <= type(x)(largest) else x

    return log1p


@overload(primitives.log, jit_options=OPTIONS)
def log_on_cpu(x: Any) -> Any:
    """Split x = m·2ᵏ, and add log m and k·log 2; numbers below the smallest normal one are scaled first."""
    high, low, log_near_one, shift = HIGH[x], LOW[x], near_one(x), float(MANTISSA[x] + 1)
    least, largest = float(np.finfo(DTYPE[x]).tiny), float(np.finfo(DTYPE[x]).max)
    scale = 2.0**shift

    def log(x: Any) -> Any:
        m, k = split_near_one(x * type(x)(scale) if x < type(x)(least) else x)
        k = k - type(x)(shift) if x < type(x)(least) else k
        value = k * type(x)(high) + (log_near_one(m) + k * type(x)(low))
        value = value if x <= type(x)(largest) else x
        value = type(x)(math.nan) if x < type(x)(0) else value
        return type(x)(-math.inf) if x == type(x)(0) else value

    return log


@overload(primitives.erf, jit_options=OPTIONS)
def erf_on_cpu(x: Any) -> Any:
    """Take a quotient of polynomials in float32, and call the C library's in float64."""
    if x == types.float32:
        return rational(ERF_SATURATED, ERF_NUMERATOR[::-1], ERF_DENOMINATOR[::-1])

    def erf(x: Any) -> Any:
        return type(x)(math.erf(x))

    return erf


@overload(primitives.floor, jit_options=OPTIONS)
def floor_on_cpu(x: Any) -> Any:
    """Round down in the type of the number; Numba's `math.floor` gives an integer."""

    def floor(x: Any) -> Any:
        return np.floor(x)

    return floor


@overload(primitives.power, jit_options=OPTIONS)
def power_on_cpu(x: Any, y: Any) -> Any:
    """Call the C library's."""

    def power(x: Any, y: Any) -> Any:
        return math.pow(x, y)

    return power


def called(theirs: Callable[[float], float]) -> Callable[[Any], Any]:
    """Give the overload that calls a function of `math`: the processor's for a root, the C library's otherwise."""

    def choose(x: Any) -> Any:
        def call(x: Any) -> Any:
            return theirs(x)

        return call

    return choose


for name in ("sqrt", "sin", "cos", "tan", "atan"):
    overload(getattr(primitives, name), jit_options=OPTIONS)(called(getattr(math, name)))


@intrinsic
def maximum(typing_context: Any, x: Any, y: Any) -> Any:
    """Give the larger of two, NaN where either is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        real = context.get_value_type(x)
        name = builder.module.declare_intrinsic("llvm.maximum", [real], ir.FunctionType(real, [real, real]))
        return builder.call(name, arguments, fastmath=("nsz",))

    return x(x, x), generate


@overload(primitives.larger, jit_options=OPTIONS)
def larger_on_cpu(x: Any, y: Any) -> Any:
    """Use one operation: LLVM compiles a choice between a new and the old number to a masked store, which is slow on some processors.

    For the same reason a number that is updated in place should be the second one.
    """

    def larger(x: Any, y: Any) -> Any:
        return maximum(x, y)

    return larger
