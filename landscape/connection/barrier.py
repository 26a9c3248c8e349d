"""How high a path rises above its ends: three definitions, each with its paired standard error, and what that says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.connection.ends import TOLERATED, Ends

Array = NDArray[np.float64]
# From places t [K] on a path to θ [K, P] and the constants [K, C] there.
Points = Callable[[Array], tuple[Array, Array | None]]

# Half of how far the place of a maximum may be off; a side is closed where it is no longer than that, but for rounding.
ACCURACY, CLOSED, HERE = 5e-4, 1.01, 1e-7
CONNECTED, BARRIER, UNRESOLVED = "connected", "barrier", "not resolved"
# The error of a barrier in standard errors within which it is not told from none.
ERRORS = 2.0
# A fall of accuracy below this is rounding.
ROUNDED = 1e-14


@dataclass(frozen=True)
class Profile:
    """What a path shows: places t [n] that rise from 0 to 1, columns [n] by split, and the ends' own shares of the chord."""

    t: Array
    columns: dict[str, dict[str, Array]]

    def loss(self, split: str) -> Array:
        """Give the loss along the path."""
        return self.columns[split]["loss"]


def evaluate(ends: Ends, points: Points, t: Array) -> Profile:
    """Evaluate every split at places of a path."""
    thetas, constants = points(t)
    return Profile(t, {split: ends.columns(split, thetas, constants) for split in ends.splits})


def merged(one: Profile, other: Profile) -> Profile:
    """Put the points of two profiles in order; a place that stands in both is kept once."""
    t, first = np.unique(np.concatenate([one.t, other.t]), return_index=True)
    columns = {
        split: {
            name: np.concatenate([values, other.columns[split][name]])[first]
            for name, values in one.columns[split].items()
        }
        for split in one.columns
    }
    return Profile(t, columns)


def rises(profile: Profile, split: str) -> dict[str, Array]:
    """Give each definition's height along the path: above the chord, above the ends' mean, above the higher end."""
    loss, t = profile.loss(split), profile.t
    first, last = loss[0], loss[-1]
    return {
        "barrier": loss - ((1.0 - t) * first + t * last),
        "barrier_mean_ends": loss - 0.5 * (first + last),
        "barrier_max_end": loss - max(first, last),
    }


def refined(ends: Ends, points: Points, profile: Profile) -> Profile:
    """Add the places of the highest loss, and of the highest above the chord, between the points of the grid."""
    for split in ends.splits:
        for name in ("barrier", "barrier_max_end"):
            height = np.where(np.isfinite(rises(profile, split)[name]), rises(profile, split)[name], -np.inf)
            top = int(np.argmax(height))
            if top in (0, len(height) - 1) or not np.isfinite(height[top]):
                continue
            place = searched(ends, points, profile, split, name, top)
            profile = merged(profile, evaluate(ends, points, np.array([place])))
    return profile


def searched(ends: Ends, points: Points, profile: Profile, split: str, name: str, top: int) -> float:
    """Find the place of a maximum between the neighbours of the highest point of the grid."""
    first, last = profile.loss(split)[0], profile.loss(split)[-1]

    def height(place: float) -> float:
        loss = float(ends.losses(split, *points(np.array([place])))[0])
        chord = (1.0 - place) * first + place * last if name == "barrier" else max(first, last)
        return float(loss - chord) if np.isfinite(loss) else -np.inf

    around = slice(top - 1, top + 2)
    known = rises(profile, split)[name][around]
    return peak(height, profile.t[around].tolist(), np.where(np.isfinite(known), known, -np.inf).tolist())


def peak(height: Callable[[float], float], places: list[float], heights: list[float]) -> float:
    """Find the place of a maximum to a thousandth, from three places of which the middle one is the highest.

    Each look is at the top of the parabola through the best three, and half a thousandth to the longer side of the best where that is nearer. Where
    looks do not halve what is left in two, the next is in the middle of the longer side. So a smooth path takes three looks, and one with kinks no more than by
    halving. The place that is given is the top of the last parabola.

    >>> round(peak(lambda place: 1.0 - (place - 0.4) ** 2, [0.0, 0.5, 1.0], [0.84, 0.99, 0.64]), 6)
    0.4
    """
    low, best, high = places
    bottom, top, ceiling = heights
    widths = [np.inf, np.inf]
    while max(high - best, best - low) > CLOSED * ACCURACY:
        side = 1.0 if high - best > best - low else -1.0
        step = parabola(best - low, high - best, top - bottom, top - ceiling)
        if abs(step) < ACCURACY:
            step = side * ACCURACY
        elif not low < best + step < high or high - low > 0.5 * widths[-2]:
            step = 0.5 * side * max(high - best, best - low)
        widths.append(high - low)
        place = best + step
        found = height(place)
        if found > top:
            low, bottom, high, ceiling = (best, top, high, ceiling) if step > 0 else (low, bottom, best, top)
            best, top = place, found
        elif step > 0:
            high, ceiling = place, found
        else:
            low, bottom = place, found
    step = parabola(best - low, high - best, top - bottom, top - ceiling)
    # A top that is as good as there is the best place, but for rounding.
    return best + step if HERE < abs(step) < ACCURACY else best


def parabola(left: float, right: float, down: float, fall: float) -> float:
    """Give how far from the middle of three places their parabola is highest, NaN where that is not known.

    >>> parabola(1.0, 1.0, 1.0, 1.0), parabola(1.0, 1.0, 3.0, 1.0)
    (0.0, 0.25)
    """
    bend = left * fall + right * down
    return 0.5 * (right**2 * down - left**2 * fall) / bend if 0.0 < bend < np.inf else np.nan


def measured(ends: Ends, points: Points, profile: Profile, split: str) -> dict[str, Any]:
    """Give the three barriers of a split, and that of the accuracy, each with its value, error and place."""
    found: dict[str, Any] = {}
    cache: dict[float, Any] = {}
    for name, height in rises(profile, split).items():
        finite = np.where(np.isfinite(profile.loss(split)), height, np.inf)
        top = int(np.argmax(finite))
        place, value = float(profile.t[top]), float(finite[top])
        first, last = profile.loss(split)[0], profile.loss(split)[-1]
        shares = {
            "barrier": (1.0 - place, place),
            "barrier_mean_ends": (0.5, 0.5),
            "barrier_max_end": (1.0, 0.0) if first >= last else (0.0, 1.0),
        }[name]
        error = paired_error(ends, points, split, place, shares, "loss", cache) if np.isfinite(value) else None  # fmt: skip
        found[name] = {"value": finite_or_none(value), "error": error, "at": place}
    found["accuracy"] = drop(ends, points, profile, split, cache)
    return found


def drop(
    ends: Ends, points: Points, profile: Profile, split: str, cache: dict[float, Any]
) -> dict[str, Any] | None:
    """Give how far the accuracy falls below the chord of the ends' accuracies."""
    accuracy = profile.columns[split].get("accuracy")
    if accuracy is None or not np.isfinite(accuracy[[0, -1]]).all():
        return None
    t = profile.t
    below = np.where(np.isfinite(accuracy), (1.0 - t) * accuracy[0] + t * accuracy[-1] - accuracy, -np.inf)
    # Equal accuracies differ from their chord by its rounding.
    below[np.abs(below) < ROUNDED] = 0.0
    top = int(np.argmax(below))
    place = float(t[top])
    error = paired_error(ends, points, split, place, (1.0 - place, place), "hit", cache)
    return {"value": float(below[top]), "error": error, "at": place}


def paired_error(
    ends: Ends, points: Points, split: str, place: float, shares: tuple[float, float], what: str, cache: dict[float, Any]
) -> float | None:  # fmt: skip
    r"""Give the standard error of a barrier, from the differences of every example; None if examples are not known.

    With $d_i = \ell_i(\alpha) - a\,\ell_i(A) - b\,\ell_i(B)$ it is the standard error of their mean: the three losses of an example are alike, and
    errors of the three means would be far too large.
    """
    # At an end a barrier is that end's loss less itself; the mean of both is not.
    if ends.exact or (place in (0.0, 1.0) and shares == (1.0 - place, place)):
        return 0.0
    for t in (0.0, place, 1.0):
        if t not in cache:
            thetas, constants = points(np.array([t]))
            cache[t] = ends.examples(split, thetas[0], None if constants is None else constants[0])
    three = [cache[t] for t in (0.0, place, 1.0)]
    if any(one is None or getattr(one, what) is None for one in three):
        return None
    first, there, last = (getattr(one, what) for one in three)
    return standard_error(there - shares[0] * first - shares[1] * last, three[0].weight)


def standard_error(differences: Array, weights: Array) -> float | None:
    """Give the standard error of a weighted mean over examples.

    >>> round(standard_error(np.array([1.0, 2.0, 3.0, 4.0]), np.ones(4)), 6)
    0.645497
    """
    count, total = len(differences), float(weights.sum())
    if count < 2 or total <= 0 or not np.isfinite(differences).all():
        return None
    mean = float(weights @ differences) / total
    spread = float(np.sum((weights * (differences - mean)) ** 2))
    return float(np.sqrt(spread * count / (count - 1)) / total)


def judged(value: float | None, error: float | None, scale: float) -> str:
    """Say whether a barrier is there: above a fiftieth of the range of losses, beyond twice its error.

    >>> judged(0.001, 0.001, 1.0), judged(0.5, 0.01, 1.0), judged(0.03, 0.02, 1.0), judged(None, None, 1.0)
    ('connected', 'barrier', 'not resolved', 'barrier')
    """
    if value is None:
        return BARRIER
    margin, tolerance = ERRORS * (error or 0.0), TOLERATED * scale
    if value + margin < tolerance:
        return CONNECTED
    return BARRIER if value - margin >= tolerance else UNRESOLVED


def finite_or_none(value: float) -> float | None:
    """Give a number, None for what a path of infinite losses has."""
    return value if np.isfinite(value) else None


def told(ends: Ends, points: Points, profile: Profile, scale: float) -> dict[str, Any]:
    """Lay out what a path shows: the barriers of the first split, those of the test data, and the verdict."""
    main, *others = ends.splits
    found = measured(ends, points, profile, main)
    return {
        "connected": judged(found["barrier"]["value"], found["barrier"]["error"], scale),
        **found,
        "test": measured(ends, points, profile, others[0]) if others else None,
    }
