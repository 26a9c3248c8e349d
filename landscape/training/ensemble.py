"""Many trainings at once, over seeds, rates, batch sizes and optimizers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError, did_you_mean
from landscape.memory import available_memory
from landscape.model import Model
from landscape.model.required import require_model
from landscape.objective.by_device import make_trainer
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records import Piece
from landscape.training.by_runs import Trainings, run_groups
from landscape.training.course import KEEP, Course, Paths
from landscape.training.recipe import Recipe, columns, steps_of
from landscape.training.run import read_recipe
from landscape.training.start import fresh_statistics, initialize
from landscape.workers import Executor, Workers, as_workers

Array = NDArray[np.float64]
# What the settings of a run take in memory, about.
RECIPE_BYTES = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Ensemble:
    """R trainings, each evaluated at K evenly spaced steps from the first to the last.

    `recipes` are the R settings with all defaults filled in, and `step` [R, K] the steps. `losses` has `train_loss`,
    `train_accuracy`, `validation_loss`, … [R, K] over whole splits, and `gradient_norm` [R, K] of the whole gradient
    with the penalty. `theta` [R, P] is where each run ended (for a diverged run its last finite point), and `buffers`
    [R, B] are its running statistics there; `end` makes a model of both. `diverged` [R] is the step that failed, or −1.
    Steps that a diverged run did not reach are NaN. If asked for, there are `path` [R, K, P] or `projected` [R, K, d],
    the coordinates along `directions` from `center`, with `distance` [R, K] from that plane.
    """

    recipes: tuple[Recipe, ...]
    step: NDArray[np.int64]
    losses: dict[str, Array]
    theta: NDArray[Any]
    buffers: NDArray[Any]
    diverged: NDArray[np.int64]
    path: NDArray[Any] | None = None
    projected: Array | None = None
    distance: Array | None = None
    seconds: float = 0.0

    def end(self, model: Model, run: int) -> Model:
        """Return the model at the end of a run, with the run's own running statistics."""
        return model.with_theta(self.theta[run]).with_buffers(self.buffers[run])

    def part(self, runs: slice) -> Ensemble:
        """Return some of the runs."""
        names = ("recipes", "step", "theta", "buffers", "diverged", "path", "projected", "distance")
        rows: dict[str, Any] = {
            name: None if (all_runs := getattr(self, name)) is None else all_runs[runs] for name in names
        }
        losses = {name: values[runs] for name, values in self.losses.items()}
        return replace(self, losses=losses, **rows)


def train_many(
    model: Model,
    *,
    epochs: float | None = None,
    init: str | None = None,
    starts: ArrayLike | None = None,
    looks: int | Sequence[int] = 20,
    keep: str = "nothing",
    directions: ArrayLike | None = None,
    center: ArrayLike | None = None,
    dtype: str = "float32",
    threads: int | None = None,
    device: str = "auto",
    piece: Piece | None = None,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
    **settings: Any,
) -> Ensemble:
    """Train once for every combination of settings given as lists, all runs at once.

    Parameters
    ----------
    model
        The network, its data, and the start of every run.
    epochs
        Passes over the data in place of `steps`. Runs with smaller batches then take more steps.
    init
        Draw the start of each run by its seed instead.
    starts
        Starts [R, P], one row for each run, in the order of `recipes`.
    looks
        How often losses over all data are computed (K, including start and end), or the steps [K] at which they are.
        The last step is the end of the runs.
    keep
        What is kept of the paths: "nothing", "theta" (the parameters at each of the K steps), or "projected"
        (coordinates along `directions` [d, P] from `center`, by default the model's θ).
    dtype, threads, device
        As in `train`. Each run has the same bits as if it were run alone.
    piece
        A piece of a `landscape.records.Pieces` in which the state of the runs is kept. They continue from what it
        holds, to the same bits.
    executor
        An executor with the method `submit` of `concurrent.futures`, whose workers compute some of the runs, or
        `Workers`, which contains one.
    progress, announce
        Called with the share of the work that is done, and the steps of all runs in words, and with messages.
    **settings
        Fields of `Recipe`, each a value or a list; combinations are in the order of `optimizer`, then the others as given.

    Raises
    ------
    InputError
        An impossible setting, starts of a wrong shape or not finite, or paths that do not fit into memory.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.array([[1.0], [2.0]])
    >>> line = build_model(layers=[(np.zeros((1, 1)), np.zeros(1))], loss="mse", x_train=x, y_train=3 * x)
    >>> found = train_many(line, learning_rate=[0.1, 10.0], steps=2000, dtype="float64", looks=3)
    >>> found.losses["train_loss"][0].round(6).tolist(), bool(found.diverged[1] > 0)
    ([22.5, 0.0, 0.0], True)
    """
    require_model(model, "train_many")
    recipes = combinations(settings, epochs, model.examples("train"), announce)
    if init is not None:
        model = fresh_statistics(model)
    if starts is None:
        starts = [initialize(model, init, recipe.seed) if init else model.theta for recipe in recipes]
    return train_recipes(
        model, recipes, starts, looks=looks, keep=keep, directions=directions, center=center, dtype=dtype, threads=threads, device=device,
        piece=piece, executor=executor, progress=progress,
    )  # fmt: skip


def train_recipes(
    model: Model,
    recipes: Sequence[Recipe],
    starts: ArrayLike,
    *,
    looks: int | Sequence[int] = 20,
    keep: str = "nothing",
    directions: ArrayLike | None = None,
    center: ArrayLike | None = None,
    dtype: str = "float32",
    threads: int | None = None,
    device: str = "auto",
    piece: Piece | None = None,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
) -> Ensemble:
    """Train once for each of R recipes from its own start [R, P], all runs at once.

    Everything else is as in `train_many`.

    Raises
    ------
    InputError
        As `train_many`.
    """
    require_model(model, "train_recipes")
    if keep not in KEEP:
        raise InputError(f"keep: expected one of {', '.join(KEEP)}, found {keep!r}{did_you_mean(keep, KEEP)}")
    model = with_penalty(model, recipes)
    given = columns(recipes, model.examples("train"))
    trainer = make_trainer(model, given, np.asarray(starts), dtype=dtype, threads=threads, device=device)
    steps = np.array([recipe.steps for recipe in recipes])
    looked = looks_at(steps, looks)
    middle, begin = model.theta if center is None else center, np.asarray(starts)
    paths = Paths(trainer, keep, directions, middle, looked.shape[1])
    course = Course(trainer, looked, paths, piece)
    if executor is not None or course.whole is not None:
        trainings = Trainings(model, recipes, begin, looked, keep, directions, middle, dtype, threads, device)
        run_groups(trainings, course, as_workers(executor), progress)
    else:
        course.run(progress)
    return Ensemble(
        recipes=tuple(recipe.filled() for recipe in recipes), step=looked, losses=course.losses, theta=trainer.thetas.copy(),
        buffers=trainer.buffers_of_runs.copy(), diverged=trainer.progress.diverged.copy(), seconds=course.seconds, **paths.kept(),
    )  # fmt: skip


def looks_at(steps: NDArray[np.int64], looks: int | Sequence[int]) -> NDArray[np.int64]:
    """Give the steps [R, K] at which runs of the given lengths [R] are evaluated.

    Raises
    ------
    InputError
        Steps that fall, or that do not end where the runs do.

    Examples
    --------
    >>> looks_at(np.array([10, 4]), 3).tolist(), looks_at(np.array([4, 4]), [0, 3, 4]).tolist()
    ([[0, 5, 10], [0, 2, 4]], [[0, 3, 4], [0, 3, 4]])
    """
    if isinstance(looks, int):
        return np.round(np.linspace(0, steps, max(2, looks), axis=1)).astype(np.int64)
    chosen = np.array(looks, np.int64)
    if chosen.size == 0 or chosen[0] < 0 or (np.diff(chosen) < 0).any() or (steps != chosen[-1]).any():
        raise InputError("looks: expected how many, or rising steps that end where every run does")
    return np.tile(chosen, (len(steps), 1))


def combinations(
    settings: dict[str, Any], epochs: float | None, examples: int, announce: Announce
) -> list[Recipe]:
    """Make a recipe of every combination of settings that are lists.

    Raises
    ------
    InputError
        Steps beside epochs, an empty list, more runs than memory holds, or what a recipe refuses.
    """
    names = sorted(settings, key=lambda name: name != "optimizer")
    lists = [v if isinstance(v := settings[name], (Sequence, range, np.ndarray)) and not isinstance(v, str) else [v]
             for name in names]  # fmt: skip
    count = math.prod(len(values) for values in lists)
    if count * RECIPE_BYTES > available_memory():
        raise InputError(f"{count:,} runs at once are more than memory holds: try fewer seeds or settings")
    recipes = []
    for values in itertools.product(*lists):
        chosen = dict(zip(names, values, strict=True))
        if epochs is not None:
            if "steps" in chosen:
                raise InputError("expected steps or epochs, found both")
            chosen["steps"] = steps_of(epochs, chosen.get("batch_size", 32), examples)
        recipes.append(read_recipe(chosen))
    if not recipes:
        raise InputError("expected at least one run, found an empty list of settings")
    largest = max(recipe.batch_size for recipe in recipes)
    if largest > examples:
        announce(f"batch_size: there are {examples} examples; a batch of {largest} is all of them")
    return recipes


def with_penalty(model: Model, recipes: Sequence[Recipe]) -> Model:
    """Give the model the weight decay that runs of optimizers without one of their own ask for.

    Raises
    ------
    InputError
        They ask for several.
    """
    asked = {
        recipe.weight_decay for recipe in recipes if not recipe.decoupled and recipe.weight_decay is not None
    }
    if len(asked) > 1:
        raise InputError("weight_decay: runs at once share one penalty; expected one value, or adamw or lion")
    return replace(model, weight_decay=asked.pop()) if asked else model
