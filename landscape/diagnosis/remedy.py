"""A remedy: its change, its names, the cause that it indicates, and how it is tried and applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from landscape.diagnosis.architectures import start_of
from landscape.diagnosis.changes import Change
from landscape.diagnosis.ensembles import Ensemble, Laboratory, Runs, Trial
from landscape.diagnosis.outcomes import best_look
from landscape.diagnosis.plan import MOST_BATCH, Plan, settings_of
from landscape.diagnosis.subtypes import Rule
from landscape.model import Model
from landscape.training import Recipe

# Rates of Adam that every network is tuned over, alike; the middle one where nothing is tuned.
TUNING = (1e-3, 3e-3, 1e-2)
USUAL = TUNING[1]

Kind = Literal["fork", "fresh", "penalty", "output", "simpler", "larger", "constraint", "rewrite"]


@dataclass(frozen=True)
class Remedy:
    """Something that may lower a loss, and that a diagnosis tries.

    Attributes
    ----------
    label
        What records and figures know it by.
    words
        What a reader sees.
    kind
        "fork" (the same network from its parameters), "fresh" (the same network from a new start), "penalty" (less weight decay or
        dropout), "output" (without the last activation), "simpler" or "larger" (another network), "constraint" (of a network that
        overfits), "rewrite" (of what is broken, without a trial).
    change
        What differs from the user's training.
    rank
        Of remedies of the same network, or of larger networks, that do about as well, the one of the least rank names the cause.
    rule
        Names the sub-type where it won.
    start
        Where its training begins: "here", at the parameters as they are, or at a "fresh" start.
    optimizer
        The user's own (None), or "adam".
    tuned
        Whether Adam's rate is chosen among `TUNING` by runs of another seed, and a run by equal updates.
    proves
        Sub-types that it names by itself, whatever the parameters show.
    """

    label: str
    words: str
    kind: Kind
    change: Change
    rank: float
    rule: Rule
    start: Literal["here", "fresh"] = "here"
    optimizer: Literal["adam"] | None = None
    tuned: bool = False
    proves: tuple[str, ...] = ()

    def ensemble(self, lab: Laboratory) -> Ensemble:
        """Return the ensemble that it is tried in, one of its own where it is tuned."""
        return Ensemble(self.label, self.words) if self.tuned else self.change.ensemble(lab)

    @property
    def rates(self) -> Ensemble:
        """The ensemble that chooses its rate, where it is tuned."""
        return Ensemble(f"{self.label}.rates", f"{self.words}, to choose its rate")

    def trials(self, lab: Laboratory) -> list[Trial]:
        """Return its trainings beside others, one for each seed, or none where there is nothing to change."""
        model = self.change.model(lab)
        if model is None:
            return []
        return [
            Trial(self.label + more, self.recipe(lab, seed, **settings), self.begin(lab, model, seed))
            for more, settings in self.change.variants(lab).items()
            for seed in lab.seeds
        ]

    def recipe(self, lab: Laboratory, seed: int, **changes: object) -> Recipe:
        """Return the recipe of a trial beside others, with fewer updates for what goes on from the parameters."""
        long = lab.updates(1.0, lab.budget.capacity)
        steps = lab.updates(0.1, lab.budget.fork) if self.kind in ("fork", "output") else long
        if self.optimizer is None:
            return lab.recipe(steps, seed, **changes)
        return lab.adam(USUAL, steps, seed, lab.training.recipe.batch_size, **changes)

    def begin(self, lab: Laboratory, model: Model, seed: int) -> np.ndarray:
        """Return the parameters [P] that a training begins at."""
        return model.theta if self.start == "here" else lab.fresh(model, start_of(model), seed)

    def at_rate(self, lab: Laboratory, model: Model, rate: float, seed: int, label: str) -> Trial:
        """Return a training of a tuned remedy."""
        size, steps = min(lab.training.recipe.batch_size, MOST_BATCH), lab.updates(1.0, lab.budget.capacity)
        return Trial(label, lab.adam(rate, steps, seed, size), self.begin(lab, model, seed))

    def tuned_rate(self, lab: Laboratory) -> float:
        """Return the rate of Adam that it was tuned to, or the middle one where it was not."""
        tried = lab.finished(self.rates) if self.tuned else None
        return USUAL if tried is None else least_rate(tried)

    def plan(self, lab: Laboratory) -> Plan | None:
        """Return its best trial as a training of the user's file, or None if there is no such network.

        It has that trial's recipe, start, seed and updates, up to the look that counted; where none was run, those of the first seed.
        """
        if self.change.solved:
            model = self.change.model(lab)
            return None if model is None else Plan(model, {}, ready=True)
        planned = self.change.planned(lab)
        if planned is None:
            return None
        init = start_of(planned.model) if self.start == "fresh" else None
        recipe, steps = self.best_trial(lab, planned.model)
        settings = settings_of(recipe, steps) | planned.settings
        return Plan(
            planned.model,
            settings,
            planned.words,
            init,
            lab.dtype,
            lab.training.penalty,
            self.change.back(lab),
        )

    def best_trial(self, lab: Laboratory, model: Model) -> tuple[Recipe, int]:
        """Return the recipe and the updates of the run that came lowest, of those that were run."""
        seen = replace(lab, held=lab.held or "validation")
        if self.tuned:
            runs = seen.finished(self.ensemble(lab))
            trials = [self.at_rate(lab, model, self.tuned_rate(lab), seed, self.label) for seed in lab.seeds]
        elif self.kind == "constraint":
            runs = seen.finished(self.ensemble(lab))
            long = lab.updates(1.0, lab.budget.capacity)
            trials = [Trial(self.label, lab.recipe(long, seed), model.theta) for seed in lab.seeds]
        else:
            runs, trials = seen.finished(self.change.ensemble(lab)), self.trials(lab)
        labels = list(dict.fromkeys(trial.label for trial in trials))
        if not trials:
            return lab.recipe(lab.updates(1.0, lab.budget.capacity), lab.seed), lab.updates(
                1.0, lab.budget.capacity
            )
        if runs is None:
            return trials[0].recipe, trials[0].recipe.steps
        found = [
            group
            for group in range(len(runs.labels))
            if runs.labels[group] in labels or len(runs.labels) == 1
        ]
        if not found:
            return trials[0].recipe, trials[0].recipe.steps
        group, place, look = lowest(runs, found)
        wanted = runs.labels[group] if runs.labels[group] in labels else labels[0]
        recipe = [trial.recipe for trial in trials if trial.label == wanted][place]
        return recipe, int(runs.step[group][look])


def lowest(runs: Runs, groups: Sequence[int]) -> tuple[int, int, int]:
    """Return the group, the seed and the look of the lowest training loss: the group by its mean, the look as outcomes take it."""
    ends = []
    for group in groups:
        good = np.isfinite(runs.train[group][:, -1])
        look = best_look(None if runs.held is None else runs.held[group][good], runs.train[group][good])
        values = np.where(good, runs.train[group][:, look], np.inf)
        mean = float(values[good].mean()) if good.any() else np.inf
        ends.append((mean, group, int(np.argmin(values)), look))
    return min(ends)[1:]


def least_rate(tried: Runs) -> float:
    """Return the rate of the least final loss."""
    finals = np.where(np.isfinite(tried.train[:, 0, -1]), tried.train[:, 0, -1], np.inf)
    return TUNING[int(np.argmin(finals))]
