"""Repeat the last updates of a run, and measure whether successive steps reverse each other."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.recipe import Training
from landscape.model import Model
from landscape.training import Recipe, train_recipes

Array = NDArray[np.float64]

# So many updates are done again; runs of larger networks are not.
UPDATES, LARGEST = 32, 10_000
# From here on a run turns back at most of its steps.
TURNS = -0.5


def turning(path: Array) -> float:
    r"""Return the mean cosine between successive steps of a path [K, P], NaN where it has no two steps that go anywhere.

    Descent on a quadratic along an eigenvector of curvature λ has steps s, (1 − ηλ)s, …, so that it is 1 below ηλ = 1 and −1 above, where
    every step crosses the valley. Steps that are nothing but independent noise have 0.

    >>> turning(np.array([[0.0], [1.0], [1.5]])), turning(np.array([[0.0], [1.0], [0.5], [0.8]])), turning(np.zeros((3, 1)))
    (1.0, -1.0, nan)
    """
    steps = np.diff(np.asarray(path, np.float64), axis=0)
    sizes = np.linalg.norm(steps, axis=1)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        cosines = np.sum(steps[1:] * steps[:-1], axis=1) / (sizes[1:] * sizes[:-1])
    known = cosines[np.isfinite(cosines)]
    return float(known.mean()) if len(known) else math.nan


def replayed(model: Model, training: Training, dtype: str, threads: int | None = None) -> float:
    """Return how the user's last updates turn: from the last checkpoint before the parameters, or from these if there is none."""
    if not training.known or model.size > LARGEST:
        return math.nan
    recipe: Recipe = replace(training.recipe, steps=UPDATES)
    start = before(model)
    alone = model.only("train")
    found = train_recipes(
        alone, [recipe], start[None], looks=range(UPDATES + 1), keep="theta", dtype=dtype, threads=threads
    )  # fmt: skip
    assert found.path is not None
    return turning(np.asarray(found.path[0], np.float64))


def before(model: Model) -> Array:
    """Return the last checkpoint that is finite and not the parameters themselves, or these."""
    points = model.checkpoints
    for point in () if points is None else points[::-1]:
        there = np.asarray(point, np.float64)
        if np.isfinite(there).all() and not np.allclose(there, model.theta):
            return there
    return np.asarray(model.theta, np.float64)
