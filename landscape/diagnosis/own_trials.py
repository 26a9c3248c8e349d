"""What a diagnosis has a user's own training try, and what each trial came to; every training is kept as it ends."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.ensembles import Runs, Series
from landscape.diagnosis.generalization import Constrained, Generalization
from landscape.diagnosis.outcomes import CONTROL, Outcome, half_interval, outcome
from landscape.diagnosis.own_ahead import Ahead, Asked
from landscape.diagnosis.own_training import Trained, Trainer
from landscape.diagnosis.own_tries import (
    CONSTRAINTS,
    FRESH,
    SHORTER,
    Changes,
    Try,
    always,
    is_number,
)
from landscape.diagnosis.remedies import remedy_of, worded
from landscape.progress import Announce, Progress, counted, nobody, silent

Array = NDArray[np.float64]

# Trials whose first seed removes at least this share of what the best one's does are run with all seeds.
WORTH = 0.5
# Parts of the training set of a learning curve.
PARTS = (0.25, 0.5, 1.0)
STATE = "train"


# What a function of the user's is never asked for.
NEVER = "other depths and activations, standardized inputs, 16 examples alone: a training function is not asked for them"


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
    chosen: dict[str, Changes] = field(default_factory=dict)
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
        """Keep what is known of the function, and write it."""
        trainer = self.trainer
        own = {
            name: value for name, value in trainer.own.items() if is_number(value) or isinstance(value, str)
        }
        state = {
            "asked": sorted(trainer.asked),
            "all_read": trainer.all_read,
            "own": own,
            "refused": self.refused,
        }
        self.kept[f"{STATE}.state"] = np.array(json.dumps(state))
        self.save()

    def begin(self, trial: Try) -> Array | None:
        """Return where a trial starts: the point as it is, the end of the step from the saddle, or None for a fresh start."""
        if trial.fresh:
            return None
        return self.escaped if trial.label == "escape" else self.start

    def changes(self, trial: Try) -> Changes | None:
        """Return the settings of a trial; None where the function does not take it, or there is nothing to change."""
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
        self.chosen[trial.label] = changes | found
        return self.chosen[trial.label]

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
        """Give a series of a label as [1, S, 1]; None where there is none."""
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

    def generalization(self, by_loss: bool, chance: float) -> Generalization | None:
        """Train afresh on parts of the training set and constrained; None where the function takes no part of the data."""
        if self.held is None:
            return None
        # The first training shows what the function reads.
        self.foresee([(Try(FRESH, fresh=True), {})], self.seeds)
        self.run(Try(FRESH, fresh=True), {}, self.seeds)
        if not self.trainer.takes("data_share") or FRESH in self.refused:
            return None
        parts = [Try(f"part {part:g}", ("data_share",), fresh=True) for part in PARTS[:-1]]
        shares = [(trial, {"data_share": part}) for trial, part in zip(parts, PARTS, strict=False)]
        limits = [(trial, changes) for trial in CONSTRAINTS if (changes := self.changes(trial)) is not None]
        self.foresee([*shares, *limits], self.seeds)
        for trial, share in shares:
            self.run(trial, share, self.seeds)
        tables = [self.error(label, by_loss) for label in (*(trial.label for trial in parts), FRESH)]
        if any(table is None or len(table) != len(self.seeds) for table in tables):
            return None
        curve = [table for table in tables if table is not None]
        whole = curve[-1]
        tried = [self.constrained([trial], whole, by_loss) for trial in CONSTRAINTS]
        length = next((name for name in ("steps", "epochs") if is_number(self.trainer.own.get(name))), None)
        if length is not None:
            count = self.trainer.own[length]
            sizes = dict.fromkeys(max(1, round(part * count)) for part in SHORTER)
            shorter = [
                Try(f"early stopping.{size}", (length,), True, always(**{length: size})) for size in sizes
            ]
            self.foresee(
                [(trial, changes) for trial in shorter if (changes := self.changes(trial))], self.seeds
            )
            tried.append(self.constrained(shorter, whole, by_loss))
        return Generalization(
            sizes=tuple(max(1, round(part * self.examples)) for part in PARTS),
            curve=tuple(float(table.mean()) for table in curve), halves=tuple(half_interval(table) for table in curve), test_curve=(),
            remedies=tuple(found for found in tried if found is not None), metric="loss" if by_loss else "error rate", chance=chance,
        )  # fmt: skip

    def constrained(self, trials: Sequence[Try], control: Array, by_loss: bool) -> Constrained | None:
        """Compare a constraint, in its variant of the least held-out error, with the same trainings without it."""
        leads = []
        for trial in trials:
            changes = self.changes(trial)
            if changes is None:
                continue
            self.run(trial, changes, self.seeds)
            error = self.error(trial.label, by_loss)
            if error is not None and len(error) == len(control) and np.isfinite(error).all():
                leads.append(control - error)
        if not leads:
            return None
        best = max(leads, key=lambda lead: float(lead.mean()))
        name = trials[0].label.partition(".")[0] if len(trials) > 1 else trials[0].label
        return Constrained(name=name, gain=float(best.mean()), half=half_interval(best))

    def error(self, label: str, by_loss: bool) -> Array | None:
        """Give the held-out error rates or losses of a label [S]; None where it was not run."""
        found = self.kept.get(f"runs.{label}.{self.held}_{'loss' if by_loss else 'accuracy'}")
        if found is None:
            return None
        values = np.asarray(found)[:, 0]
        return values if by_loss else 1.0 - values
