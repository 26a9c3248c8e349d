"""Functions of one number that networks compute with: bounds, powers, exponentials, waves, products with a number.

As all formulas of `activations.py`: value (z, p), slope and curvature (z, a, p), PyTorch's side at a kink. Where a slope is infinite, as that of a
root at 0, a formula is `exact`: an approximate quotient would give NaN there.
"""

from __future__ import annotations

import math

from landscape.formulas import primitives
from landscape.formulas.parts import exp_less_one, signum
from landscape.formulas.primitives import exp, larger
from landscape.jit import kernel

TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)


@kernel
def clip_below(z, p):
    return larger(z, p)


@kernel
def clip_below_slope(z, a, p):
    return type(z)(1) if z >= p else type(z)(0)


@kernel
def clip_above(z, p):
    return -larger(-z, -p)


@kernel
def clip_above_slope(z, a, p):
    return type(z)(1) if z <= p else type(z)(0)


@kernel
def absolute(z, p):
    return abs(z)


@kernel
def absolute_slope(z, a, p):
    return signum(z)


@kernel
def sign(z, p):
    return z if z != z else signum(z)


@kernel
def floor(z, p):
    return primitives.floor(z)


@kernel
def scale(z, p):
    return p * z


@kernel
def scale_slope(z, a, p):
    return p


@kernel
def shift(z, p):
    return z + p


@kernel
def shift_slope(z, a, p):
    return type(z)(1)


@kernel
def square(z, p):
    return z * z


@kernel
def square_slope(z, a, p):
    return type(z)(2) * z


@kernel
def square_curvature(z, a, p):
    return type(z)(2)


@kernel(exact=True)
def reciprocal(z, p):
    return type(z)(1) / z


@kernel
def reciprocal_slope(z, a, p):
    return -a * a


@kernel
def reciprocal_curvature(z, a, p):
    return type(z)(2) * a * a * a


@kernel
def sqrt(z, p):
    return primitives.sqrt(z)


@kernel(exact=True)
def sqrt_slope(z, a, p):
    return type(z)(0.5) / a


@kernel(exact=True)
def sqrt_curvature(z, a, p):
    return type(z)(-0.25) / (z * a)


@kernel(exact=True)
def rsqrt(z, p):
    return type(z)(1) / primitives.sqrt(z)


@kernel
def rsqrt_slope(z, a, p):
    return type(z)(-0.5) * a * a * a


@kernel
def rsqrt_curvature(z, a, p):
    return type(z)(0.75) * a * a * a * a * a


@kernel
def power(z, p):
    return primitives.power(z, p)


# A factor of 0 ends the chain, as in PyTorch: 0 times the infinite power of 0 would be NaN.
@kernel
def power_slope(z, a, p):
    return type(z)(0) if p == type(z)(0) else p * primitives.power(z, p - type(z)(1))


@kernel
def power_curvature(z, a, p):
    factor = p * (p - type(z)(1))
    return type(z)(0) if factor == type(z)(0) else factor * primitives.power(z, p - type(z)(2))


@kernel
def exponential(z, p):
    return exp(z)


@kernel
def exponential_slope(z, a, p):
    return a


@kernel
def expm1(z, p):
    return exp_less_one(z)


@kernel
def expm1_slope(z, a, p):
    return exp(z)


@kernel
def log(z, p):
    return primitives.log(z)


@kernel(exact=True)
def log_slope(z, a, p):
    return type(z)(1) / z


@kernel(exact=True)
def log_curvature(z, a, p):
    return type(z)(-1) / (z * z)


@kernel(exact=True)
def log1p(z, p):
    # The primitive is for numbers from 0 on; below, log(1 + z) = −log(1 − z/(1 + z)).
    below = z < type(z)(0)
    found = primitives.log1p(-z / (type(z)(1) + z) if below else z)
    value = type(z)(math.nan) if z < type(z)(-1) else (-found if below else found)
    return type(z)(-math.inf) if z == type(z)(-1) else value


@kernel(exact=True)
def log1p_slope(z, a, p):
    return type(z)(1) / (type(z)(1) + z)


@kernel(exact=True)
def log1p_curvature(z, a, p):
    part = type(z)(1) / (type(z)(1) + z)
    return -part * part


@kernel
def sin(z, p):
    return primitives.sin(z)


@kernel
def sin_slope(z, a, p):
    return primitives.cos(z)


@kernel
def cos(z, p):
    return primitives.cos(z)


@kernel
def cos_slope(z, a, p):
    return -primitives.sin(z)


@kernel
def minus_value(z, a, p):
    return -a


@kernel
def tan(z, p):
    return primitives.tan(z)


@kernel
def tan_slope(z, a, p):
    return type(z)(1) + a * a


@kernel
def tan_curvature(z, a, p):
    return type(z)(2) * a * (type(z)(1) + a * a)


@kernel
def atan(z, p):
    return primitives.atan(z)


@kernel
def atan_slope(z, a, p):
    return type(z)(1) / (type(z)(1) + z * z)


@kernel
def atan_curvature(z, a, p):
    part = type(z)(1) / (type(z)(1) + z * z)
    return type(z)(-2) * (z * part) * part


# By halves, so that nothing overflows before the value does: sinh z = 2h√(1 + h²) and cosh z = 1 + 2h² with h = sinh(z/2).
@kernel
def half_sinh(z):
    h = type(z)(0.5) * z
    return type(z)(0.5) * (exp_less_one(h) - exp_less_one(-h))


@kernel
def sinh(z, p):
    h = half_sinh(z)
    return type(z)(2) * h * primitives.sqrt(type(z)(1) + h * h)


@kernel
def sinh_slope(z, a, p):
    h = half_sinh(z)
    return type(z)(1) + type(z)(2) * h * h


@kernel
def cosh(z, p):
    h = half_sinh(z)
    return type(z)(1) + type(z)(2) * h * h


@kernel
def cosh_slope(z, a, p):
    h = half_sinh(z)
    return type(z)(2) * h * primitives.sqrt(type(z)(1) + h * h)


@kernel
def erf(z, p):
    return primitives.erf(z)


@kernel
def erf_slope(z, a, p):
    return type(z)(TWO_OVER_ROOT_PI) * exp(-z * z)


@kernel
def erf_curvature(z, a, p):
    return type(z)(-2 * TWO_OVER_ROOT_PI) * z * exp(-z * z)
