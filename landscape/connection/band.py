"""A nudged elastic band: a chain of points between two minima that slides down to the lowest pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.connection.curves import lengths
from landscape.errors import ComputationError, InputError
from landscape.memory import fits_memory, size_words

Array = NDArray[np.float64]
# Values [K] and gradients [K, P] at inner points θ [K, P], whose places on the way from 0 to 1 are t [K].
Evaluate = Callable[[Array, Array], tuple[Array, Array]]
Values = Callable[[Array, Array], Array]

# Steps of each cycle; after each points are added at most so many times, where a piece rises above its chord by this part of the range.
CYCLES = (40, 40, 60, 80, 120)
INSERTED, EXCESS = 2, 0.1
# Points of a piece that are looked at.
LOOKED = 9
# A band has collapsed where neighbours that should be as far apart as all others are this part of that, since it folded back between them.
SHORTEST = 1e-3
# Halvings of the step before a cycle ends, and how much it grows after each step that was taken.
HALVINGS, GROWTH = 30, 1.3
# What part of the last step is taken again, and how much such steps grow. That is done while each step lowers the highest point by this part of what it
# is above the higher end: over a pass, momentum would carry the other points about.
MOMENTUM, SLOW_GROWTH, FALLING = 0.9, 1.05, 1e-3
# A step that changes the height by less than this part of it is the last.
STILL = 1e-10


@dataclass(frozen=True)
class Band:
    """Points [N, P] from one minimum to the other, the losses of each [N], and how many gradients they took."""

    points: Array
    values: Array
    gradients: int

    @property
    def top(self) -> int:
        """The number of the highest point."""
        return int(np.argmax(self.values))

    @property
    def places(self) -> Array:
        """How far along the band each point is, from 0 to 1."""
        return places_of(self.points)


def places_of(points: Array) -> Array:
    """Give the share of the length of a chain at which each of its points [N, P] stands."""
    reached = np.concatenate([[0.0], np.cumsum(lengths(points))])
    return np.asarray(reached / reached[-1] if reached[-1] > 0 else np.linspace(0.0, 1.0, len(points)))


def tangents(points: Array, values: Array) -> Array:
    r"""Give the unit tangents at the inner points [N − 2, P] by the rule of Henkelman and Jónsson.

    Toward the higher neighbour; at an extremum the sum of both pieces, the one toward the higher neighbour weighted by the larger difference.

    >>> tangents(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 3.0])).tolist()
    [[0.0, 1.0]]

    References
    ----------
    Henkelman and Jónsson, Journal of Chemical Physics 113 (2000) 9978.
    """
    pieces = np.diff(points, axis=0)
    rise = np.diff(values)
    found = np.empty((len(points) - 2, points.shape[1]))
    for k in range(len(found)):
        before, after = pieces[k], pieces[k + 1]
        down, up = rise[k], rise[k + 1]
        if down > 0 and up > 0:
            found[k] = after
        elif down < 0 and up < 0:
            found[k] = before
        else:
            large, small = max(abs(down), abs(up)), min(abs(down), abs(up))
            higher_after = values[k + 2] > values[k]
            weights = (small, large) if higher_after else (large, small)
            # Equal heights on either side have no higher one.
            weights = weights if large > 0 and values[k + 2] != values[k] else (1.0, 1.0)
            found[k] = weights[0] * before + weights[1] * after
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    return np.divide(found, norms, out=np.zeros_like(found), where=norms > 0)


def at_places(points: Array, t: Array) -> Array:
    """Give the points of a chain [N, P] at shares t [K] of its length, [K, P]."""
    places = places_of(points)
    left = np.clip(np.searchsorted(places, t, side="right") - 1, 0, len(points) - 2)
    width = places[left + 1] - places[left]
    share = np.divide(t - places[left], width, out=np.zeros_like(t), where=width > 0)
    rows = points[left] + share[:, None] * (points[left + 1] - points[left])
    rows[t == 0.0], rows[t == 1.0] = points[0], points[-1]
    return np.asarray(rows)


def spaced(points: Array) -> Array:
    """Put the points of a chain [N, P] at equal distances along it, its ends where they are.

    >>> spaced(np.array([[0.0], [0.1], [1.0]])).tolist()
    [[0.0], [0.5], [1.0]]
    """
    return at_places(points, np.linspace(0.0, 1.0, len(points)))


class Relaxing:
    """A band in progress: its points, values and gradients, the step that goes next, the last change, and how many gradients were taken."""

    def __init__(self, evaluate: Evaluate, points: Array, ends: Array, *, placed: bool = False) -> None:
        self.evaluate, self.ends = evaluate, ends
        self.step, self.taken = 0.0, 0
        self.change: Array | None = None
        self.points, self.values, self.slopes = self.at(points if placed else spaced(points))

    def at(self, points: Array) -> tuple[Array, Array, Array]:
        """Evaluate inner points."""
        values, slopes = self.evaluate(points[1:-1], places_of(points)[1:-1])
        self.taken += len(points) - 2
        if not np.isfinite(values).all():
            values = np.where(np.isfinite(values), values, np.inf)
        return points, np.concatenate([self.ends[:1], values, self.ends[1:]]), slopes

    def forces(self) -> Array:
        """Give the gradients less their parts along the band, [N − 2, P]."""
        along = tangents(self.points, self.values)
        return self.slopes - np.sum(self.slopes * along, axis=1, keepdims=True) * along

    def slide(self) -> bool:
        """Take one step that lowers the band, with halvings where it would not; say whether there was one that changes something."""
        if not np.isfinite(self.values).all():
            return False
        forces = self.forces()
        norm = float(np.sqrt(np.mean(np.sum(forces**2, axis=1))))
        if not np.isfinite(norm) or norm == 0.0:
            return False
        if self.step == 0.0:
            self.step = 0.1 * float(np.mean(lengths(self.points))) / norm
        before, top = height(self.values), float(np.max(self.values[1:-1]))
        again = None if self.change is None else MOMENTUM * self.change
        for _ in range(HALVINGS):
            change = -self.step * forces if again is None else again - self.step * forces
            moved = np.array(self.points)
            moved[1:-1] += change
            found = self.at(spaced(moved))
            after = height(found[1])
            if after < before:
                self.points, self.values, self.slopes = found
                self.step *= GROWTH if again is None else SLOW_GROWTH
                falls = top - float(np.max(found[1][1:-1])) > FALLING * (top - max(self.ends))
                self.change = change if falls else None
                return before - after > STILL * max(abs(before), 1e-300)
            # Momentum is let go first: without it a short step goes down.
            if again is None:
                self.step *= 0.5
            again = None
        return False

    def is_low(self, values: Values) -> bool:
        """Say whether no point and no middle between two lies above the higher end: there is no pass then."""
        top = max(self.ends)
        if not np.all(self.values <= top):
            return False
        places = places_of(self.points)
        middles = 0.5 * (self.points[1:] + self.points[:-1])
        return bool(np.all(values(middles, 0.5 * (places[1:] + places[:-1])) <= top))


def height(values: Array) -> float:
    """Measure a band by its highest point and, less, by the mean of all."""
    inner = values[1:-1]
    return float(np.max(inner) + np.mean(inner))


def relax(
    evaluate: Evaluate, values: Values, points: Array, ends: Array, *, cycles: tuple[int, ...] = CYCLES,
    most: int = 200, insert: bool = True, done: int = 0, before: int = 0,
    keep: Callable[[Array, int, int], object] = lambda points, done, taken: None,
    progress: Callable[[int, int], object] = lambda done, whole: None,
) -> Band:  # fmt: skip
    r"""Let a chain of points slide down, across its own direction, and add points where it cuts a corner.

    Each step follows $-(\nabla L - (\nabla L \cdot \tau)\tau)$ and, while the highest point comes down, repeats nine tenths of the step before, where
    that lowers the band. It puts the points at equal distances again (springs of infinite strength). A cycle ends early where neither a point nor the
    middle of a piece lies above the higher end. After each cycle nine points of each piece are looked at; up to two pieces whose loss rises above
    their chord by a tenth of the band's range get a new point.

    Parameters
    ----------
    evaluate, values
        Values and gradients, and values alone, at points [K, P] with their places [K] on the way.
    points
        The chain [N, P] at the start, N from 3, its ends the minima.
    ends
        The losses of the two ends, [2].
    cycles
        The most steps of each cycle.
    most
        How many points there may be.
    insert
        Whether points may be added.
    done, before
        The cycles and gradients that an earlier call did, which `points` are from.
    keep
        Called after each cycle with the chain that the next one begins with, the cycles that are done, and the gradients that were taken.
    progress
        Called with the cycles that are done and their number.

    Raises
    ------
    InputError
        Fewer than three points, or more than memory holds.
    ComputationError
        The band collapsed, or its losses are not finite.

    Examples
    --------
    >>> def ring(theta, t):
    ...     r = np.sum(theta**2, axis=1, keepdims=True)
    ...     return (r[:, 0] - 1) ** 2, 4 * (r - 1) * theta
    >>> start = np.array([[-1.0, 0.0], [-0.5, 0.1], [0.0, 0.1], [0.5, 0.1], [1.0, 0.0]])
    >>> found = relax(ring, lambda theta, t: ring(theta, t)[0], start, np.zeros(2), insert=False)
    >>> bool(found.values.max() < 1e-9)
    True

    References
    ----------
    Draxler et al., Essentially No Barriers in Neural Network Energy Landscape, ICML 2018.
    """
    if len(points) < 3:
        raise InputError(f"a band needs at least 3 points, found {len(points)}")
    require_memory(len(points), points.shape[1])
    taken = before
    # Of a band that is done every bit stays.
    work = Relaxing(evaluate, points, ends, placed=done >= len(cycles))
    for number in range(done, len(cycles)):
        low = False
        for _ in range(cycles[number]):
            low = work.is_low(values)
            if low or not work.slide():
                break
        require_whole(work)
        taken += work.taken
        grows = insert and number < len(cycles) - 1 and len(work.points) < most
        grown = inserted(values, work.points, work.values) if grows else work.points
        require_memory(len(grown), points.shape[1])
        # Where the band is low everywhere there is nothing left to do.
        last = number == len(cycles) - 1 or (low and len(grown) == len(work.points))
        reached = len(cycles) if last else number + 1
        keep(grown, reached, taken)
        progress(reached, len(cycles))
        if last:
            break
        # Each cycle begins anew, so that one that is taken up goes on with the same bits.
        work = Relaxing(evaluate, grown, ends)
    return Band(work.points, work.values, taken)


def require_memory(count: int, size: int) -> None:
    """Refuse a band that memory does not hold.

    Raises
    ------
    InputError
        Points, gradients, tangents and a trial are more than there is.
    """
    needed = 6 * count * size * 8
    if not fits_memory(needed):
        raise InputError(
            f"a band of {count} points of {size:,} parameters takes {size_words(needed)}, more than memory holds: use fewer --pivots"
        )


def require_whole(work: Relaxing) -> None:
    """Refuse a band that is none any more.

    Raises
    ------
    ComputationError
        Its losses are not finite, or its points fell together.
    """
    if not np.isfinite(work.values).all() or not np.isfinite(work.points).all():
        raise ComputationError("the band's losses are not finite: there is no path over which it could slide")
    pieces = lengths(work.points)
    if float(pieces.min()) <= SHORTEST * float(pieces.mean()):
        number = int(np.argmin(pieces))
        raise ComputationError(
            f"the band collapsed: it folded back, and its points {number} and {number + 1} of {len(work.points)} fell together; try more --pivots"
        )


def inserted(values: Values, points: Array, heights: Array) -> Array:
    """Add points where a piece rises most above its chord, in two pieces at most."""
    share = np.linspace(0.0, 1.0, LOOKED + 2)[1:-1]
    places = places_of(points)
    inside = points[:-1, None] + share[None, :, None] * np.diff(points, axis=0)[:, None]
    t = places[:-1, None] + share * np.diff(places)[:, None]
    found = values(inside.reshape(-1, points.shape[1]), t.reshape(-1)).reshape(len(points) - 1, LOOKED)
    chord = heights[:-1, None] + share * np.diff(heights)[:, None]
    excess = np.where(np.isfinite(found), found - chord, np.inf)
    span = float(np.ptp(np.concatenate([heights, found[np.isfinite(found)]]))) or 1.0
    worst = np.argsort(-excess.max(axis=1), kind="stable")[:INSERTED]
    chosen = sorted(int(piece) for piece in worst if excess[piece].max() > EXCESS * span)
    rows = points
    for piece in reversed(chosen):
        rows = np.insert(rows, piece + 1, inside[piece, int(np.argmax(excess[piece]))], axis=0)
    return rows
