"""Gaussian directions, and making them orthogonal."""

from __future__ import annotations

import numpy as np

from landscape import streams
from landscape.directions.origin import Array
from landscape.errors import InputError
from landscape.formulas.random import normal


def gaussian(size: int, count: int, seed: int) -> Array:
    """Draw `count` directions of `size` standard normal numbers each, [count, size].

    Examples
    --------
    >>> bool(np.all(gaussian(5, 3, seed=1)[:2] == gaussian(5, 2, seed=1)))
    True
    """
    return np.stack([normal(seed, streams.DIRECTIONS[index], 0, size) for index in range(count)])


def dot(a: Array, b: Array) -> float:
    """Sum the products pairwise: unlike BLAS's, the bits do not depend on the number of threads."""
    return float(np.sum(a * b))


def orthogonalize(directions: Array, against: Array) -> Array:
    r"""Make each direction orthogonal to `against` [k, P] and to those before it, by Gram and Schmidt, twice.

    $$d \leftarrow d - \sum_b \frac{\langle d, b \rangle}{\langle b, b \rangle}\, b$$

    Lengths are left as they come out.

    Parameters
    ----------
    directions
        [d, P].
    against
        [k, P], orthogonal to each other; k may be zero.

    Raises
    ------
    InputError
        There is no room: more directions than parameters that they can move.

    Examples
    --------
    >>> orthogonalize(np.array([[1.0, 1.0]]), against=np.array([[2.0, 0.0]])).tolist()
    [[0.0, 1.0]]
    """
    basis = list(against)
    result = []
    for direction in directions:
        remainder = direction
        for _ in range(2):
            for vector in basis:
                remainder = remainder - (dot(remainder, vector) / dot(vector, vector)) * vector
        if dot(remainder, remainder) <= 1e-20 * dot(direction, direction):
            raise InputError(
                f"{len(basis) + 1} orthogonal directions need more parameters than the "
                f"{np.count_nonzero(direction)} that can move: use fewer dimensions"
            )
        basis.append(remainder)
        result.append(remainder)
    return np.stack(result)
