"""Matrices of a known spectrum, as operators and as the Hessians of quadratics."""

from __future__ import annotations

from functools import cache

import numpy as np

from landscape.curvature import SymmetricOperator
from landscape.objective import CallableObjective

# Name → eigenvalues: repeated, clustered, zero, of one sign, of hardly any size.
SPECTRA = {
    "repeated at both ends": np.r_[np.full(3, 5.0), np.full(4, 4.0), np.zeros(600), np.full(3, -1.0)],
    "a multiple of the identity": np.full(700, 2.0),
    "negative definite, all equal": np.full(700, -2.0),
    "low rank": np.r_[np.zeros(695), np.ones(5)],
    "clustered at the top": np.r_[np.linspace(-0.1, 0.1, 600), 1 + 1e-3 * np.arange(4)],
    "two tiny clusters": np.r_[np.full(300, 1e-9), np.full(300, -1e-9)],
    "a wide range": np.r_[-np.geomspace(1e-6, 0.5, 200), np.geomspace(1e-8, 100, 500)],
}


def rotation(size: int, seed: int = 0) -> np.ndarray:
    """Draw an orthogonal matrix."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def matrix_of(eigenvalues: np.ndarray, seed: int = 0) -> np.ndarray:
    """Give a symmetric matrix of these eigenvalues."""
    basis = rotation(len(eigenvalues), seed)
    matrix = (basis * eigenvalues) @ basis.T
    return 0.5 * (matrix + matrix.T)


@cache
def matrix_named(name: str) -> np.ndarray:
    """Give the matrix of a spectrum in the table, made when it is first asked for."""
    return matrix_of(SPECTRA[name])


def operator_of(matrix: np.ndarray) -> SymmetricOperator:
    """Give a matrix by its products."""
    return SymmetricOperator(len(matrix), lambda rows: rows @ matrix)


def quadratic(matrix: np.ndarray) -> CallableObjective:
    """Give ½ θᵀAθ with its derivatives."""
    return CallableObjective(
        lambda theta: 0.5 * float(theta @ matrix @ theta),
        lambda theta: matrix @ theta,
        lambda theta, vector: matrix @ vector,
        size=len(matrix),
    )


def toy(second: bool = True) -> CallableObjective:
    """Give the lecture's network, L = (1 − w₁w₂)²."""

    def hvp(w: np.ndarray, v: np.ndarray) -> np.ndarray:
        mixed = -2 + 4 * w[0] * w[1]
        return np.array([[2 * w[1] ** 2, mixed], [mixed, 2 * w[0] ** 2]]) @ v

    return CallableObjective(
        lambda w: (1 - w[0] * w[1]) ** 2,
        lambda w: -2 * (1 - w[0] * w[1]) * np.array([w[1], w[0]]),
        hvp if second else None,
        size=2,
    )
