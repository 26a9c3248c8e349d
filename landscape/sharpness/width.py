"""The basin's width along filter-normalized random directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.curvature import Estimate
from landscape.curvature.trace import mean_of
from landscape.directions import make_directions
from landscape.errors import ComputationError
from landscape.sharpness.options import Options
from landscape.sharpness.subject import Subject

Array = NDArray[np.float64]

FIRST, LAST = 2.0**-12, 2.0**8
BISECTIONS = 30


def width(subject: Subject, options: Options, seed: int) -> Estimate:
    r"""Measure the mean of $\alpha_+ + \alpha_-$, the distances along ±d at which the loss has risen.

    The rise is $0.1\,(1 + L(\theta))$, at which Keskar's quotient is 10 %; each row of d is as long as the filter
    it changes (Li et al. 2018), biases do not move, so the unit is the weights' own size.

    Raises
    ------
    ComputationError
        Along some direction the loss never rises so far.
    """
    rows = filter_directions(subject, options.directions, seed)
    both = np.concatenate([rows, -rows])
    distances = crossings(subject, both, subject.loss + options.rise * (1 + subject.loss))
    return mean_of(distances[: len(rows)] + distances[len(rows) :])


def filter_directions(subject: Subject, count: int, seed: int) -> Array:
    """Draw filter-normalized directions [count, P]; not made orthogonal, so that each is like any other."""
    found = make_directions(
        subject.origin, "random", dimensions=count, normalize="filter", orthogonal=False, seed=seed
    )
    return found.vectors


def crossings(subject: Subject, rows: Array, level: float) -> Array:
    """Give the first distance along each row at which the loss is at a level, by doubling and bisection.

    A loss that is not finite is above it.
    """
    low, high = np.zeros(len(rows)), np.full(len(rows), FIRST)
    open_ = np.arange(len(rows))
    while len(open_):
        below = ~reaches(subject, rows[open_] * high[open_, None], level)
        open_ = open_[below]
        low[open_] = high[open_]
        high[open_] *= 2
        if len(open_) and high[open_].max() > LAST:
            raise ComputationError(
                f"the width: the loss does not rise by the requested fraction along {len(open_)} of {len(rows)} "
                f"ways within {LAST:g} times the weights' size; ask for a smaller rise"
            )
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        above = reaches(subject, rows * middle[:, None], level)
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def reaches(subject: Subject, moves: Array, level: float) -> NDArray[np.bool_]:
    """Say where the loss is at least at a level."""
    return np.asarray(~(subject.values(moves) < level))
