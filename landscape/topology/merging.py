r"""The merge tree of values on a grid: which minimum a valley belongs to, and at which saddle it joins a deeper one.

A sublevel set is {f ≤ c}. As c rises, a component is born at each minimum; where two meet, the one whose minimum is higher ends, at a saddle
(the elder rule). The difference of the two heights is its persistence: f must be changed by half of it to remove the minimum. Values that are
equal are ordered by their place, so that every minimum is one point.

Maxima are the dual: they are born in {f ≥ c}, with neighbours across corners where minima have neighbours across faces, and everything outside
the window is one component that is there from the beginning. With one kind of neighbours for both, a ridge and a valley could cross.

Source: H. Edelsbrunner and J. Harer, Computational Topology (2010), chapters VI and VII.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.topology.union import unite

Whole = NDArray[np.int64]

CONNECTIVITIES = ("faces", "corners")
# Neighbours of the dual.
DUAL = {"faces": "corners", "corners": "faces"}
NONE = -1


@dataclass(frozen=True)
class MergeTree:
    """All components of the sublevel sets, the oldest first, as indices into the flat array of the values.

    `births` [k] are the minima, `deaths` [k] the saddles (−1 for the deepest of a piece), `heirs` [k] which component each joined
    (−1 likewise), and `label` has the component of every point, −1 where there is no value.
    """

    births: Whole
    deaths: Whole
    heirs: Whole
    label: NDArray[np.int32]

    def pairs(self, values: np.ndarray) -> np.ndarray:
        """Return heights of minimum and saddle [k, 2], the saddle's infinite if there is none."""
        flat = np.asarray(values, np.float64).ravel()
        return np.stack([flat[self.births], np.where(self.deaths < 0, np.inf, flat[self.deaths])], axis=1)


def merge_tree(values: ArrayLike, connectivity: str = "faces") -> MergeTree:
    """Find the minima of values on a grid, and the saddles at which their basins meet.

    Parameters
    ----------
    values
        [n₀, n₁, …]; what is not finite is a wall, which nothing passes.
    connectivity
        `faces`: a point has two neighbours along each axis; `corners`: all of the block around it.

    Returns
    -------
    MergeTree
        In O(n log n).

    Raises
    ------
    InputError
        An unknown connectivity, or no finite value.

    Examples
    --------
    >>> import numpy as np
    >>> f = np.array([[2.0, 1, 6, 8], [5, 9, 4, 7], [4, 7, 3, 9]])
    >>> merge_tree(f).pairs(f).tolist()
    [[1.0, inf], [3.0, 6.0], [4.0, 5.0]]
    """
    grid = np.asarray(values, np.float64)
    order, _ = ascending(grid)
    padded, places = bordered(grid.shape)
    rank, parent, label = nothing_yet(padded)
    births, deaths, heirs = (np.full(order.size, NONE, np.int64) for _ in range(3))
    count = unite(
        places[order], offsets_of(connectivity, padded), rank, parent, label, births, deaths, heirs, 0
    )
    back = inverse(places, padded)
    return MergeTree(
        back[births[:count]], back_or_none(back, deaths[:count]), heirs[:count], label[places].reshape(grid.shape)
    )  # fmt: skip


def maxima_of(values: ArrayLike, connectivity: str = "faces") -> Whole:
    """Find the maxima inside of the window, and the saddles that separate them from higher ones.

    Parameters
    ----------
    values
        [n₀, n₁, …]; what is not finite counts as higher than everything else.
    connectivity
        That of the minima; maxima have the other one.

    Returns
    -------
    numpy.ndarray
        [m, 2], places of saddle and maximum in the flat array, the highest maximum first. What has more to its side than a finite
        maximum, the rim of the window or a wall, is none.

    Examples
    --------
    >>> import numpy as np
    >>> f = np.array([[2.0, 1, 6, 8], [5, 9, 4, 7], [4, 7, 3, 9]])
    >>> f.ravel()[maxima_of(f)].tolist()
    [[7.0, 9.0]]
    """
    grid = np.asarray(values, np.float64)
    order, inside = ascending(grid)
    padded, places = bordered(grid.shape)
    rank, parent, label = nothing_yet(padded)
    # Everything outside is one component, the oldest.
    outside = np.ones(rank.size, bool)
    outside[places] = False
    first = int(np.argmax(outside))
    rank[outside], parent[outside], label[outside] = 0, first, 0
    walls = places[~inside]
    falling = np.concatenate([walls, places[order[::-1]]])
    births, deaths, heirs = (np.full(falling.size + 1, NONE, np.int64) for _ in range(3))
    count = unite(
        falling, offsets_of(DUAL[checked(connectivity)], padded), rank, parent, label, births, deaths, heirs, 1
    )  # fmt: skip
    back = inverse(places, padded)
    births, deaths = births[1:count], deaths[1:count]
    wall = np.zeros(rank.size, bool)
    wall[walls] = True
    found = (deaths >= 0) & ~wall[births]
    return np.stack([back[deaths[found]], back[births[found]]], axis=1)


def checked(connectivity: str) -> str:
    """Return the name of a connectivity.

    Raises
    ------
    InputError
        It is another one.
    """
    if connectivity not in CONNECTIVITIES:
        raise InputError(f"connectivity: expected faces or corners, found '{connectivity}'")
    return connectivity


def ascending(grid: np.ndarray) -> tuple[Whole, NDArray[np.bool_]]:
    """Return the places of the finite values from the lowest on, equal ones by their place, and which values are finite.

    Raises
    ------
    InputError
        None is, or there are too many for the numbers that count them.
    """
    flat = grid.ravel()
    inside = np.isfinite(flat)
    if not inside.any():
        raise InputError("no value is finite: there is no surface to look at")
    if flat.size > 2**30:
        raise InputError(f"expected at most {2**30:,} points, found {flat.size:,}: take every second one")
    order = np.argsort(flat, kind="stable")
    # NaN and +∞ are sorted last, −∞ first.
    return (order if inside.all() else order[inside[order]]), inside


def bordered(shape: tuple[int, ...]) -> tuple[tuple[int, ...], Whole]:
    """Return the shape with a border, so that neighbours have the same offsets everywhere, and the index of each point in it."""
    padded = tuple(count + 2 for count in shape)
    places = np.zeros(shape, np.int64)
    for axis, (count, stride) in enumerate(zip(shape, strides_of(padded), strict=True)):
        places += (np.arange(1, count + 1) * stride).reshape(
            [-1 if i == axis else 1 for i in range(len(shape))]
        )
    return padded, places.ravel()


def strides_of(shape: tuple[int, ...]) -> Whole:
    """Return the steps in a flat array in C order that lead to the next place along each axis."""
    return np.cumprod(np.array([1, *shape[:0:-1]], np.int64))[::-1]


def offsets_of(connectivity: str, padded: tuple[int, ...]) -> Whole:
    """Return the steps in the flat array that lead to the neighbours."""
    strides = strides_of(padded)
    steps = np.array(list(product((-1, 0, 1), repeat=len(padded))))
    length = np.abs(steps).sum(axis=1)
    wanted = length == 1 if checked(connectivity) == "faces" else length > 0
    return steps[wanted] @ strides


def nothing_yet(padded: tuple[int, ...]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return rank, parent and label of a grid before any point has entered."""
    size = int(np.prod(padded))
    rank, parent, label = (np.full(size, NONE, np.int32) for _ in range(3))
    return rank, parent, label


def inverse(places: Whole, padded: tuple[int, ...]) -> Whole:
    """Return the place without the border of each place with it."""
    back = np.full(int(np.prod(padded)), NONE, np.int64)
    back[places] = np.arange(places.size)
    return back


def back_or_none(back: Whole, places: Whole) -> Whole:
    """Return places without the border, −1 for none."""
    return np.where(places < 0, NONE, back[places])
