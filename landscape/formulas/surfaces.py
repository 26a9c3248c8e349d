"""Test surfaces of two parameters: value, gradient and Hessian of each, for every device.

Adding one: three functions and a row of `SURFACES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from landscape.jit import kernel

# The ten examples of Hung-yi Lee's lecture on regression (2017), as sums of 1, x, x², y, xy, y².
COUNT, X, XX, Y, XY, YY = 10.0, 2510.0, 873408.0, 4816.0, 1858556.0, 4155774.0


@kernel
def rosenbrock(x, y):
    a, b = type(x)(1) - x, y - x * x
    return a * a + type(x)(100) * b * b


@kernel
def rosenbrock_slope(x, y):
    b = type(x)(200) * (y - x * x)
    return type(x)(-2) * (type(x)(1) - x + b * x), b


@kernel
def rosenbrock_curvature(x, y):
    return type(x)(2) - type(x)(400) * (y - type(x)(3) * x * x), type(x)(-400) * x, type(x)(200)


@kernel
def himmelblau(x, y):
    a, b = x * x + y - type(x)(11), x + y * y - type(x)(7)
    return a * a + b * b


@kernel
def himmelblau_slope(x, y):
    a, b = x * x + y - type(x)(11), x + y * y - type(x)(7)
    return type(x)(4) * x * a + type(x)(2) * b, type(x)(2) * a + type(x)(4) * y * b


@kernel
def himmelblau_curvature(x, y):
    four = type(x)(4)
    return (
        type(x)(12) * x * x + four * y - type(x)(42),
        four * (x + y),
        four * x + type(x)(12) * y * y - type(x)(26),
    )


@kernel
def beale(x, y):
    one, y2 = type(x)(1), y * y
    a = type(x)(1.5) - x * (one - y)
    b = type(x)(2.25) - x * (one - y2)
    c = type(x)(2.625) - x * (one - y2 * y)
    return a * a + b * b + c * c


@kernel
def beale_slope(x, y):
    one, two, y2 = type(x)(1), type(x)(2), y * y
    p, q, r = y - one, y2 - one, y2 * y - one
    a, b, c = type(x)(1.5) + x * p, type(x)(2.25) + x * q, type(x)(2.625) + x * r
    return two * (a * p + b * q + c * r), two * x * (a + two * y * b + type(x)(3) * y2 * c)


@kernel
def beale_curvature(x, y):
    one, two, three, y2 = type(x)(1), type(x)(2), type(x)(3), y * y
    p, q, r = y - one, y2 - one, y2 * y - one
    a, b, c = type(x)(1.5) + x * p, type(x)(2.25) + x * q, type(x)(2.625) + x * r
    mixed = two * (a + x * p + two * y * (b + x * q) + three * y2 * (c + x * r))
    return (
        two * (p * p + q * q + r * r),
        mixed,
        two * x * (x * (one + type(x)(4) * y2 + type(x)(9) * y2 * y2) + two * b + type(x)(6) * y * c),
    )


@kernel
def monkey_saddle(x, y):
    return x * (x * x - type(x)(3) * y * y)


@kernel
def monkey_saddle_slope(x, y):
    return type(x)(3) * (x * x - y * y), type(x)(-6) * x * y


@kernel
def monkey_saddle_curvature(x, y):
    return type(x)(6) * x, type(x)(-6) * y, type(x)(-6) * x


@kernel
def toy(x, y):
    r = type(x)(1) - x * y
    return r * r


@kernel
def toy_slope(x, y):
    r = type(x)(-2) * (type(x)(1) - x * y)
    return r * y, r * x


@kernel
def toy_curvature(x, y):
    two = type(x)(2)
    return two * y * y, type(x)(4) * x * y - two, two * x * x


@kernel
def convex(b, w):
    # Σ (y − b − wx)² by the examples' sums would cancel near the minimum; about it, it does not.
    p, q = b - type(b)(CONVEX_B), w - type(b)(CONVEX_W)
    return type(b)(CONVEX_LEAST) + p * (type(b)(COUNT) * p + type(b)(2 * X) * q) + type(b)(XX) * q * q


@kernel
def convex_slope(b, w):
    p, q = b - type(b)(CONVEX_B), w - type(b)(CONVEX_W)
    two = type(b)(2)
    return two * (type(b)(COUNT) * p + type(b)(X) * q), two * (type(b)(X) * p + type(b)(XX) * q)


@kernel
def convex_curvature(b, w):
    return type(b)(2 * COUNT), type(b)(2 * X), type(b)(2 * XX)


# The least-squares line of the ten examples.
CONVEX_W = (COUNT * XY - X * Y) / (COUNT * XX - X * X)
CONVEX_B = (Y - CONVEX_W * X) / COUNT
CONVEX_LEAST = YY - CONVEX_B * Y - CONVEX_W * XY


class Surface(NamedTuple):
    """(x, y) to the value; to the gradient's two elements; to the Hessian's xx, xy and yy. `box` is where it is usually looked at.

    `minima` are the global ones; none where there is no least value.
    """

    value: Callable[..., Any]
    slope: Callable[..., Any]
    curvature: Callable[..., Any]
    box: tuple[tuple[float, float], tuple[float, float]]
    minima: tuple[tuple[float, float], ...] = ()


# A name's position is its code in the kernels.
SURFACES: dict[str, Surface] = {
    "rosenbrock": Surface(rosenbrock, rosenbrock_slope, rosenbrock_curvature, ((-2, 2), (-1, 3)), ((1.0, 1.0),)),
    "himmelblau": Surface(
        himmelblau, himmelblau_slope, himmelblau_curvature, ((-5, 5), (-5, 5)),
        ((3.0, 2.0), (-2.805118086952745, 3.131312518250573), (-3.779310253377747, -3.283185991286170),
         (3.584428340330492, -1.848126526964404)),
    ),
    "beale": Surface(beale, beale_slope, beale_curvature, ((-4.5, 4.5), (-4.5, 4.5)), ((3.0, 0.5),)),
    "monkey_saddle": Surface(monkey_saddle, monkey_saddle_slope, monkey_saddle_curvature, ((-1, 1), (-1, 1))),
    # Hung-yi Lee's y = w₁w₂x with the one example (1, 1): the minima are the curve xy = 1.
    "toy": Surface(toy, toy_slope, toy_curvature, ((-2, 2), (-2, 2))),
    "convex": Surface(convex, convex_slope, convex_curvature, ((-200, -100), (-5, 5)), ((CONVEX_B, CONVEX_W),)),
}  # fmt: skip
