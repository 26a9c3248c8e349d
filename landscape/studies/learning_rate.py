"""`study learning-rate`: the loss after a budget against the rate, where it diverges, and a rate with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.formulas.optimizers import OPTIMIZERS as OPTIMIZER_TABLE
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective.devices import recorded_device, settle_device
from landscape.optimizer_names import optimizer_name
from landscape.progress import Announce, Parts, Progress, among, counted, nobody, silent
from landscape.records import Pieces, Study
from landscape.studies.common import (
    Experiment,
    Found,
    begun,
    different_names,
    over_seeds,
    positive_list,
    require_known,
    told,
    within,
)
from landscape.studies.limits import ADAPTIVE, limit_factor, starting_limits
from landscape.workers import Executor, Workers, as_workers

Array = NDArray[np.float64]

RATES = tuple(float(f"{rate:.3g}") for rate in 10.0 ** np.arange(-4.0, 1.01, 0.5))
OPTIMIZERS = ("sgd", "adam")
# The last steps of a run are looked at one by one.
TAIL = 24
# About how many passes over the data the limits at the start take for each optimizer.
LIMITS = 130.0
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
    device: str = "auto",
    output: str | Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Study:
    """Train with every rate, optimizer and seed for the same number of updates.

    The rate proposed for an optimizer is the median over the seeds of the rate with the lowest final training
    loss; its interval is the least and the largest of those. Limits are those of full-batch descent at the start, 2/λ_max or
    the like with momentum; for `rmsprop` and the family of `adam`, 2 or 38 over λ_max of the Hessian that is preconditioned by
    the mean square of the batches' gradients there. Larger rates may still train, where the landscape gets flatter along the way.

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
    output, fresh, executor, progress, announce
        As in `race`.

    Raises
    ------
    InputError
        A rate that is not positive, an unknown optimizer, or one twice.
    """
    require_model(model, "study_learning_rate")
    tried = positive_list("rates", rates)
    optimizers = different_names("optimizers", [optimizer_name(name) for name in optimizers])
    require_known(optimizers=optimizers, init=init, device=device, output=output)
    batch_size = within(model, batch_size, announce)
    device = settle_device(device, model, training=True)
    settings: dict[str, Any] = {
        "study": "learning-rate", "optimizers": list(optimizers), "rates": tried, "steps": steps, "batch_size": batch_size, "init": init,
        "seeds": seeds, "seed": seed, "dtype": dtype, "device": recorded_device(device),
    }  # fmt: skip

    experiment = Experiment(
        model=model, settings=settings, threads=threads, device=device, output=output, fresh=fresh, executor=as_workers(executor),
        progress=progress, announce=announce,
    )  # fmt: skip
    experiment.require(optimizer=list(optimizers), learning_rate=tried, steps=steps, batch_size=batch_size)

    def work(pieces: Pieces) -> Found:
        start, runs = experiment.start(), len(optimizers) * len(tried) * seeds
        announce(f"training {runs} runs of {steps} steps")
        drawn = float(runs * steps * batch_size)
        parts = Parts(
            pieces.progress, {"runs": drawn, "limits": LIMITS * len(optimizers) * model.examples("train")}
        )
        shape = (len(optimizers), len(tried), seeds)
        grid: dict[str, Any] = {
            "optimizer": list(optimizers),
            "learning_rate": tried,
            "batch_size": batch_size,
        }
        share = begun(pieces, parts)
        pieces.progress(share, counted(share * runs, runs, "runs"))
        # Half of the budget, all of it, and the steps behind it one by one, with the optimizer's memory as it is.
        looks = [0, steps // 2, *range(steps, steps + TAIL + 1)]
        found = experiment.train(
            pieces.piece("runs"), start, steps=steps + TAIL, looks=looks, keep="theta",
            progress=among(parts["runs"], 0, runs, runs, "runs"), **grid,
        )  # fmt: skip
        _, half, whole = np.moveaxis(found.losses["train_loss"][:, :3].reshape(*shape, 3), -1, 0)
        last = np.where(np.isfinite(whole), whole, np.inf)
        swing = mean_cosine(found.path).reshape(shape)
        kinds = classes(last, half, swing)
        gone = np.where(found.diverged <= steps, found.diverged, -1)
        series = {
            "rates": tried, "train_loss": last, "half_loss": half, "swing": swing, "class": kinds,
            "diverged": gone.reshape(shape), "gradient_norm": found.losses["gradient_norm"][:, 2].reshape(shape),
        }  # fmt: skip
        announce("measuring the curvature at the start")
        parts["limits"](0.0, "the curvature at the start")
        bounds = starting_limits(pieces, start, list(optimizers), batch_size, seed, threads, device)
        numbers, words = proposals(optimizers, np.array(tried), last)
        words += limits(optimizers, np.array(tried), last, bounds)
        words += behaviour(optimizers, tried, kinds, numbers)
        return series, numbers | bounds, words

    return experiment.study(work)


def mean_cosine(path: NDArray[Any] | None) -> Array:
    """Give the mean cosine between the last successive steps of each path [R, K, P]; NaN where one diverged.

    Examples
    --------
    >>> swing = np.array([[[0.0], [1.0], [0.0], [1.0]], [[0.0], [1.0], [2.0], [3.0]]])
    >>> mean_cosine(swing).tolist()
    [-1.0, 1.0]
    """
    assert path is not None
    moves = np.diff(np.asarray(path[:, -TAIL - 1 :], np.float64), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = moves / np.linalg.norm(moves, axis=2, keepdims=True)
        return np.asarray(np.mean(np.sum(unit[:, 1:] * unit[:, :-1], axis=2), axis=1))


def classes(last: Array, half: Array, swing: Array) -> NDArray[np.int64]:
    """Classify the end of each run, as indices of `CLASSES`.

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
            words.append(f"{name}: a run diverged at every rate")
            continue
        best = np.sort(rates[np.argmin(table[:, usable], axis=0)])
        middle = float(best[(best.size - 1) // 2])
        numbers |= {f"{name}.rate": middle, f"{name}.rate_low": best[0], f"{name}.rate_high": best[-1]}
        loss = float(np.median(table[list(rates).index(middle)]))
        spread = "is the same" if best[0] == best[-1] else f"lies from {best[0]:g} to {best[-1]:g}"
        words.append(
            f"{name}: η = {middle:g} (the best {spread} {over_seeds(best.size)}), "
            f"with a median final training loss of {told(loss)}"
            + ("; it is the end of the range tried" if middle in (rates[0], rates[-1]) else "")
        )
    return numbers, words


def limits(optimizers: Sequence[str], rates: Array, last: Array, bounds: dict[str, float]) -> list[str]:
    """Say from which rate on runs diverge, and up to which full-batch descent is stable at the start."""
    words = [f"full-batch descent is stable at the start up to 2/λ_max = {bounds['limit']:.3g}"]
    for name, table in zip(optimizers, last, strict=True):
        gone = ~np.isfinite(table)
        first = int(np.argmax(gone.any(axis=1)))
        sentence = (
            f"{name}: runs diverge from η = {rates[first]:g} on ({np.count_nonzero(gone[first])} of {gone.shape[1]} there)"
            if gone.any()
            else f"{name}: no run diverged up to η = {rates[-1]:g}"
        )
        if f"{name}.limit" in bounds and name != "sgd":
            factor = limit_factor(name, OPTIMIZER_TABLE[name].momentum)
            matrix = (
                "the Hessian over the root mean square of its batches' gradients"
                if name in ADAPTIVE
                else "the Hessian"
            )
            sentence += f"; at the start it is stable up to {factor:.3g}/λ_max of {matrix} = {bounds[f'{name}.limit']:.3g}"
        words.append(sentence)
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
