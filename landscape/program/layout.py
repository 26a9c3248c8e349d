"""Index maps: for every position of a rearranged value, which number of a row is there.

A map is an int64 array, a place of the value to a place of the row, −1 where a constant stands. Maps of maps are one map.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Shape = tuple[int, ...]


class View(NamedTuple):
    """A value stored in a row: the row, the positions of its numbers there (None: in order), and the constant for positions of −1."""

    row: int
    map: Indices | None = None
    fill: float = 0.0

    @property
    def filled(self) -> bool:
        """Whether some positions hold a constant."""
        return self.map is not None and bool((self.map < 0).any())


def is_identity(indices: Indices | None, count: int) -> bool:
    """Say whether a map leaves all of so many numbers where they are.

    >>> is_identity(np.array([0, 1, 2]), 3), is_identity(np.array([0, 1]), 3)
    (True, False)
    """
    return indices is None or (len(indices) == count and bool((indices == np.arange(count)).all()))


def through(inner: Indices | None, outer: Indices) -> Indices:
    """Follow one map by another: the places of `outer`, found by `inner`.

    >>> through(np.array([5, 7]), np.array([1, -1, 0])).tolist()
    [7, -1, 5]
    """
    return outer if inner is None else np.where(outer < 0, -1, inner[np.maximum(outer, 0)])


def last_to_first(shape: Shape) -> Indices:
    """Where each number of an image [C, …] lies among the same with the channels last.

    >>> last_to_first((2, 3)).tolist()
    [0, 2, 4, 1, 3, 5]
    """
    channels, pixels = shape[0], math.prod(shape[1:])
    return np.arange(channels * pixels).reshape(pixels, channels).T.reshape(-1)


def first_to_last(shape: Shape) -> Indices:
    """Where each number of an image with the channels last lies among the same with the channels first.

    >>> first_to_last((2, 3)).tolist()
    [0, 3, 1, 4, 2, 5]
    """
    return np.arange(math.prod(shape)).reshape(shape[0], -1).T.reshape(-1)


def broadcast(shape: Shape, target: Shape) -> Indices:
    """Where each number of a target shape is found in one that is spread to it, aligned at the last axis.

    >>> broadcast((2, 1), (2, 3)).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    places = np.arange(math.prod(shape)).reshape(shape)
    return np.array(np.broadcast_to(places, target)).reshape(-1)


class Strided(NamedTuple):
    """A map of a matrix for each group: where each group starts, and the steps of rows and columns."""

    starts: Indices
    row: int
    column: int


def strided(indices: Indices, rows: int, columns: int) -> Strided | None:
    """Read a map [groups · rows · columns] as matrices of even steps, or give None where it is none.

    >>> strided(np.array([0, 2, 1, 3]), 2, 2)
    Strided(starts=array([0]), row=1, column=2)
    """
    matrices = indices.reshape(-1, rows, columns)
    starts = matrices[:, 0, 0]
    row = int(matrices[0, 1, 0] - starts[0]) if rows > 1 else 0
    column = int(matrices[0, 0, 1] - starts[0]) if columns > 1 else 0
    expected = starts[:, None, None] + row * np.arange(rows)[:, None] + column * np.arange(columns)
    return Strided(starts.copy(), row, column) if bool((matrices == expected).all()) else None
