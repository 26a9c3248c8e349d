"""The coefficients of float32's tanh and erf: `python benchmarks/rational_coefficients.py` prints them.

f x ≈ x P(x²)/Q(x²) for |x| ≤ c with the least largest relative error: linear programs in the coefficients, each weighted by the Q of the
one before (Barrodale, Powell and Roberts 1972). The target rises to a little above f towards c, so that the quotient reaches one there,
however it is rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.special import erf

UNIT = 2.0**-24
OVERSHOOT = 3.0 * UNIT


class Wanted(NamedTuple):
    """A function that saturates at one: where it does so to the last bit, and the degree of P and Q."""

    function: Callable[[NDArray], NDArray]
    saturated: float
    degree: int


WANTED = {"tanh": Wanted(np.tanh, 8.6, 4), "erf": Wanted(erf, 3.9, 5)}


def columns(t: NDArray, target: NDArray, weight: NDArray, degree: int) -> NDArray:
    """Lay out P(t) − target·(Q(t) − 1), linear in the coefficients, over the weight."""
    powers = np.stack([t**k for k in range(degree + 1)], axis=1)
    return np.concatenate([powers, -target[:, None] * powers[:, 1:]], axis=1) / weight[:, None]


def fit(wanted: Wanted, points: int = 2500, rounds: int = 8) -> tuple[NDArray, NDArray, float]:
    """Give P and Q, lowest power first, and the largest relative error."""
    function, saturated, degree = wanted
    x = saturated * (1 + np.cos(np.pi * (np.arange(points) + 0.5) / points)) / 2
    t = (x / saturated) ** 2
    target = function(x) / x * (1 + OVERSHOOT * (x / saturated) ** 16)
    coefficients, q = np.zeros(2 * degree + 1), np.ones(points)
    for _ in range(rounds):
        a = columns(t, target, target * q, degree)
        scale = np.abs(a).max(axis=0)
        # A correction in units of the error wished for: the solver's tolerances are absolute.
        left = (1 / q - a @ coefficients) / UNIT
        sides = np.concatenate([np.c_[a / scale, -np.ones(points)], np.c_[-a / scale, -np.ones(points)]])
        cost = np.r_[np.zeros(2 * degree + 1), 1.0]
        bounds = [(None, None)] * (2 * degree + 1) + [(0, None)]
        solution = linprog(cost, A_ub=sides, b_ub=np.r_[left, -left], bounds=bounds).x
        coefficients = coefficients + solution[:-1] * UNIT / scale
        q = np.polyval(np.r_[1, coefficients[degree + 1 :]][::-1], t)
    p = coefficients[: degree + 1]
    error = float(np.max(np.abs(np.polyval(p[::-1], t) / q / target - 1)))
    powers = saturated ** (2.0 * np.arange(degree + 1))
    return p / powers, np.r_[1, coefficients[degree + 1 :]] / powers, error


if __name__ == "__main__":
    for name, wanted in WANTED.items():
        numerator, denominator, error = fit(wanted)
        print(name, "numerator", ", ".join(f"{v:.9e}" for v in numerator))
        print(name, "denominator", ", ".join(f"{v:.9e}" for v in denominator))
        print(f"largest relative error of the quotient {error:.1e}")
