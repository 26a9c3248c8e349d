"""The coefficients of float32's tanh: `python benchmarks/tanh_coefficients.py` prints them.

tanh x ≈ x P(x²)/Q(x²) for |x| ≤ c, both of degree four, with the least largest relative error: linear programs in the coefficients,
each weighted by the Q of the one before (Barrodale, Powell and Roberts 1972). The target rises to a little above tanh towards c, so that the
quotient reaches one there, however it is rounded.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

SATURATED, DEGREE, UNIT = 8.6, 4, 2.0**-24
OVERSHOOT = 3.0 * UNIT


def columns(t: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Lay out P(t) − target·(Q(t) − 1), linear in the coefficients, over the weight."""
    powers = np.stack([t**k for k in range(DEGREE + 1)], axis=1)
    return np.concatenate([powers, -target[:, None] * powers[:, 1:]], axis=1) / weight[:, None]


def fit(points: int = 2500, rounds: int = 8) -> tuple[np.ndarray, np.ndarray, float]:
    """Give P and Q, lowest power first, and the largest relative error."""
    x = SATURATED * (1 + np.cos(np.pi * (np.arange(points) + 0.5) / points)) / 2
    t = (x / SATURATED) ** 2
    target = np.tanh(x) / x * (1 + OVERSHOOT * (x / SATURATED) ** 16)
    coefficients, q = np.zeros(2 * DEGREE + 1), np.ones(points)
    for _ in range(rounds):
        a = columns(t, target, target * q)
        scale = np.abs(a).max(axis=0)
        # A correction in units of the error wished for: the solver's tolerances are absolute.
        left = (1 / q - a @ coefficients) / UNIT
        sides = np.concatenate([np.c_[a / scale, -np.ones(points)], np.c_[-a / scale, -np.ones(points)]])
        cost = np.r_[np.zeros(2 * DEGREE + 1), 1.0]
        bounds = [(None, None)] * (2 * DEGREE + 1) + [(0, None)]
        solution = linprog(cost, A_ub=sides, b_ub=np.r_[left, -left], bounds=bounds).x
        coefficients = coefficients + solution[:-1] * UNIT / scale
        q = np.polyval(np.r_[1, coefficients[DEGREE + 1 :]][::-1], t)
    p = coefficients[: DEGREE + 1]
    error = float(np.max(np.abs(np.polyval(p[::-1], t) / q / target - 1)))
    powers = SATURATED ** (2.0 * np.arange(DEGREE + 1))
    return p / powers, np.r_[1, coefficients[DEGREE + 1 :]] / powers, error


if __name__ == "__main__":
    numerator, denominator, error = fit()
    for name, values in (("numerator", numerator), ("denominator", denominator)):
        print(name, ", ".join(f"{v:.9e}" for v in values))
    print(f"largest relative error of the quotient {error:.1e}")
