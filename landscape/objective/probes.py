"""Random vectors, each a function of (seed, stream, number) alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.formulas.random import normal, uniform

Array = NDArray[np.float64]


def gaussian_rows(seed: int, stream: int, count: int, size: int, *, first: int = 0) -> Array:
    """Draw standard normal vectors number first, first + 1, …, [count, size]."""
    return normal(seed, stream, first * size, count * size).reshape(count, size)


def unit_rows(seed: int, stream: int, count: int, size: int, *, first: int = 0) -> Array:
    """Draw vectors uniform on the unit sphere, [count, size].

    >>> np.linalg.norm(unit_rows(0, 1, 2, 5), axis=1).round(12).tolist()
    [1.0, 1.0]
    """
    rows = gaussian_rows(seed, stream, count, size, first=first)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def sign_rows(seed: int, stream: int, count: int, size: int, *, first: int = 0) -> Array:
    """Draw vectors of random signs, [count, size]."""
    draws = uniform(seed, stream, first * size, count * size)
    return np.where(draws < 0.5, -1.0, 1.0).reshape(count, size)
