r"""Whether a quartic form $Q(v) = \sum M_{ijkl} v_i v_j v_k v_l$ is positive for every v ≠ 0: a proof, or a witness against it.

The proof writes Q as a sum of squares: Q(v) = wᵀGw with w the products vᵢvⱼ. Many G give the same Q; one
that is positive definite proves it, and the search among them is for the one with the largest least
eigenvalue. For up to three variables every positive form has such a G (Hilbert), so the search can only fail by
stopping early.
"""

from __future__ import annotations

from itertools import combinations_with_replacement, permutations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from landscape import streams

Array = NDArray[np.float64]

# Sharpness of the smoothed least eigenvalue, relative to the form's size.
SMOOTHINGS = (1.0, 10.0, 100.0, 1000.0)
# Starts for a witness.
STARTS = 24


def symmetrized(tensor: Array) -> Array:
    """Average a tensor [k, k, k, k] over all orders of its indices; the form stays the same."""
    orders = list(permutations(range(4)))
    return np.asarray(sum(np.transpose(tensor, order) for order in orders) / len(orders))


def form(tensor: Array, vector: Array) -> float:
    """Give Q(v).

    >>> form(np.ones((1, 1, 1, 1)), np.array([2.0]))
    16.0
    """
    return float(np.einsum("ijkl,i,j,k,l", tensor, vector, vector, vector, vector))


def certified_minimum(tensor: Array) -> float:
    """Give a lower bound of Q(v) over unit v; positive if a sum of squares was found.

    Examples
    --------
    >>> tensor = np.zeros((2, 2, 2, 2))
    >>> tensor[0, 0, 0, 0] = tensor[1, 1, 1, 1] = 1.0  # x⁴ + y⁴, at least 1/2 on the circle
    >>> bool(0.49 < certified_minimum(tensor) <= 0.5)
    True
    """
    size = len(tensor)
    base, freedoms = gram(tensor), gram_freedoms(size)
    lengths = monomial_lengths(size)
    scale = float(np.abs(base).max())
    if scale == 0.0 or len(freedoms) == 0:
        return least_eigenvalue(base, lengths)
    weights = np.zeros(len(freedoms))

    def smoothed(point: Array, sharpness: float) -> tuple[float, Array]:
        matrix = scaled(base / scale + np.tensordot(point, freedoms, 1), lengths)
        values, vectors = np.linalg.eigh(matrix)
        parts = np.exp(-sharpness * (values - values[0]))
        slope = (vectors * (parts / parts.sum())) @ vectors.T
        least = values[0] - np.log(parts.sum()) / sharpness
        turned = np.array([np.sum(slope * scaled(freedom, lengths)) for freedom in freedoms])
        return -least, -turned

    for sharpness in SMOOTHINGS:
        weights = minimize(smoothed, weights, args=(sharpness,), jac=True, method="L-BFGS-B").x
    found = base + scale * np.tensordot(weights, freedoms, 1)
    return max(least_eigenvalue(base, lengths), least_eigenvalue(found, lengths))


def monomials(size: int) -> list[tuple[int, int]]:
    """Name the products vᵢvⱼ, i ≤ j."""
    return list(combinations_with_replacement(range(size), 2))


def monomial_lengths(size: int) -> Array:
    """Give the weights that make the vector of products a unit one for a unit v: Σ vᵢ⁴ + 2 Σ vᵢ²vⱼ² = 1."""
    return np.array([1.0 if i == j else np.sqrt(2.0) for i, j in monomials(size)])


def scaled(matrix: Array, lengths: Array) -> Array:
    """Write a Gram matrix in the basis of weighted products."""
    return matrix / lengths[:, None] / lengths


def least_eigenvalue(matrix: Array, lengths: Array) -> float:
    """Give the smallest eigenvalue of a Gram matrix less its rounding: a lower bound of Q on the sphere."""
    values = np.linalg.eigvalsh(scaled(matrix, lengths))
    return float(values[0] - 1e-14 * np.abs(values).max())


def gram(tensor: Array) -> Array:
    """Give the Gram matrix of a symmetric tensor that spreads a coefficient over all its products evenly."""
    names = monomials(len(tensor))
    counts = [1.0 if i == j else 2.0 for i, j in names]
    return np.array(
        [
            [tensor[i, j, k, m] * counts[row] * counts[column] for column, (k, m) in enumerate(names)]
            for row, (i, j) in enumerate(names)
        ]
    )


def gram_freedoms(size: int) -> Array:
    """Give a basis [n, m, m] of the Gram matrices of the zero form: vᵢvⱼ · vₖvₗ = vᵢvₖ · vⱼvₗ."""
    names = monomials(size)
    groups: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for row, one in enumerate(names):
        for column in range(row, len(names)):
            groups.setdefault(tuple(sorted(one + names[column])), []).append((row, column))
    found = []
    for places in groups.values():
        for place in places[1:]:
            freedom = np.zeros((len(names), len(names)))
            for (row, column), value in ((places[0], 1.0), (place, -1.0)):
                share = value if row == column else value / 2
                freedom[row, column] += share
                if row != column:
                    freedom[column, row] += share
            found.append(freedom)
    return np.array(found).reshape(len(found), len(names), len(names))


def lowest_direction(tensor: Array) -> tuple[Array, float]:
    """Search for the unit v with the least Q(v), from many starts; the value found is an upper bound of the minimum.

    Examples
    --------
    >>> lowest_direction(-np.ones((1, 1, 1, 1)))[1]
    -1.0
    """
    size = len(tensor)
    starts = np.concatenate(
        [np.eye(size), streams.numpy_generator("starts on a quartic", 0).standard_normal((STARTS, size))]
    )

    def value(vector: Array) -> tuple[float, Array]:
        length = float(np.linalg.norm(vector))
        unit = vector / length
        slope = 4 * np.einsum("ijkl,j,k,l->i", tensor, unit, unit, unit)
        return form(tensor, unit), (slope - (slope @ unit) * unit) / length

    ends = [minimize(value, start, jac=True, method="L-BFGS-B").x for start in starts]
    units = [end / np.linalg.norm(end) for end in ends]
    values = [form(tensor, unit) for unit in units]
    best = int(np.argmin(values))
    return units[best], values[best]
