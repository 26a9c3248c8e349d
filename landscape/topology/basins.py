"""Which basins are more than noise: pairs of minimum and saddle are cancelled by their persistence, and their points go to the basin they joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.records.topology import stands_out
from landscape.topology.merging import MergeTree, merge_tree

# Of the height of the median above the minimum: a shallower basin is one that no figure would show.
SHARE = 0.01
# On a logarithmic scale: the saddle over the minimum.
RATIO = 1.1
# A basin is resolved where its saddle stays within this share of its persistence on half the points.
MOVED = 0.1


@dataclass(frozen=True)
class Basins:
    """A merge tree with its numbers: `pairs` [k, 2] heights, `persistence` [k] and its `error`, and `survivor` [k], the basin that each belongs to.

    A basin is kept where it is its own survivor.
    """

    tree: MergeTree
    pairs: NDArray[np.float64]
    persistence: NDArray[np.float64]
    error: NDArray[np.float64]
    survivor: NDArray[np.int64]

    @property
    def kept(self) -> NDArray[np.int64]:
        """The basins that are more than noise, the oldest first."""
        return np.flatnonzero(self.survivor == np.arange(self.survivor.size))


def default_threshold(values: np.ndarray, scale: str = "linear") -> float:
    """Return the threshold below which a basin is left out: one hundredth of the median's height above the minimum, or a ratio of 1.1.

    >>> default_threshold(np.array([0.0, 1.0, 2.0, np.nan]))
    0.01
    """
    if scale == "log":
        return RATIO
    finite = values[np.isfinite(values)]
    return SHARE * float(np.median(finite) - finite.min())


def cancelled(heirs: np.ndarray, keep: np.ndarray) -> NDArray[np.int64]:
    """Return the basin that each belongs to: itself if it is kept, else that of the older one that it joined.

    >>> cancelled(np.array([-1, 0, 1]), np.array([True, False, False])).tolist()
    [0, 0, 0]
    """
    survivor = np.where(keep, np.arange(heirs.size), heirs)
    # Every step of pointing on halves the way to the end.
    while not np.array_equal(again := survivor[survivor], survivor):
        survivor = again
    return survivor


def find_basins(
    values: np.ndarray,
    connectivity: str,
    threshold: float,
    errors: Callable[[np.ndarray], np.ndarray] = np.zeros_like,
    scale: str = "linear",
) -> Basins:
    """Make the merge tree of values, and cancel the pairs that are below the threshold or within their own error.

    Parameters
    ----------
    values
        [n₀, n₁, …].
    connectivity
        `faces` or `corners`.
    threshold
        Persistence up to which a basin is left out.
    errors
        Called with heights [k]; returns how far values up to each of them may be off. If all values are changed by at most δ, a minimum
        and a saddle move by at most δ each (the stability theorem), so a persistence has twice the error.
    scale
        `log` makes the threshold one of saddle over minimum.

    Examples
    --------
    >>> two = np.array([0.0, 1.0, 0.5, 2.0, 1.99, 3.0])
    >>> find_basins(two, "faces", 0.1).kept.tolist()
    [0, 1]
    """
    tree = merge_tree(values, connectivity)
    pairs = tree.pairs(values)
    persistence = pairs[:, 1] - pairs[:, 0]
    error = 2.0 * errors(pairs[:, 1])
    keep = (tree.deaths < 0) | (stands_out(pairs, threshold, scale) & (persistence > error))
    return Basins(tree, pairs, persistence, error, cancelled(tree.heirs, keep))


def changed_by_the_grid(
    basins: Basins,
    values: np.ndarray,
    connectivity: str,
    threshold: float,
    errors: Callable[[np.ndarray], np.ndarray],
    scale: str = "linear",
) -> NDArray[np.bool_]:
    """Say for each kept basin whether a grid of every second point has it elsewhere or not at all.

    It is the same basin where its lowest point on the coarser grid lies within it; its saddle has moved where the height differs by more
    than a tenth of the persistence.
    """
    kept = basins.kept
    every = tuple(slice(None, None, 2) for _ in values.shape)
    coarse_values = values[every]
    if not np.isfinite(coarse_values).any():
        return np.ones(kept.size, bool)
    coarse = find_basins(coarse_values, connectivity, threshold, errors, scale)
    owner = np.where(basins.tree.label < 0, -1, basins.survivor[basins.tree.label])[every].ravel()
    found = {int(owner[coarse.tree.births[k]]): coarse.pairs[k, 1] for k in coarse.kept[::-1]}
    changed = []
    for k in kept:
        saddle, there = basins.pairs[k, 1], found.get(int(k))
        if there is None:
            changed.append(True)
        elif np.isinf(saddle) or np.isinf(there):
            changed.append(bool(np.isinf(saddle) != np.isinf(there)))
        else:
            changed.append(abs(there - saddle) > MOVED * basins.persistence[k] + basins.error[k])
    return np.array(changed, bool)
