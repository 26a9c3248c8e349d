"""The inverses of a program's index maps, by which an adjoint is gathered; on the host.

A map says of each number that a row writes which number of its input that is, and an adjoint would have to be scattered by it. Its inverse lists, for
each number of the input, the places that read it, in their order.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from landscape.program.codes import Op
from landscape.program.table import Column

Indices = NDArray[np.int64]
# The rows' columns after those of a program: where the inverses of both inputs' maps begin among the links, negative where there are no maps.
INVERSE = len(Column)
MAPPED = (Op.GATHER, Op.COMBINE, Op.PRODUCT)
# Where the numbers of a product's plan stand: groups, sizes, the steps of both factors, then where each group starts in either.
PLAN_STEPS, PLAN_STARTS = 4, 8


def with_inverses(rows: Indices, links: Indices) -> tuple[Indices, Indices]:
    """Append the inverses of all index maps to the links, equal ones once, and to the rows where they begin."""
    more = np.full((len(rows), 2), -1, np.int64)
    parts, places, end = [links], dict[tuple[bytes, int], int](), len(links)
    for i, number, indices in maps_of(rows, links):
        source = rows[links[rows[i, Column.FIRST] + number]]
        count = int(source[Column.NUMBERS] or source[Column.SIZE])
        key = (indices.tobytes(), count)
        if key not in places:
            places[key] = end
            parts.append(inverse(indices, count, end))
            end += len(parts[-1])
        more[i, number] = places[key]
    return np.concatenate([rows, more], axis=1), np.concatenate(parts)


def maps_of(rows: Indices, links: Indices) -> Iterator[tuple[int, int, Indices]]:
    """List the index maps: the row, the number of its input, and the places that it reads there."""
    for i, row in enumerate(rows):
        if row[Column.OP] == Op.MATMUL:
            yield from ((i, number, factor_places(links[row[Column.MAP] :], number)) for number in range(2))
        elif row[Column.OP] in MAPPED:
            count = int(row[Column.NUMBERS] or row[Column.SIZE])
            for number in range(row[Column.INPUTS]):
                start = row[Column.MAP + number]
                if start >= 0:
                    yield i, number, links[start : start + count]


def factor_places(plan: Indices, number: int) -> Indices:
    """List the places of a factor's matrices, [groups · rows · columns], by the plan of their product.

    Examples
    --------
    >>> plan = np.array([2, 2, 1, 3, 3, 1, 1, 0, 0, 6, 0, 3])
    >>> factor_places(plan, 1).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    groups, m, n, k = (int(size) for size in plan[:PLAN_STEPS])
    rows, columns = ((m, k), (k, n))[number]
    row, column = plan[PLAN_STEPS + 2 * number : PLAN_STEPS + 2 * number + 2]
    starts = plan[PLAN_STARTS + number * groups : PLAN_STARTS + (number + 1) * groups]
    places = starts[:, None, None] + row * np.arange(rows)[:, None] + column * np.arange(columns)
    return np.asarray(places.reshape(-1), np.int64)


def inverse(indices: Indices, count: int, begin: int) -> Indices:
    """List, for each of so many numbers, where the list of its readers begins, and one where the last ends; then the readers.

    The inverse lies among the links from `begin` on. Places of −1 read nothing.

    Examples
    --------
    >>> inverse(np.array([2, 0, -1, 2]), 3, 100).tolist()
    [105, 106, 106, 108, 2, 1, 0, 3]
    """
    order = np.argsort(indices, kind="stable")
    starts = np.searchsorted(indices[order], np.arange(count + 1))
    return np.concatenate([begin + count + 1 + starts, order]).astype(np.int64)
