"""Lanczos with full reorthogonalization, from several vectors at once, whose products are computed together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from landscape.curvature.operators import SymmetricOperator

Array = NDArray[np.float64]

# A space is invariant where what is left of a product is rounding.
INVARIANT = 1e-13


@dataclass(frozen=True)
class Quadrature:
    """Gauss quadratures [m, steps] of spectral measures; steps after a Krylov space became invariant have weight 0."""

    nodes: Array
    weights: Array


def lanczos(operator: SymmetricOperator, starts: Array, steps: int) -> Quadrature:
    r"""Give nodes and weights with $\sum_i w_i f(\theta_i) = v^\top f(A) v$ for each start v.

    Starts are unit vectors [m, n]. Exact for polynomials of a degree up to 2·steps − 1.

    Examples
    --------
    >>> quadrature = lanczos(SymmetricOperator(2, lambda rows: rows * [1.0, 3.0]), np.array([[0.6, 0.8]]), 2)
    >>> quadrature.nodes.round(12).tolist(), quadrature.weights.round(12).tolist()
    ([[1.0, 3.0]], [[0.36, 0.64]])
    """
    count, size = starts.shape
    steps = min(steps, size)
    basis = np.zeros((count, steps, size))
    diagonals, sides = np.zeros((count, steps)), np.zeros((count, steps))
    lengths = np.full(count, steps)
    basis[:, 0] = starts
    alive = np.arange(count)
    for step in range(steps):
        images = operator.rows(basis[alive, step])
        diagonals[alive, step] = np.sum(images * basis[alive, step], axis=1)
        sizes = np.linalg.norm(images, axis=1)
        for which, image in zip(alive, images, strict=True):
            reorthogonalize(image, basis[which, : step + 1])
        sides[alive, step] = np.linalg.norm(images, axis=1)
        goes_on = sides[alive, step] > INVARIANT * np.maximum(sizes, np.abs(diagonals[alive]).max(axis=1))
        lengths[alive[~goes_on]] = step + 1
        alive, images = alive[goes_on], images[goes_on]
        if len(alive) == 0 or step + 1 == steps:
            break
        basis[alive, step + 1] = images / sides[alive, step, None]
    return quadratures(diagonals, sides, lengths)


def reorthogonalize(vector: Array, basis: Array) -> None:
    """Remove from a vector, in place, its projection on an orthonormal basis, twice against rounding."""
    for _ in range(2):
        vector -= (basis @ vector) @ basis


def quadratures(diagonals: Array, sides: Array, lengths: NDArray[np.int64]) -> Quadrature:
    """Turn tridiagonal matrices into nodes and weights."""
    nodes, weights = np.zeros(diagonals.shape), np.zeros(diagonals.shape)
    for k, length in enumerate(lengths):
        values, columns = eigh_tridiagonal(diagonals[k, :length], sides[k, : length - 1])
        nodes[k], weights[k, :length] = values[-1], columns[0] ** 2
        nodes[k, :length] = values
    return Quadrature(nodes, weights)
