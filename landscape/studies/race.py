"""Optimizers from one start: loss against updates, a band over seeds, paths on one plane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.directions import Directions, Origin, check_directions, principal_directions
from landscape.errors import ComputationError, InputError
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective import needs_statistics
from landscape.objective.devices import recorded_device, settle_device
from landscape.optimizer_names import optimizer_name
from landscape.progress import Announce, Parts, Progress, among, counted, nobody, silent
from landscape.records import Pieces, Race, Scan
from landscape.records.keeping import Fields
from landscape.scanning import Plan, make_plan, run_plan
from landscape.scanning.grid import parse_points
from landscape.scanning.subject import model_subject
from landscape.studies.common import (
    Experiment,
    begun,
    counted_seeds,
    different_names,
    finals,
    require_known,
    within,
)
from landscape.training import Ensemble, Recipe
from landscape.training.recipe import require_whole, steps_of
from landscape.trajectories.projection import Projection, project, spans_around
from landscape.workers import Executor, Workers, as_workers

Array = NDArray[np.float64]

OPTIMIZERS = ("sgd", "heavy_ball", "rmsprop", "adam")
# What `tune` tries for every optimizer alike: a factor of √10 between rates.
TUNING_RATES = tuple(float(f"{rate:.3g}") for rate in 10.0 ** np.arange(-4.0, 0.51, 0.5))
# The rate of all where rates are neither tuned nor given.
UNTUNED = 0.01
LOOKS = 41
# A run whose loss is above so many times the start's has left the picture.
FAR = 10.0


def race(
    model: Model,
    *,
    optimizers: Sequence[str] = OPTIMIZERS,
    learning_rate: float | Sequence[float] | None = None,
    tune: bool | None = None,
    init: str | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    batch_size: int = 32,
    seeds: int = 3,
    seed: int = 0,
    points: int = 31,
    dtype: str = "float32",
    threads: int | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Race:
    """Train a model with several optimizers from the same start, each at its best learning rate.

    Parameters
    ----------
    model
        The network, its data and, unless `init` is given, the start.
    optimizers
        Names, as in `train`.
    learning_rate
        One rate for all, or one for each optimizer. Rates are then not tuned.
    tune
        Whether the rate of each optimizer is chosen among `TUNING_RATES`, by the median final training loss of as many
        runs as in the race, with other seeds. By default it is, unless `learning_rate` is given. With False, all run at
        0.01.
    init
        Draw one start for all by the seed instead of starting from the model.
    steps, epochs
        The length of a run: by default 10 epochs.
    batch_size, dtype, threads, device
        As in `train`.
    seeds, seed
        Number of runs of each optimizer, and the seed of the first one. Seeds determine the batches.
    points
        Number of points along each axis of the plane.
    output, fresh
        The file to save to. A finished record of the same settings that is there is returned, unless `fresh`. An
        unfinished one is continued.
    executor
        An executor with the method `submit` of `concurrent.futures`, whose workers compute runs, and points of the
        plane, or `Workers`, which contains one.
    progress, announce
        Called with the share of the work that is done, and the same in words, such as "12 of 39 runs", and with
        messages.

    Raises
    ------
    InputError
        An unknown optimizer, a rate that is not positive, rates that are both given and to be tuned, or an output that
        cannot be written.
    ComputationError
        Every run diverged at once, so that there is no plane to draw.
    """
    require_model(model, "race")
    workers = as_workers(executor)
    if tune and learning_rate is not None:
        raise InputError("expected rates that are given or tuned, found learning_rate and tune")
    tune = learning_rate is None if tune is None else tune
    names, rates = entrants(optimizers, UNTUNED if learning_rate is None else learning_rate)
    require_numbers(model, steps, epochs, batch_size, seeds, points)
    require_known(init=init, device=device, output=output)
    common: dict[str, Any] = {"batch_size": within(model, batch_size, announce)}
    common |= {"steps": steps} if steps is not None else {"epochs": 10.0 if epochs is None else epochs}
    device = settle_device(device, model, training=True)
    settings = {
        "optimizers": list(names), "learning_rate": list(rates), "tune": tune, "init": init, **common,
        "seeds": seeds, "seed": seed, "points": points, "dtype": dtype, "device": recorded_device(device),
    }  # fmt: skip
    experiment = Experiment(
        model=model, settings=settings, threads=threads, device=device, output=output, fresh=fresh, executor=workers,
        progress=progress, announce=announce,
    )  # fmt: skip
    experiment.require(optimizer=list(names))

    def work(pieces: Pieces) -> Fields:
        tuning = len(names) * seeds * len(TUNING_RATES) * tune
        racing = len(names) * seeds
        parts = parts_of(pieces, tuning, racing, points**2 / passes(model, common))
        share = begun(pieces, parts)
        pieces.progress(share, counted(share * (tuning + racing), tuning + racing, "runs"))
        runner = Runner(experiment, pieces, common, parts)
        chosen, losses = rates, np.zeros((len(names), 0))
        told_seeds = counted_seeds(seeds)
        if tune:
            announce(
                f"tuning: {len(TUNING_RATES)} rates for each of {len(names)} optimizers, {told_seeds} each"
            )
            losses = runner.tuned(names)
            chosen = tuple(TUNING_RATES[int(np.argmin(row))] for row in losses)
        announce(f"racing: {len(names)} optimizers, {told_seeds} each")
        runs = runner.raced(names, chosen)
        announce("scanning the plane of the paths")
        plan, projections = plane_of(runner.start, runs, points, dtype, threads, device)
        plane = run_plan(
            plan, path=pieces.beside("plane"), fresh=fresh, executor=workers, progress=parts["plane"]
        )
        tuned = {"tuning_rates": np.array(TUNING_RATES if tune else ()), "tuning_loss": losses}
        return {**assemble(names, chosen, runs, plane, projections), **tuned, "words": plane.settings}

    return experiment.record(Race, work)


def entrants(
    optimizers: Sequence[str], learning_rate: float | Sequence[float]
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Give names and a rate each.

    Raises
    ------
    InputError
        No name, an unknown one, one name twice, another number of rates than one or one each, a rate that is not positive.

    Examples
    --------
    >>> entrants(["sgd", "adam"], 0.1)
    (('sgd', 'adam'), (0.1, 0.1))
    """
    names = different_names("optimizers", [optimizer_name(name) for name in optimizers])
    rates = np.atleast_1d(np.asarray(learning_rate, np.float64))
    if rates.size not in (1, len(names)):
        raise InputError(
            f"learning_rate: expected one, or one for each of {len(names)} optimizers, found {rates.size}"
        )
    chosen = tuple(np.broadcast_to(rates, len(names)).tolist())
    for name, rate in zip(names, chosen, strict=True):
        Recipe(optimizer=name, learning_rate=rate)
    return names, chosen


def require_numbers(
    model: Model, steps: int | None, epochs: float | None, batch_size: int, seeds: int, points: int
) -> None:
    """Refuse lengths, counts and a grid that cannot be, before anything is computed.

    Raises
    ------
    InputError
        Steps and epochs together, a number that is not whole, not above zero or beyond all bounds, a grid larger than memory.
    """
    if steps is not None and epochs is not None:
        raise InputError("expected steps or epochs, found both")
    Recipe(batch_size=batch_size)
    if steps is not None:
        Recipe(steps=steps)
    if epochs is not None:
        steps_of(epochs, batch_size, model.examples("train"))
    require_whole("seeds", seeds, 1)
    parse_points(points, 2)


def passes(model: Model, common: dict[str, Any]) -> float:
    """Estimate how many evaluations of the whole training set cost as much as a run."""
    epochs = common.get("epochs") or common["steps"] * common["batch_size"] / model.examples("train")
    return max(1.0, 3.0 * epochs)


def parts_of(pieces: Pieces, tuning: int, racing: int, plane: float) -> Parts:
    """List the parts: the runs that tune the rates, those that race, and the plane, weighted in units of runs."""
    tuned = {"tuning": float(tuning)} if tuning else {}
    return Parts(pieces.progress, tuned | {"racing": float(racing), "plane": plane})


class Runner:
    """Runs from one start with common settings: those of all optimizers at once, so that no worker waits for the last run of one of them."""

    def __init__(self, experiment: Experiment, pieces: Pieces, common: dict[str, Any], parts: Parts) -> None:
        self.experiment, self.pieces, self.common, self.parts = experiment, pieces, common, parts
        self.start = experiment.start()

    def told(self, name: str) -> Progress:
        """Return the progress of some runs among all."""
        runs = {part: weight for part, weight in self.parts.weights.items() if part != "plane"}
        before = sum(list(runs.values())[: list(runs).index(name)])
        return among(self.parts[name], before, runs[name], sum(runs.values()), "runs")

    def raced(self, optimizers: Sequence[str], rates: Sequence[float]) -> list[Ensemble]:
        """Train each optimizer at its rate once a seed; paths are kept at the looks."""
        seeds, chosen = self.experiment.seeds(), dict(self.common)
        if "epochs" in chosen:
            examples = self.start.examples("train")
            chosen["steps"] = steps_of(chosen.pop("epochs"), chosen["batch_size"], examples)
        recipes = [
            Recipe(optimizer=name, learning_rate=rate, seed=seed, **chosen)
            for name, rate in zip(optimizers, rates, strict=True)
            for seed in seeds
        ]
        found = self.experiment.train_each(
            self.pieces.piece("racing"), self.start, recipes, looks=LOOKS, keep="theta", progress=self.told("racing"),
        )  # fmt: skip
        return [found.part(slice(first, first + len(seeds))) for first in range(0, len(recipes), len(seeds))]

    def tuned(self, optimizers: Sequence[str]) -> Array:
        """Give the median training loss [optimizers, rates] that each rate ends with, over seeds that do not race; a divergence is infinite."""
        raced = self.experiment.seeds()
        seeds = range(raced.stop, raced.stop + len(raced))
        found = self.experiment.train(
            self.pieces.piece("tuning"), self.start, optimizer=list(optimizers), learning_rate=list(TUNING_RATES), seed=seeds, looks=2,
            progress=self.told("tuning"), **self.common,
        )  # fmt: skip
        shape = (len(optimizers), len(TUNING_RATES), len(seeds))
        return np.asarray(np.median(finals(found.losses["train_loss"], shape), axis=2))


def plane_of(
    start: Model, runs: Sequence[Ensemble], points: int, dtype: str, threads: int | None, device: str
) -> tuple[Plan, list[Projection]]:
    """Plan the scan of the principal plane of the first seed's paths, seen from the start; project the paths on it.

    Raises
    ------
    ComputationError
        No run moved to a finite point.
    """
    paths = [np.asarray(run.path[0], np.float64) for run in runs if run.path is not None]
    together = np.concatenate([path[near(run)] for path, run in zip(paths, runs, strict=True)])
    origin = Origin(start.theta, checkpoints=together)
    try:
        vectors, captured = principal_directions(origin, 2)
    except InputError:
        raise ComputationError(
            "the paths span no plane that could be drawn: all runs diverged at once or did not move; try other rates"
        ) from None
    labels = tuple(f"principal {index + 1} ({share:.1%})" for index, share in enumerate(captured))
    spans = ((-1.0, 1.0),) * 2
    directions = Directions(vectors, labels, spans, "none", check_directions(vectors, origin))
    whole = model_subject(
        start, split="train", examples=None, seed=0, dtype=dtype, threads=threads, device=device,
        recompute_statistics=needs_statistics(start),
    )  # fmt: skip
    projection = project(together, start.theta, vectors)
    plan = make_plan(whole, directions, points=points, span=list(spans_around(projection.coordinates)))
    return plan, [on_plane(path, start.theta, vectors, projection.captured) for path in paths]


def near(run: Ensemble) -> NDArray[np.bool_]:
    """Give the evaluations at which the first seed's run was still near; one that explodes would dominate the plane."""
    losses = run.losses["train_loss"][0]
    with np.errstate(invalid="ignore"):
        return np.asarray(losses <= FAR * losses[0])


def on_plane(path: Array, center: Array, vectors: Array, captured: Array) -> Projection:
    """Project a path [K, P], NaN where it diverged."""
    finite = np.isfinite(path).all(axis=1)
    coordinates, distance = np.full((len(path), 2), np.nan), np.full(len(path), np.nan)
    found = project(path[finite], center, vectors)
    coordinates[finite], distance[finite] = found.coordinates, found.distance
    return Projection(coordinates, distance, captured)


def assemble(
    names: Sequence[str],
    rates: Sequence[float],
    runs: Sequence[Ensemble],
    plane: Scan,
    projections: Sequence[Projection],
) -> dict[str, Any]:
    """Put the runs' numbers into arrays."""
    step = runs[0].step[0]
    return {
        "optimizers": tuple(names),
        "rates": np.array(rates),
        "step": step,
        "examples": step * runs[0].recipes[0].batch_size,
        "values": {name: np.stack([run.losses[name] for run in runs]) for name in runs[0].losses},
        "diverged": np.stack([run.diverged for run in runs]),
        "scan": plane,
        "projected": np.stack([found.coordinates for found in projections]),
        "distance": np.stack([found.distance for found in projections]),
        "captured": projections[0].captured,
    }
