"""Curves between two points: a Bézier curve, and a chain of straight pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from landscape.connection.ends import between

Array = NDArray[np.float64]


@cache
def binomials(order: int) -> Array:
    """Give the binomial coefficients of an order, [order + 1].

    >>> binomials(3).tolist()
    [1.0, 3.0, 3.0, 1.0]
    """
    return np.array([comb(order, j) for j in range(order + 1)], np.float64)


@dataclass(frozen=True)
class Bezier:
    r"""The Bézier curve $\varphi(t) = \sum_j \binom{k}{j} t^j (1-t)^{k-j} w_j$ through its ends, with k − 1 bends that pull it.

    Examples
    --------
    >>> Bezier(1).weights(np.array([0.0, 0.5, 1.0])).tolist()
    [[1.0, 0.0, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]]
    """

    bends: int

    @property
    def pieces(self) -> int:
        """How many parts have nodes of their own, where its mean is taken."""
        return self.bends

    def weights(self, t: Array) -> Array:
        """Give the coefficient of each of the k + 1 points at places t [K], [K, bends + 2]."""
        order = self.bends + 1
        j = np.arange(order + 1)
        return np.asarray(binomials(order) * t[:, None] ** j * (1.0 - t)[:, None] ** (order - j))


@dataclass(frozen=True)
class Polychain:
    """Straight pieces from end to end through the bends, each as long in t as the others.

    Examples
    --------
    >>> Polychain(1).weights(np.array([0.25, 0.5])).tolist()
    [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]
    """

    bends: int

    @property
    def pieces(self) -> int:
        """How many straight pieces there are."""
        return self.bends + 1

    def weights(self, t: Array) -> Array:
        """Give the coefficient of each point at places t [K], [K, bends + 2]."""
        place = np.asarray(t, np.float64)[:, None] * self.pieces
        return np.maximum(0.0, 1.0 - np.abs(place - np.arange(self.bends + 2)))


Curve = Bezier | Polychain
CURVES: dict[str, Callable[[int], Curve]] = {"bezier": Bezier, "polychain": Polychain}


def along(curve: Curve, points: Array, t: Array) -> Array:
    """Give the curve through points [k, P] at places t [K], [K, P]; at 0 and 1 its ends to the last bit."""
    rows = np.asarray(curve.weights(t) @ points)
    rows[t == 0.0], rows[t == 1.0] = points[0], points[-1]
    return rows


def nodes_of(curve: Curve, count: int) -> tuple[Array, Array]:
    """Give Gauss–Legendre nodes and weights for means over t from 0 to 1, `count` in each piece.

    >>> t, weights = nodes_of(Polychain(1), 2)
    >>> round(float(weights @ t**3), 12)
    0.25
    """
    nodes, weights = np.polynomial.legendre.leggauss(count)
    starts = np.arange(curve.pieces)[:, None] / curve.pieces
    t = starts + 0.5 * (nodes + 1.0) / curve.pieces
    return t.reshape(-1), np.tile(0.5 * weights / curve.pieces, curve.pieces)


def lengths(rows: Array) -> Array:
    """Give the lengths between neighbouring rows [n − 1]."""
    return np.asarray(np.linalg.norm(np.diff(rows, axis=0), axis=1))


def lengths_between(curve: Curve, points: Array, t: Array) -> Array:
    """Give the lengths between places t [n] of a curve, [n − 1], by the inner products of its points: no place [P] is made.

    >>> lengths_between(Polychain(1), np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]]), np.array([0.0, 0.25, 0.5, 1.0])).tolist()
    [2.5, 2.5, 4.0]
    """
    # The coefficients of a step sum to zero, so that the first point may be the origin.
    steps = np.diff(curve.weights(t), axis=0)[:, 1:]
    offsets = points[1:] - points[0]
    return np.asarray(np.sqrt(np.maximum(np.sum(steps @ (offsets @ offsets.T) * steps, axis=1), 0.0)))


def started(one: Array, other: Array, bends: int, kick: Array) -> Array:
    """Give points [bends + 2, P] on the line, the bends moved aside by kicks [bends, P]."""
    rows = between(one, other, np.linspace(0.0, 1.0, bends + 2))
    rows[1:-1] += kick
    return rows
