"""Trial trainings, each ensemble run once and kept, so that an interrupted diagnosis continues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.curvature import Escaped
from landscape.diagnosis.recipe import Training
from landscape.diagnosis.thresholds import Thresholds
from landscape.model import Model
from landscape.progress import Announce, Progress, counted, expected, nobody, silent
from landscape.training import Recipe, initialize, train_recipes
from landscape.workers import Workers

Array = NDArray[np.float64]
Series = dict[str, NDArray[Any]]
LOOKS = 6
# What an update costs beside its products, in multiply-adds: a node's share, whatever its size.
NODE_COST = 3e5
LEAST_UPDATES = 100
# Kinds of trials of the same network, networks that are compared with it, and the rates that are tried for each of them: as many as an ordinary
# diagnosis of a large loss has.
FORKS, NETWORKS, TUNED = 9, 3, 3


@dataclass(frozen=True)
class Budget:
    """How much may be trained: paired seeds, the least and most updates of a fork and of a comparison, and the work of a run.

    `work` is in multiply-adds, about a second of a core for 4e9; it bounds the updates of all runs alike, by what the user's network costs.
    """

    name: str
    seeds: int
    fork: tuple[int, int]
    capacity: tuple[int, int]
    work: float


BUDGETS = {
    "quick": Budget("quick", 0, (0, 0), (0, 0), 0.0),
    "standard": Budget("standard", 5, (200, 1000), (400, 2000), 4e9),
    "thorough": Budget("thorough", 8, (500, 5000), (2000, 20_000), 4e10),
}


class Ensemble(NamedTuple):
    """Trainings that are run and kept together: the name in the record, and what they try, in words."""

    name: str
    words: str


def part_of(size: int) -> Ensemble:
    """Return the ensemble of the trainings on a part of the training set."""
    return Ensemble(f"part {size}", f"on {size} training examples")


@dataclass(frozen=True)
class Trial:
    """One training to try: a name, a recipe, a start [P]."""

    label: str
    recipe: Recipe
    start: Array


@dataclass(frozen=True)
class Runs:
    """Trials that were run, in groups of one label: `step` [G, K], losses [G, S, K] over all training and held-out data."""

    labels: tuple[str, ...]
    step: Array
    train: Array
    held: Array | None
    train_accuracy: Array | None = None
    held_accuracy: Array | None = None
    test: Array | None = None
    # The penalty at the end of each run [G, S], which records of earlier versions lack.
    penalty: Array | None = None

    @property
    def error(self) -> Array:
        """The held-out error rate, or loss, of the first label [S, K], infinite where a run diverged."""
        assert self.held is not None
        table = self.held[0] if self.held_accuracy is None else 1.0 - self.held_accuracy[0]
        return np.where(np.isfinite(table), table, np.inf)


@dataclass
class Laboratory:
    """What every experiment needs; `kept` holds the finished ensembles, and `save` writes them.

    `escaped` is the way down from the parameters, where they are a saddle and one was found.
    """

    model: Model
    training: Training
    limits: Thresholds
    budget: Budget
    held: str | None
    seed: int = 0
    threads: int | None = None
    dtype: str = "float64"
    escaped: Escaped | None = None
    kept: Series = field(default_factory=dict)
    save: Callable[[], None] = lambda: None
    announce: Announce = silent
    progress: Progress = nobody
    executor: Workers | None = None
    done: list[str] = field(default_factory=list)

    @property
    def seeds(self) -> range:
        """The seeds of paired runs."""
        return range(self.seed + 1, self.seed + 1 + self.budget.seeds)

    def updates(self, part: float, bounds: tuple[int, int]) -> int:
        """Give a number of updates: a part of those spent, within bounds and within the budget's work."""
        wanted = int(np.clip(round(part * self.training.updates), *bounds))
        return min(wanted, self.most_updates)

    @property
    def most_updates(self) -> int:
        """Give the most updates of a run by the budget's work."""
        return max(LEAST_UPDATES, int(self.budget.work / self.update_cost))

    @property
    def update_cost(self) -> float:
        """Estimate the multiply-adds of an update of the user's."""
        return 6.0 * self.model.size * self.training.recipe.batch_size + NODE_COST * len(self.model.nodes)

    @property
    def expected_trials(self) -> int:
        """About how many trials a large training loss takes: on the first examples, from the checkpoint and fresh, and to tune and train three networks."""
        seeds = self.budget.seeds
        return (1 + FORKS) * seeds + NETWORKS * (TUNED + seeds)

    def among(self, labels: Sequence[str]) -> Progress:
        """Return the progress of trials that are run now, among about all that there will be."""
        before, own, about = len(self.done), len(labels), max(1, self.expected_trials)

        def told(share: float, words: str) -> None:
            done = before + share * own
            whole = max(about, before + own)
            self.progress(expected(done, about), counted(done, whole, "trials", about=True))

        return told

    def run(self, ensemble: Ensemble, model: Model, trials: Sequence[Trial], factor: float = 1.0) -> Runs:
        """Train all trials at once, unless that was done before; trials of one label are its seeds, side by side.

        Losses are kept times `factor`, so that those of scaled targets are in the user's units.
        """
        labels = tuple(dict.fromkeys(trial.label for trial in trials))
        key = f"runs.{ensemble.name}"
        if f"{key}.step" not in self.kept:
            updates = sum(trial.recipe.steps for trial in trials)
            self.announce(f"{ensemble.words}: {len(trials)} trainings, {updates:,} updates in all")
            found = self.trained(model, trials)
            self.kept |= {
                f"{key}.{series}": values * factor if series.endswith("_loss") else values
                for series, values in found.items()
            }
            self.kept[f"{key}.labels"] = np.array(labels)
            self.save()
        self.done.extend(trial.label for trial in trials)
        return self.read(key, labels)

    def trained(self, model: Model, trials: Sequence[Trial]) -> Series:
        """Train and keep what was seen, [R, K]."""
        found = train_recipes(
            model, [trial.recipe for trial in trials], np.stack([trial.start for trial in trials]), looks=LOOKS,
            dtype=self.dtype, threads=self.threads, executor=self.executor, progress=self.among([trial.label for trial in trials]),
        )  # fmt: skip
        names = [f"{split}_{what}" for split in model.splits for what in ("loss", "accuracy")]
        kept = {"step": found.step.astype(np.float64)}
        decay = model.decay_vector()
        if decay.any():
            with np.errstate(over="ignore", invalid="ignore"):
                kept["penalty"] = 0.5 * (np.asarray(found.theta, np.float64) ** 2) @ decay
        return kept | {name: found.losses[name] for name in names if name in found.losses}

    def finished(self, ensemble: Ensemble) -> Runs | None:
        """Return an ensemble that was run, or None if it was not."""
        key = f"runs.{ensemble.name}"
        return (
            self.read(key, tuple(self.kept[f"{key}.labels"].tolist())) if f"{key}.step" in self.kept else None
        )

    def read(self, key: str, labels: tuple[str, ...]) -> Runs:
        """Give a finished ensemble by groups."""
        kept = self.kept
        step = kept[f"{key}.step"]

        def grouped(name: str) -> Array | None:
            values = kept.get(f"{key}.{name}")
            return None if values is None else values.reshape(len(labels), -1, values.shape[-1])

        train = grouped("train_loss")
        assert train is not None
        return Runs(
            labels, step.reshape(len(labels), -1, step.shape[-1])[:, 0], train, grouped(f"{self.held}_loss"),
            grouped("train_accuracy"), grouped(f"{self.held}_accuracy"), grouped("test_loss"),
            kept[f"{key}.penalty"].reshape(len(labels), -1) if f"{key}.penalty" in kept else None,
        )  # fmt: skip

    def fresh(self, model: Model, init: str, seed: int) -> Array:
        """Draw a start."""
        return initialize(model, init, seed)

    def recipe(self, steps: int, seed: int, **changes: Any) -> Recipe:
        """Give the user's recipe, constant in rate, with changes."""
        return replace(self.training.recipe, steps=steps, seed=seed, **changes)

    def adam(self, rate: float, steps: int, seed: int, batch_size: int, **changes: Any) -> Recipe:
        """Give Adam with its own defaults; with the user's weight decay, where that is the optimizer's own."""
        return Recipe(
            **self.adam_settings(rate) | {"steps": steps, "seed": seed, "batch_size": batch_size} | changes
        )

    def adam_settings(self, rate: float) -> dict[str, Any]:
        """Name the optimizer of `adam`."""
        recipe = self.training.recipe
        if recipe.decoupled and recipe.filled().weight_decay:
            return {"optimizer": "adamw", "learning_rate": rate, "weight_decay": recipe.filled().weight_decay}
        return {"optimizer": "adam", "learning_rate": rate}
