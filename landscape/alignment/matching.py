"""Search for the order of units in which weights or activations are most similar to another network's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from landscape.alignment.groups import Group, Order, Place, moved, permuted
from landscape.directions.random import gaussian
from landscape.objective.session import session

Array = NDArray[np.float64]
Arrays = dict[str, np.ndarray]

# Sweeps over all groups; a sweep that changes nothing ends it before.
SWEEPS = 100
# A change of the sum by less is none.
LEAST = 1e-12


@dataclass(frozen=True)
class Match:
    """The orders of all groups, the weights' inner product that they reach, and how many sweeps each start took."""

    orders: tuple[Order, ...]
    score: float
    sweeps: tuple[int, ...]
    best: int


def assigned(turning: Array, plain: Array, odd: bool) -> Order:
    """Give the order of units with the largest sum of gains [n, n]: `plain` ones do not depend on a unit's sign, the others change with it.

    >>> found = assigned(np.array([[0.1, -3.0], [2.0, 1.0]]), np.zeros((2, 2)), odd=True)
    >>> found.places.tolist(), found.signs.tolist()
    ([1, 0], [-1.0, 1.0])
    """
    whole = plain + (np.abs(turning) if odd else turning)
    _, columns = linear_sum_assignment(whole, maximize=True)
    chosen = turning[np.arange(len(turning)), columns]
    return Order(columns.astype(np.int64), np.where((chosen < 0) & odd, -1.0, 1.0))


def match_weights(
    ours: Arrays, theirs: Arrays, groups: Sequence[Group], *, starts: int, seed: int,
    progress: Callable[[int], object] = lambda done: None,
) -> Match:  # fmt: skip
    r"""Find orders π that raise $\sum \langle A, \pi B \rangle$ over all parameters, group by group, from several starts.

    Parameters
    ----------
    ours, theirs
        The parameters of A and B by their keys.
    groups
        The units that may change places.
    starts, seed
        The first start is the order as it is, the second the order in which the sizes of the units' weights, sorted, are most alike, which no order of
        other units changes; the others are random, drawn by the seed.
    progress
        Called with the number of starts that are done.

    References
    ----------
    Ainsworth, Hayase and Srinivasa, Git Re-Basin, ICLR 2023, algorithm 1.
    """
    found: list[tuple[tuple[Order, ...], float, int]] = []
    with session():
        for number, begin in enumerate(beginnings(ours, theirs, groups, starts, seed)):
            found.append(ascend(ours, theirs, groups, begin))
            progress(number + 1)
    best = max(range(len(found)), key=lambda index: (found[index][1], -index))
    return Match(found[best][0], found[best][1], tuple(sweeps for _, _, sweeps in found), best)


def beginnings(
    ours: Arrays, theirs: Arrays, groups: Sequence[Group], starts: int, seed: int
) -> list[tuple[Order, ...]]:
    """Give the orders to start from: as they are, by the sizes of weights, then random ones."""
    found = [tuple(Order.identity(group.size) for group in groups)]
    total = sum(group.size for group in groups)
    if not total or starts < 2:
        return found
    found.append(with_signs(ours, theirs, groups, [by_sizes(ours, theirs, group) for group in groups]))
    if starts == 2:
        return found
    edges = np.cumsum([group.size for group in groups])[:-1]
    for row in gaussian(total, starts - 2, seed):
        parts = np.split(row, edges)
        found.append(tuple(Order(np.argsort(part).astype(np.int64), np.ones(len(part))) for part in parts))
    return found


def by_sizes(ours: Arrays, theirs: Arrays, group: Group) -> Order:
    """Give the order in which the sorted sizes of the units' weights are most alike, which depends neither on other groups' orders nor on signs."""
    total = np.zeros((group.size, group.size))
    for place in group.places:
        if place.key in ours:
            one, other = (
                np.sort(np.abs(rows_of(arrays[place.key], place)), axis=1) for arrays in (ours, theirs)
            )
            total -= np.sum(one**2, axis=1)[:, None] - 2.0 * one @ other.T + np.sum(other**2, axis=1)[None, :]
    return assigned(np.zeros_like(total), total, odd=False)


def with_signs(
    ours: Arrays, theirs: Arrays, groups: Sequence[Group], orders: Sequence[Order]
) -> tuple[Order, ...]:
    """Choose the units' signs, group by group, by the weights between them and groups whose signs are chosen."""
    keys = {place.key for group in groups for place in group.places} & ours.keys()
    holders = {
        key: {k for k, group in enumerate(groups) if any(place.key == key for place in group.places)}
        for key in keys
    }
    there = permuted({key: theirs[key] for key in keys}, reached(groups, keys), orders)
    found, done = list(orders), {k for k, group in enumerate(groups) if not group.odd}
    for k, group in enumerate(groups):
        if k in done:
            continue
        places = [place for place in group.places if place.signed and place.key in keys]
        known = [place for place in places if holders[place.key] - {k} <= done]
        total = np.zeros(group.size)
        for place in known:
            total += np.sum(rows_of(ours[place.key], place) * rows_of(there[place.key], place), axis=1)
        order = Order(np.arange(group.size), np.where(total < 0, -1.0, 1.0))
        for place in places:
            there[place.key] = moved(there[place.key], place, order)
        found[k] = found[k].then(order)
        done.add(k)
    return tuple(found)


def ascend(
    ours: Arrays, theirs: Arrays, groups: Sequence[Group], begin: Sequence[Order]
) -> tuple[tuple[Order, ...], float, int]:
    """Take the best order of one group after another until a sweep changes nothing; orders, score and sweeps."""
    keys = {place.key for group in groups for place in group.places} & ours.keys()
    orders, there = list(begin), permuted({key: theirs[key] for key in keys}, reached(groups, keys), begin)
    near, stale = neighbours(groups, keys), set(range(len(groups)))
    for sweep in range(SWEEPS):
        # From the output back, then from the input on: neither end is favoured.
        numbers = range(len(groups)) if sweep % 2 else reversed(range(len(groups)))
        for number in numbers:
            # The best order of a group changes with those around it alone.
            if number in stale:
                stale.discard(number)
                if improved(ours, there, groups[number], orders, number, keys):
                    stale |= near[number]
        if not stale:
            break
    score = float(sum(np.vdot(ours[key], there[key]) for key in sorted(keys)))
    return tuple(orders), score, sweep + 1


def neighbours(groups: Sequence[Group], keys: Collection[str]) -> list[set[int]]:
    """Give for each group those that belong to another axis of one of its parameters; the group itself if it belongs to both axes."""
    axes: dict[str, list[tuple[int, int]]] = {}
    for number, group in enumerate(groups):
        for place in group.places:
            if place.key in keys:
                axes.setdefault(place.key, []).append((number, place.axis))
    return [
        {other for found in axes.values() for one, axis in found if one == number for other, at in found if at != axis}
        for number in range(len(groups))
    ]  # fmt: skip


def reached(groups: Sequence[Group], keys: set[str]) -> list[Group]:
    """Give each group with its places in the given parameters."""
    return [
        replace(group, places=tuple(place for place in group.places if place.key in keys)) for group in groups
    ]


def improved(
    ours: Arrays, there: Arrays, group: Group, orders: list[Order], number: int, keys: set[str]
) -> bool:
    """Take a better order of one group, in `there` and in its place of `orders`; say whether there was one."""
    places = [place for place in group.places if place.key in keys]
    sums = {signed: np.zeros((group.size, group.size)) for signed in (True, False)}
    for place in places:
        sums[place.signed] += gains(ours, there, place)
    order = assigned(sums[True], sums[False], group.odd)
    if np.array_equal(order.places, np.arange(group.size)) and np.all(order.signs > 0):
        return False
    touched = dict.fromkeys(place.key for place in places)
    after = {key: there[key] for key in touched}
    for place in places:
        after[place.key] = moved(after[place.key], place, order)
    rise = sum(float(np.vdot(ours[key], after[key] - there[key])) for key in touched)
    size = sum(float(np.vdot(ours[key], ours[key])) for key in touched)
    if not rise > LEAST * max(size, 1e-300):
        return False
    there.update(after)
    orders[number] = orders[number].then(order)
    return True


def gains(ours: Arrays, there: Arrays, place: Place) -> Array:
    """Give the inner product of each unit of A with each of B over one parameter, [n, n]."""
    one, other = (rows_of(arrays[place.key], place) for arrays in (ours, there))
    return one @ other.T


def rows_of(array: np.ndarray, place: Place) -> Array:
    """Give the numbers of a parameter that belong to each unit, one row for each unit."""
    whole = np.moveaxis(np.asarray(array, np.float64), place.axis, 0)[place.positions]
    return np.ascontiguousarray(whole.reshape(len(place.positions), -1))
