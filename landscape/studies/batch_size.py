"""`study batch-size`: time, loss and sharpness against the batch size, for equal epochs and for equal updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective import NetworkObjective, as_one_batch
from landscape.objective.devices import recorded_device, settle_device
from landscape.optimizer_names import optimizer_name
from landscape.progress import Announce, Parts, Progress, among, counted, nobody, part, silent
from landscape.records import Piece, Pieces, Study
from landscape.records.study import held_out
from landscape.studies.common import (
    Experiment,
    Found,
    batch_gradients,
    begun,
    finals,
    require_known,
    told,
)
from landscape.studies.limits import sharpness
from landscape.training import Ensemble, train_many
from landscape.training.recipe import Recipe, steps_of
from landscape.workers import Executor, Workers, as_workers

Array = NDArray[np.float64]

BATCH_SIZES = (16, 64, 256, 1024)
# A timing takes so many updates or examples, whichever is more, and is repeated; the least time counts.
LEAST_UPDATES, TIMED_EXAMPLES, REPEATS = 24, 20_000, 3
# Size of the batches drawn to estimate the gradient noise.
NOISE_SIZE = 32
# About how many products the largest eigenvalue takes.
PRODUCTS = 65


def study_batch_size(
    model: Model,
    *,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    optimizer: str = "sgd",
    learning_rate: float = 0.1,
    epochs: float = 15.0,
    init: str | None = None,
    seeds: int = 3,
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
    """Train with several batch sizes, for equal epochs and for equal numbers of updates.

    Parameters
    ----------
    model
        The network, its data and, unless `init` is given, the start.
    batch_sizes
        What is tried; one larger than the data is all of it.
    optimizer, learning_rate, dtype, threads, device
        As `train` takes them; the rate is the same for all, so that only the batch differs.
    epochs
        Passes over the data of the first budget.
    seeds, seed, init
        How many runs of each, the first one's seed, and an initialization drawn by it.
    output, fresh, executor, progress, announce
        As in `race`.

    Notes
    -----
    Times are of one run on one thread, or on the GPU: the least of three repeats, evaluations left out. The gradient-noise scale is
    tr Σ / ‖g‖² (McCandlish et al. 2018, arXiv 1812.06162), at the start and at the minima of the smallest
    batch: about the batch size at which noise and gradient are alike.

    Raises
    ------
    InputError
        A batch size below one, an unknown optimizer, epochs that are not above zero.
    """
    require_model(model, "study_batch_size")
    optimizer = optimizer_name(optimizer)
    require_known(
        optimizers=[optimizer], learning_rate=learning_rate, init=init, device=device, output=output
    )
    examples = model.examples("train")
    sizes = sorted({min(int(size), examples) for size in batch_sizes})
    if not sizes or sizes[0] < 1:
        raise InputError(f"batch sizes: expected numbers from 1 on, found {', '.join(map(str, batch_sizes))}")
    updates = steps_of(epochs, sizes[0], examples)
    device = settle_device(device, model, training=True)
    settings: dict[str, Any] = {
        "study": "batch-size", "batch_sizes": sizes, "optimizer": optimizer, "learning_rate": learning_rate, "epochs": epochs, "init": init,
        "seeds": seeds, "seed": seed, "dtype": dtype, "device": recorded_device(device),
    }  # fmt: skip

    experiment = Experiment(
        model=model, settings=settings, threads=threads, device=device, output=output, fresh=fresh, executor=as_workers(executor),
        progress=progress, announce=announce,
    )  # fmt: skip
    experiment.require(optimizer=optimizer, learning_rate=learning_rate, batch_size=sizes)
    if max(batch_sizes) > examples:
        announce(f"there are {examples} training examples: larger batches have all of them")

    def work(pieces: Pieces) -> Found:
        start = experiment.start()
        common: dict[str, Any] = {"optimizer": optimizer, "learning_rate": learning_rate}
        lengths = {
            "epochs": [steps_of(epochs, size, examples) for size in sizes],
            "updates": [updates] * len(sizes),
        }
        runs = Runs(experiment, start, sizes, lengths, common)
        announce(f"timing {len(sizes)} batch sizes")
        engine = {"dtype": dtype, "device": device}
        parts = parts_of(pieces, sizes, seeds, epochs, updates, examples)
        pieces.progress(begun(pieces, parts), f"timing {len(sizes)} batch sizes")
        seconds = pieces.once("times", lambda: timed(start, sizes, common | engine, parts["times"]))[
            "seconds"
        ]
        series: dict[str, Any] = {
            "batch_size": sizes,
            "update_seconds": seconds,
            "epoch_seconds": seconds * np.ceil(examples / np.array(sizes)),
        }
        ends = runs.ends(pieces.piece("runs"), parts["runs"])
        for budget, found in ends.items():
            series |= table_of(budget, found, (len(sizes), seeds))
        announce("measuring the sharpness of the minima")
        for place, (budget, found) in enumerate(ends.items()):
            told = runs.told(budget, part(parts["minima"], place / 2, (place + 1) / 2), "minima")
            table = sharpness_of(pieces, budget, start, found, threads, device, told)
            series[f"{budget}.sharpness"] = table.reshape(len(sizes), seeds)
        numbers = {
            "updates": float(updates),
            "noise_start": noise_scale(start, seed, threads, device),
            "noise_end": noise_scale(ends["epochs"].end(start, 0), seed, threads, device),
        }
        return series, numbers, sentences(sizes, series, numbers, epochs)

    return experiment.study(work)


@dataclass(frozen=True)
class Runs:
    """The trainings of the study: each batch size with each seed, for as many steps as each budget gives it."""

    experiment: Experiment
    start: Model
    sizes: Sequence[int]
    lengths: Mapping[str, Sequence[int]]
    common: Mapping[str, Any]

    def count(self) -> int:
        """Count the runs of one budget."""
        return len(self.sizes) * len(self.experiment.seeds())

    def told(self, budget: str, progress: Progress, unit: str) -> Progress:
        """Return the progress of one budget, which tells how many of the runs of all budgets are done."""
        place = list(self.lengths).index(budget)
        return among(progress, place * self.count(), self.count(), len(self.lengths) * self.count(), unit)

    def ends(self, piece: Piece, progress: Progress) -> dict[str, Ensemble]:
        """Train by all budgets at once, so that no worker waits for the last run of the first one."""
        recipes = [
            Recipe(batch_size=size, steps=steps, seed=seed, **self.common)
            for budget in self.lengths.values()
            for size, steps in zip(self.sizes, budget, strict=True)
            for seed in self.experiment.seeds()
        ]
        self.experiment.announce(f"training {len(recipes)} runs, {self.count()} with each budget")
        told = among(progress, 0, len(recipes), len(recipes), "runs")
        found = self.experiment.train_each(piece, self.start, recipes, looks=2, progress=told)
        return {
            budget: found.part(slice(place * self.count(), (place + 1) * self.count()))
            for place, budget in enumerate(self.lengths)
        }


def parts_of(
    pieces: Pieces, sizes: Sequence[int], seeds: int, epochs: float, updates: int, examples: int
) -> Parts:
    """List the parts of the work, weighted by the training examples that they evaluate; a product for the sharpness evaluates all."""
    weights = {
        "times": 2.0 * REPEATS * TIMED_EXAMPLES * len(sizes),
        "runs": seeds * len(sizes) * epochs * examples + float(seeds * updates * sum(sizes)),
        "minima": 2.0 * seeds * len(sizes) * PRODUCTS * examples,
    }
    return Parts(pieces.progress, weights)


def timed(start: Model, sizes: Sequence[int], common: dict[str, Any], progress: Progress) -> dict[str, Array]:
    """Time an update of each batch size, as a piece of work."""
    seconds = []
    for size in sizes:
        seconds.append(update_seconds(start, size, common))
        progress(len(seconds) / len(sizes), counted(len(seconds), len(sizes), "batch sizes timed"))
    return {"seconds": np.array(seconds)}


def update_seconds(start: Model, size: int, common: dict[str, Any]) -> float:
    """Time one update: the difference between two run lengths, so that work done once per run cancels."""

    def spent(steps: int) -> float:
        options = {**common, "batch_size": size, "steps": steps, "looks": 2, "threads": 1}
        return min(train_many(start, **options).seconds for _ in range(REPEATS))

    steps = max(LEAST_UPDATES, TIMED_EXAMPLES // size)
    whole = spent(1 + steps)
    rest = whole - spent(1)
    # On a machine busy with other things the difference may be noise; the whole is then an upper bound.
    return (rest if rest > 0.2 * whole else whole) / steps


def table_of(budget: str, found: Ensemble, shape: tuple[int, int]) -> dict[str, Array]:
    """Give the final losses and accuracies of runs as tables [B, S], and the updates they took."""
    result = {f"{budget}.updates": found.step[:, -1].reshape(shape)[:, 0].astype(np.float64)}
    for name, values in found.losses.items():
        last = values[:, -1].reshape(shape)
        result[f"{budget}.{name}"] = finals(values, shape) if name.endswith("_loss") else last
    return result


def sharpness_of(
    pieces: Pieces, budget: str, start: Model, found: Ensemble, threads: int | None, device: str, progress: Progress
) -> Array:  # fmt: skip
    """Give λ_max of the training loss where each run ended; NaN where it diverged."""
    values = np.full(len(found.theta), np.nan)
    for run in np.flatnonzero(found.diverged < 0):
        progress(run / len(values), "")
        end = found.end(start, int(run))
        values[run] = pieces.once(f"{budget}.sharpness.{run}", partial(sharpness, end, threads, device))[
            "value"
        ]
    progress(1.0, "")
    return values


def noise_scale(model: Model, seed: int, threads: int | None = None, device: str = "cpu") -> float:
    """Estimate tr Σ / ‖g‖² from batches without replacement.

    For a batch of B of N examples E‖g_B − g‖² = tr Σ · (N − B)/((N − 1) B). NaN for one example, infinite where g is zero.
    """
    total = model.examples("train")
    size = min(NOISE_SIZE, total // 2)
    if size < 1:
        return float("nan")
    whole = NetworkObjective(as_one_batch(model), "train", threads=threads, device=device).gradient(
        model.theta
    )
    parts = batch_gradients(model, size, seed, threads, device)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = [float(np.sum((part - whole) ** 2)) for part in parts]
        spread = float(np.mean(squares)) * size * (total - 1) / (total - size)
        length = float(whole @ whole)
    return spread / length if length > 0 else float("inf")


def sentences(
    sizes: Sequence[int], series: dict[str, Any], numbers: dict[str, float], epochs: float
) -> list[str]:
    """State the findings: the effect of the budget, the cost of an update, and whether sharpness depends on the batch size."""
    words = []
    for budget, name in (("epochs", f"{epochs:g} epochs"), ("updates", f"{numbers['updates']:,.0f} updates")):
        middle = np.median(series[f"{budget}.train_loss"], axis=1)
        pairs = ", ".join(f"{told(loss)} at {size}" for size, loss in zip(sizes, middle, strict=True))
        words.append(f"after equal {budget} ({name}) the training loss is {pairs}")
    words += held_out_sentences(sizes, series)
    ends = [np.median(series[f"{b}.train_loss"], axis=1)[[0, -1]] for b in ("epochs", "updates")]
    with np.errstate(invalid="ignore"):
        gap, closed = (float(np.log(end[-1] / end[0])) for end in ends)
    if np.isfinite([gap, closed]).all() and gap > 0.1:
        words.append(
            f"the largest batch's loss is {np.exp(gap):.3g} times the smallest one's for equal epochs and {np.exp(closed):.3g} times for "
            "equal updates: "
            + ("what it lacked was updates" if closed < 0.5 * gap else "more updates do not make up for it")
        )
    update, epoch = series["update_seconds"], series["epoch_seconds"]
    words.append(
        f"an update costs {update[-1] / update[0]:.3g} times as much at {sizes[-1]} as at {sizes[0]}, "
        f"an epoch {epoch[-1] / epoch[0]:.3g} times"
    )
    sharp = [
        np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan
        for row in series["updates.sharpness"]
    ]
    if np.isfinite([sharp[0], sharp[-1]]).all():
        words.append(
            f"λ_max after equal updates is {sharp[0]:.3g} at {sizes[0]} and {sharp[-1]:.3g} at {sizes[-1]}"
            + ("" if sharp[-1] > sharp[0] else ": the large batch's minimum is not the sharper one here")
        )
    words.append(
        f"the gradient-noise scale is {numbers['noise_start']:.3g} examples at the start and {numbers['noise_end']:.3g} "
        f"where batch {sizes[0]} ended"
    )
    return words


def held_out_sentences(sizes: Sequence[int], series: dict[str, Any]) -> list[str]:
    """State each batch size's result on held-out data, if there are any: accuracy, or the loss of a regression."""
    named = held_out(series)
    if named is None:
        return []
    words = []
    for budget in ("epochs", "updates"):
        middle = np.median(series[f"{budget}.{'_'.join(named)}"], axis=1)
        pairs = ", ".join(f"{told(value)} at {size}" for size, value in zip(sizes, middle, strict=True))
        words.append(f"after equal {budget} the {' '.join(named)} is {pairs}")
    return words
