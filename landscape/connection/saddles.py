"""The saddle at the highest point of a band, whether it is certified, and the lowest passes between several minima."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from landscape.connection.barrier import standard_error
from landscape.connection.ends import Ends
from landscape.critical import analyze_critical
from landscape.critical.polish import CRITICAL
from landscape.records import Critical

Array = NDArray[np.float64]

# A height above the higher end by less than this part of the losses' range is none.
FLAT = 1e-9


def saddle_of(
    ends: Ends, i: int, j: int, theta: Array, constants: Array | None, scale: float, seed: int
) -> tuple[dict[str, Any], Critical]:
    """Judge the point that climbed: the saddle's height, or the reason why it is no certified one."""
    objective = ends.objective(constants)
    record = analyze_critical(objective, theta, scale=scale, seed=seed, surfaces=False)
    verdict = record.verdict
    low, high = index_of(record, scale)
    certified = verdict["kind"] == "saddle" and (low, high) == (1, 1)
    given = None if ends.constants is None else ends.constants[[i, j]]
    losses = ends.values_and_gradients(ends.thetas[[i, j]], given)[0]
    above = float(verdict["loss"]) - float(losses.max())
    error = height_error(ends, i, j, record.theta, constants, higher=int(np.argmax(losses)))
    if error is not None:
        error += float(verdict["newton_decrement"]) * scale
    if certified and above < -FLAT * scale:
        certified, reason = False, "the saddle that was found lies below an end, so it is not the top of the way between them"  # fmt: skip
    elif certified:
        reason = "the gradient vanishes, one eigenvalue is negative beyond its error, and a step along its eigenvector lowers the loss"
    elif verdict["kind"] == "saddle":
        most = "an unknown number" if high is None else high
        reason = f"a saddle of index {low} to {most}: the top of a lowest way has index 1"
    elif above < FLAT * scale:
        reason = "the way is flat: its top is no higher than an end, so there is no pass to certify"
    else:
        reason = f"{verdict['kind']}: {verdict['reason']}"
    told = {
        "height": float(verdict["loss"]),
        "above": above,
        "error": error,
        "index": verdict["index"],
        "certified": certified,
        "reason": reason,
        "gradient_norm": verdict["gradient_norm"],
        "eigenvalue": float(record.eigenvalues[0]),
    }
    return told, record


def index_of(record: Critical, scale: float) -> tuple[int, int | None]:
    r"""Bracket the number of negative eigenvalues at a point.

    Where the Hessian is known by products only, the least eigenvalues are known, none of them missed: the first that is positive beyond its error ends
    the count, if the whole gradient is as small beside the eigenvalues as at a critical point,
    $\tfrac12 \|g\|^2 / \min_k |\lambda_k|$ being at most 1e-12 of the scale.
    """
    low, high = (record.verdict["index_interval"][k] for k in (0, 1))
    values, errors = record.eigenvalues, record.errors
    if high is not None or record.status or not 0 < low < len(values):
        return low, high
    least = float(np.min(np.abs(values[: low + 1]) - errors[: low + 1]))
    settled = values[low] > 0 and least > float(record.verdict["tolerance"])
    small = 0.5 * float(record.verdict["gradient_norm"]) ** 2 <= CRITICAL * scale * least
    return low, low if settled and small else None


def height_error(
    ends: Ends, i: int, j: int, theta: Array, constants: Array | None, *, higher: int
) -> float | None:
    """Give the paired standard error of the height above the higher end; 0 of a function, None if examples are not known."""
    if ends.exact:
        return 0.0
    number = (i, j)[higher]
    there = ends.examples(ends.splits[0], theta, constants)
    here = ends.examples(
        ends.splits[0], ends.thetas[number], None if ends.constants is None else ends.constants[number]
    )
    if there is None or here is None:
        return None
    return standard_error(there.loss - here.loss, there.weight)


def tree_of(count: int, heights: Mapping[tuple[int, int], float]) -> list[tuple[int, int, float]]:
    """Give the minimum spanning tree of M minima by the heights of the passes between pairs, the lowest pass first.

    The lowest way between any two minima runs along the tree, and its height is that of the highest pass on it.

    >>> tree_of(3, {(0, 1): 5.0, (0, 2): 1.0, (1, 2): 2.0})
    [(0, 2, 1.0), (1, 2, 2.0)]
    """
    finite = {pair: height for pair, height in heights.items() if np.isfinite(height)}
    if not finite:
        return []
    least = min(finite.values())
    pairs = sorted(finite)
    # A weight of zero would be no edge.
    weights = [finite[pair] - least + 1.0 for pair in pairs]
    rows, columns = ([pair[place] for pair in pairs] for place in (0, 1))
    tree = minimum_spanning_tree(csr_array((weights, (rows, columns)), shape=(count, count))).tocoo()
    edges = [(int(min(a, b)), int(max(a, b))) for a, b in zip(tree.row, tree.col, strict=True)]
    return sorted(((a, b, finite[(a, b)]) for a, b in edges), key=lambda edge: (edge[2], edge[:2]))


def minimax(count: int, tree: Sequence[tuple[int, int, float]]) -> Array:
    """Give for each two minima the height of the lowest way between them [M, M]; infinite where the tree has none.

    >>> minimax(3, [(0, 2, 1.0), (1, 2, 2.0)]).tolist()
    [[-inf, 2.0, 1.0], [2.0, -inf, 2.0], [1.0, 2.0, -inf]]
    """
    found = np.full((count, count), np.inf)
    np.fill_diagonal(found, -np.inf)
    groups = [{number} for number in range(count)]
    for a, b, height in tree:
        one, other = (next(group for group in groups if number in group) for number in (a, b))
        for x in one:
            for y in other:
                found[x, y] = found[y, x] = height
        groups.remove(other)
        one |= other
    return found
