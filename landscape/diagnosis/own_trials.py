"""The trials that the user's own training runs, and their results, each saved when it ends."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.ensembles import Runs, Series
from landscape.diagnosis.outcomes import CONTROL, Outcome, outcome
from landscape.diagnosis.own_ahead import Ahead, Asked
from landscape.diagnosis.own_training import Trained, Trainer
from landscape.diagnosis.own_tries import FRESH, Changes, Try, is_number
from landscape.diagnosis.remedies import remedy_of, worded
from landscape.progress import Announce, Progress, counted, nobody, silent

Array = NDArray[np.float64]

# Trials whose first seed removes at least this share of what the best one's does are run with all seeds.
WORTH = 0.5
# Trainings have seeds that a user's own program hardly begins with: a fresh start from the seed of the network itself would be that network, and look as
# if the function did not take the start that it is given.
FIRST_SEED = 1009
STATE = "train"


# What a function of the user's is never asked for.
NEVER = "other depths and activations, standardized inputs, 16 examples alone: a training function is not asked for them"


@dataclass(frozen=True)
class Chosen:
    """The settings that a remedy is run with: the label of its trainings, what it changes, and where it starts, "here", "escape" or "fresh"."""

    run: str
    changes: Changes
    start: str


def chosen_of(series: Series, name: str) -> Chosen | None:
    """Read what a record keeps of a remedy's settings; None where it keeps none."""
    text = series.get(f"{STATE}.state")
    found = None if text is None else json.loads(str(text)).get("chosen", {}).get(name)
    return None if found is None else Chosen(*found)


def by_loss(series: Series, run: str, split: str = "train") -> list[int]:
    """Order the trainings of a label by their loss, as places among the seeds; those that diverged are left out, if not all did."""
    values = np.asarray(series[f"runs.{run}.{split}_loss"])[:, 0]
    order = [int(place) for place in np.argsort(np.where(np.isfinite(values), values, np.inf), kind="stable")]
    return [place for place in order if np.isfinite(values[place])] or order[:1]


def judged_by(remedy: str, held: str | None) -> str:
    """Name the split whose loss chooses among the trainings of a remedy: the held-out data for a constraint, else the training data."""
    found = remedy_of(remedy)
    return held if held is not None and found is not None and found.kind == "constraint" else "train"


def seeds_of(seed: int, count: int) -> range:
    """Give the seeds of a diagnosis' trainings."""
    return range(seed + FIRST_SEED, seed + FIRST_SEED + count)


@dataclass
class Trials:
    """The user's trainings of a diagnosis. `kept` holds those that are done, by label and seed, and `save` writes them.

    `start` is the point as it is, `escaped` where a step from a saddle leads, `refused` says which settings were not taken, and why.
    """

    trainer: Trainer
    start: Array
    train_loss: float
    examples: int
    held: str | None
    seeds: range
    first: int
    escaped: Array | None = None
    kept: Series = field(default_factory=dict)
    save: Callable[[], None] = lambda: None
    announce: Announce = silent
    progress: Progress = nobody
    refused: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, Chosen] = field(default_factory=dict)
    done: int = 0
    expected: int = 1
    ahead: Ahead | None = None

    def take_up(self) -> None:
        """Take up what an earlier run learned of the function."""
        text = self.kept.get(f"{STATE}.state")
        if text is not None:
            found = json.loads(str(text))
            self.trainer.asked |= set(found["asked"])
            self.trainer.all_read |= found["all_read"]
            self.trainer.own |= found["own"]
            self.refused |= found["refused"]

    def keep(self) -> None:
        """Keep what is known of the function and of the remedies, and write it."""
        self.note()
        self.save()

    def note(self) -> None:
        """Keep what is known of the function and of the remedies."""
        trainer = self.trainer
        own = {
            name: value for name, value in trainer.own.items() if is_number(value) or isinstance(value, str)
        }
        state = {
            "asked": sorted(trainer.asked),
            "all_read": trainer.all_read,
            "own": own,
            "refused": self.refused,
            "chosen": {name: [one.run, one.changes, one.start] for name, one in self.chosen.items()},
        }
        self.kept[f"{STATE}.state"] = np.array(json.dumps(state))

    def choose(self, trial: Try, changes: Changes, name: str | None = None) -> None:
        """Keep the settings of a remedy, by its name where its trainings have another label."""
        start = "fresh" if trial.fresh else "escape" if trial.label == "escape" else "here"
        self.chosen[name or trial.label] = Chosen(trial.label, changes, start)

    def begin(self, trial: Try) -> Array | None:
        """Return where a trial starts: the point as it is, the end of the step from the saddle, or None for a fresh start."""
        if trial.fresh:
            return None
        return self.escaped if trial.label == "escape" else self.start

    def changes(self, trial: Try) -> Changes | None:
        """Return the settings of a trial; None if the function does not take it, or there is nothing to change."""
        if trial.label == "escape" and self.escaped is None:
            return None
        missing = [name for name in trial.needs if not self.trainer.takes(name)]
        # A variant of other names is left out where the function does not read these.
        if missing or trial.label in self.refused:
            return None
        return trial.change(self.trainer.own, self.examples)

    def variants(self, trial: Try) -> list[Changes]:
        """Return the variants that the function takes."""
        return [v for v in trial.variants if all(self.trainer.takes(name) for name in v)]

    def outcomes(self, trials: Sequence[Try]) -> list[Outcome]:
        """Run trials, the promising ones with all seeds, and return what each came to."""
        self.foresee_variants(trials)
        chosen = {trial: self.best_variant(trial) for trial in trials}
        self.foresee(
            [(trial, changes) for trial, changes in chosen.items() if changes is not None], self.seeds[:1]
        )
        ready = {trial: changes for trial, changes in chosen.items() if changes is not None}
        for trial, changes in ready.items():
            self.run(trial, changes, self.seeds[:1])
            self.compare(trial, changes)
        left = {trial: changes for trial, changes in ready.items() if trial.label not in self.refused}
        firsts = {trial: self.losses(trial.label)[0] for trial in left}
        least = min(firsts.values(), default=math.inf)
        worth = []
        for trial, changes in left.items():
            gain, most = self.train_loss - firsts[trial], self.train_loss - least
            if trial.label in (CONTROL, FRESH) or (gain > 0 and gain >= WORTH * most):
                worth.append((trial, changes))
        self.foresee(worth, self.seeds)
        for trial, changes in worth:
            self.run(trial, changes, self.seeds)
        return [self.outcome(trial) for trial in left]

    def best_variant(self, trial: Try) -> Changes | None:
        """Choose the variant of the least training loss, by a seed of its own where there are several."""
        changes, variants = self.changes(trial), self.variants(trial)
        if changes is None or not variants:
            return None
        if len(variants) == 1:
            found = variants[0]
        else:
            labelled = self.labelled(trial, changes, variants)
            for each, settings in labelled:
                self.run(each, settings, range(self.first, self.first + 1))
            tried = [self.losses(each.label) for each, _ in labelled]
            good = [(row[0], number) for number, row in enumerate(tried) if len(row)]
            if not good:
                self.refused[trial.label] = "the function does not take it"
                return None
            found = variants[min(good)[1]]
        self.choose(trial, changes | found)
        return changes | found

    def labelled(
        self, trial: Try, changes: Changes, variants: Sequence[Changes]
    ) -> list[tuple[Try, Changes]]:
        """Give the trials by which a variant is chosen, with their settings."""
        return [
            (replace(trial, label=f"{trial.label}.rates.{number}"), changes | variant)
            for number, variant in enumerate(variants)
        ]

    def foresee_variants(self, trials: Sequence[Try]) -> None:
        """Have workers do the trials by which variants are chosen."""
        found = [(trial, self.changes(trial), self.variants(trial)) for trial in trials]
        asked = [(t, c, v) for t, c, v in found if c is not None and len(v) > 1]
        self.foresee(
            [one for t, c, v in asked for one in self.labelled(t, c, v)], range(self.first, self.first + 1)
        )

    def run(self, trial: Try, changes: Changes, seeds: range) -> None:
        """Train with the seeds that were not run before, and keep each as it ends."""
        for seed in seeds[len(self.losses(trial.label)) :]:
            if trial.label in self.refused:
                return
            base = trial.label.partition(".rates.")[0]
            self.announce(f"training {self.done + 1}: {worded(base)}, seed {seed}")
            found = self.trained(Asked(trial.label, changes, seed, self.begin(replace(trial, label=base))))
            self.done += 1
            if found is None:
                self.refused[trial.label] = "the function does not take it"
            else:
                self.add(trial.label, found)
            self.keep()
            self.progress(
                min(1.0, self.done / self.expected),
                counted(self.done, max(self.done, self.expected), "trainings", about=True),
            )

    def trained(self, asked: Asked) -> Trained | None:
        """Train here, or take what workers did ahead."""
        if self.ahead is not None:
            return self.ahead.take(asked, self.trainer)
        return self.trainer(asked.changes, asked.seed, asked.theta)

    def foresee(self, trials: Sequence[tuple[Try, Changes]], seeds: range) -> None:
        """Have workers do what trials will ask for, as far as that is known."""
        if self.ahead is None:
            return
        self.ahead.do(
            [
                Asked(
                    trial.label,
                    changes,
                    seed,
                    self.begin(replace(trial, label=trial.label.partition(".rates.")[0])),
                )
                for trial, changes in trials
                if trial.label not in self.refused
                for seed in seeds[len(self.losses(trial.label)) :]
            ]
        )

    def add(self, label: str, found: Trained) -> None:
        """Add a training to those of its label."""
        stem = f"runs.{label}"
        steps = next(
            (self.trainer.own[n] for n in ("steps", "epochs") if is_number(self.trainer.own.get(n))), 1
        )
        rows = {"step": float(steps), **{f"{name}_loss": loss for name, loss in found.losses.items()}}
        rows |= {f"{name}_accuracy": value for name, value in found.accuracies.items() if value is not None}
        for name, value in rows.items():
            before = self.kept.get(f"{stem}.{name}", np.zeros((0, 1)))
            self.kept[f"{stem}.{name}"] = np.concatenate([before, [[value]]])
        # Not of the names that figures look for.
        self.kept[f"{STATE}.{label}.highest"] = np.append(
            self.kept.get(f"{STATE}.{label}.highest", np.zeros(0)), found.highest
        )
        points = self.kept.get(f"{STATE}.{label}.points", np.zeros(0, "U64"))
        self.kept[f"{STATE}.{label}.points"] = np.append(points, found.point)
        self.kept[f"{stem}.labels"] = np.array([label])

    def losses(self, label: str) -> Array:
        """Give the training losses of a label [S]."""
        return np.asarray(self.kept.get(f"runs.{label}.train_loss", np.zeros((0, 1)))[:, 0])

    def compare(self, trial: Try, changes: Changes) -> None:
        """Refuse a trial that came to the very point of one that it should differ from: the function does not take what is changed."""
        other = FRESH if trial.fresh else CONTROL
        points, base = (self.kept.get(f"{STATE}.{label}.points") for label in (trial.label, other))
        if trial.label == FRESH:
            base = self.kept.get(f"{STATE}.{CONTROL}.points")
        if points is None or base is None or trial.label == CONTROL or not points[0] or points[0] != base[0]:
            return
        if trial.label == FRESH:
            self.refused[CONTROL] = (
                "the function gives the same from θ as from a fresh start: it does not take the start"
            )
        elif trial.label != "escape" and changes:
            self.refused[trial.label] = f"the function gives the same with {changes} as without"
        self.keep()

    @property
    def takes_start(self) -> bool:
        """Whether the function goes on from θ."""
        return CONTROL not in self.refused

    def outcome(self, trial: Try) -> Outcome:
        """Give what a label came to, forks against the control at the same seeds."""
        train, held = (self.table(trial.label, f"{name}_loss") for name in ("train", self.held))
        assert train is not None
        runs = Runs((trial.label,), np.zeros((1, 1)), train, held)
        control = self.losses(CONTROL)[: train.shape[1]]
        fork = trial.kind == "fork" and trial.label != CONTROL and bool(np.isfinite(control).all())
        return outcome(runs, 0, trial.kind, self.train_loss, control if fork else None)

    def table(self, label: str, name: str) -> Array | None:
        """Give a series of a label as [1, S, 1]; None if there is none."""
        found = self.kept.get(f"runs.{label}.{name}")
        return None if found is None else np.asarray(found)[None]

    def not_taken(self) -> list[str]:
        """Say which interventions the function does not take, and why."""
        said = []
        if not self.takes_start:
            said.append(f"going on from the parameters: {self.refused[CONTROL]}")
        groups = {
            "learning_rate": "other rates", "batch_size": "a larger batch", "optimizer": "Adam", "weight_decay": "less weight decay",
            "dropout": "no dropout", "width": "narrower and wider networks", "data_share": "a learning curve",
        }  # fmt: skip
        for name, words in groups.items():
            if not self.trainer.takes(name):
                said.append(f'{words}: the training function does not read settings.get("{name}", …)')
        needed = {"learning_rate", "batch_size", "weight_decay", "dropout"} - set(self.trainer.own)
        said += [
            f'{groups[name]}: the function reads "{name}" without a value of its own, settings.get("{name}", value)'
            for name in groups
            if name in needed and self.trainer.takes(name)
        ]
        said += [
            f"{worded(label)}: {reason}"
            for label, reason in self.refused.items()
            if remedy_of(label) and label != CONTROL
        ]
        return [*said, NEVER]
