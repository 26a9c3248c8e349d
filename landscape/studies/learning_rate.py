"""`study learning-rate`: the loss after a budget against the rate, where it diverges, and a rate with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.curvature import eigenpairs, hessian_operator
from landscape.model import Model
from landscape.objective import NetworkObjective, as_one_batch
from landscape.objective.devices import recorded_device, settle_device
from landscape.records import Pieces, Study
from landscape.studies.common import (
    Announce,
    Experiment,
    Found,
    finals,
    over_seeds,
    positive_list,
    silent,
    told,
    within,
)

Array = NDArray[np.float64]

RATES = tuple(float(f"{rate:.3g}") for rate in 10.0 ** np.arange(-4.0, 1.01, 0.5))
OPTIMIZERS = ("sgd", "adam")
# The last steps of a run are looked at one by one.
TAIL = 24
# A loss that fell by more than this part over the last half of the run has not settled.
FALLING = 0.05
# Mean cosine between successive steps below which a run swings between walls, and within which it is noise.
SWING = 0.3
CLASSES = ("diverged", "falling", "oscillation", "noise", "plateau")


def study_learning_rate(
    model: Model,
    *,
    optimizers: Sequence[str] = OPTIMIZERS,
    rates: Sequence[float] = RATES,
    steps: int = 500,
    batch_size: int = 32,
    init: str | None = None,
    seeds: int = 5,
    seed: int = 0,
    dtype: str = "float32",
    threads: int | None = None,
    device: str = "cpu",
    output: str | Path | None = None,
    fresh: bool = False,
    announce: Announce = silent,
) -> Study:
    """Train with every rate, optimizer and seed for the same number of updates.

    The rate proposed for an optimizer is the median over the seeds of the rate with the lowest final training
    loss; its interval is the least and the largest of those. The limit 2/λ_max is that of full-batch descent
    at the start: larger rates may still train, where the landscape gets flatter along the way.

    Parameters
    ----------
    model
        The network, its data and, unless `init` is given, the start.
    optimizers, rates
        What is tried.
    steps, batch_size, dtype, threads, device
        As `train` takes them.
    seeds, seed, init
        How many runs of each, the first one's seed, and an initialization drawn by it.
    output, fresh, announce
        As in `race`.

    Raises
    ------
    InputError
        A rate that is not positive, an unknown optimizer.
    """
    tried = positive_list("rates", rates)
    batch_size = within(model, batch_size, announce)
    drawn = float(len(optimizers) * len(tried) * seeds) * steps * batch_size
    device = settle_device(device, model, evaluations=3.0 * drawn / model.examples("train"), training=True)
    settings: dict[str, Any] = {
        "study": "learning-rate", "optimizers": list(optimizers), "rates": tried, "steps": steps, "batch_size": batch_size, "init": init,
        "seeds": seeds, "seed": seed, "dtype": dtype, "device": recorded_device(device),
    }  # fmt: skip

    experiment = Experiment(
        model=model, settings=settings, threads=threads, device=device, output=output, fresh=fresh
    )

    def work(pieces: Pieces) -> Found:
        start = experiment.start()
        announce(f"training {len(optimizers) * len(tried) * seeds} runs of {steps} steps")
        shape = (len(optimizers), len(tried), seeds)
        grid: dict[str, Any] = {
            "optimizer": list(optimizers),
            "learning_rate": tried,
            "batch_size": batch_size,
        }
        found = experiment.train(pieces.piece("runs"), start, steps=steps, looks=3, **grid)
        last = finals(found.losses["train_loss"], shape)
        announce(f"looking at {TAIL} more steps of each, one by one")
        tail = experiment.train(
            pieces.piece("tail"), start, starts=found.theta, steps=TAIL, looks=TAIL + 1, keep="theta", **grid
        )
        limit = 2.0 / float(pieces.once("sharpness", lambda: sharpness(as_one_batch(start), device))["value"])
        half = found.losses["train_loss"][:, 1].reshape(shape)
        swing = mean_cosine(tail.path).reshape(shape)
        kinds = classes(last, half, swing)
        series = {
            "rates": tried, "train_loss": last, "half_loss": half, "swing": swing, "class": kinds,
            "diverged": found.diverged.reshape(shape),
            "gradient_norm": found.losses["gradient_norm"][:, -1].reshape(shape),
        }  # fmt: skip
        numbers, words = proposals(optimizers, np.array(tried), last)
        words += limits(optimizers, np.array(tried), last, limit)
        words += behaviour(optimizers, tried, kinds, numbers)
        return series, numbers | {"limit": limit}, words

    return experiment.study(work)


def sharpness(model: Model, device: str) -> dict[str, Array]:
    """Give λ_max as a piece of work."""
    return {"value": np.array(largest_eigenvalue(model, device))}


def largest_eigenvalue(model: Model, device: str = "cpu") -> float:
    """Find λ_max of the training loss's Hessian."""
    objective = NetworkObjective(model, "train", device=device)
    return float(eigenpairs(hessian_operator(objective, model.theta), top=1, tolerance=1e-4).values[-1])


def mean_cosine(path: NDArray[Any] | None) -> Array:
    """Give the mean cosine between successive steps of each path [R, K, P]; NaN where one diverged.

    Examples
    --------
    >>> swing = np.array([[[0.0], [1.0], [0.0], [1.0]], [[0.0], [1.0], [2.0], [3.0]]])
    >>> mean_cosine(swing).tolist()
    [-1.0, 1.0]
    """
    assert path is not None
    moves = np.diff(np.asarray(path, np.float64), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = moves / np.linalg.norm(moves, axis=2, keepdims=True)
        return np.asarray(np.mean(np.sum(unit[:, 1:] * unit[:, :-1], axis=2), axis=1))


def classes(last: Array, half: Array, swing: Array) -> NDArray[np.int64]:
    """Tell each run's end: the indices of `CLASSES`.

    Examples
    --------
    >>> classes(np.array([np.inf, 1.0, 2.0, 2.0, 2.0]), np.array([1.0, 2.0, 2.0, 2.0, 2.0]),
    ...         np.array([np.nan, 0.0, -0.9, 0.1, 0.9])).tolist()
    [0, 1, 2, 3, 4]
    """
    with np.errstate(invalid="ignore"):
        falling = last < (1.0 - FALLING) * half
        kinds = np.where(swing < -SWING, 2, np.where(swing > SWING, 4, 3))
    kinds = np.where(falling, 1, kinds)
    return np.where(np.isfinite(last), kinds, 0).astype(np.int64)


def proposals(optimizers: Sequence[str], rates: Array, last: Array) -> tuple[dict[str, float], list[str]]:
    """Propose a rate for each optimizer, with the interval over seeds."""
    numbers: dict[str, float] = {}
    words = []
    for name, table in zip(optimizers, last, strict=True):
        usable = np.isfinite(table).any(axis=0)
        if not usable.any():
            words.append(f"{name}: no rate was without divergence")
            continue
        best = np.sort(rates[np.argmin(table[:, usable], axis=0)])
        middle = float(best[(best.size - 1) // 2])
        numbers |= {f"{name}.rate": middle, f"{name}.rate_low": best[0], f"{name}.rate_high": best[-1]}
        loss = float(np.median(table[list(rates).index(middle)]))
        words.append(
            f"{name}: η = {middle:g} (the best lies from {best[0]:g} to {best[-1]:g} {over_seeds(best.size)}), "
            f"with a median final training loss of {told(loss)}"
            + ("; it is the end of the range tried" if middle in (rates[0], rates[-1]) else "")
        )
    return numbers, words


def limits(optimizers: Sequence[str], rates: Array, last: Array, limit: float) -> list[str]:
    """Say from which rate on runs diverge, and how that compares with 2/λ_max at the start."""
    words = [f"full-batch descent is stable at the start up to 2/λ_max = {limit:.3g}"]
    for name, table in zip(optimizers, last, strict=True):
        gone = ~np.isfinite(table)
        if not gone.any():
            words.append(f"{name}: no run diverged up to η = {rates[-1]:g}")
            continue
        first = int(np.argmax(gone.any(axis=1)))
        words.append(
            f"{name}: runs diverge from η = {rates[first]:g} on ({np.count_nonzero(gone[first])} of {gone.shape[1]} there)"
        )
    return words


def behaviour(
    optimizers: Sequence[str], rates: Sequence[float], kinds: NDArray[np.int64], numbers: dict[str, float]
) -> list[str]:
    """Say how the runs of each rate end, by the majority of the seeds; a plateau below the best rate is slowness."""
    words = []
    for name, table in zip(optimizers, kinds, strict=True):
        told_of: dict[str, list[str]] = {}
        for rate, row in zip(rates, table, strict=True):
            kind = CLASSES[int(np.bincount(row, minlength=len(CLASSES)).argmax())]
            slow = kind == "plateau" and rate < numbers.get(f"{name}.rate", 0.0)
            kind = "too slow" if slow else kind
            told_of.setdefault(kind, []).append(f"{rate:g}")
        words.append(
            f"{name} at the end: " + "; ".join(f"{kind} at {', '.join(at)}" for kind, at in told_of.items())
        )
    return words
