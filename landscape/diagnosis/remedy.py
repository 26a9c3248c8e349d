"""A remedy as a value: what it changes, how it is called, what it names where it wins, how it is tried and applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from landscape.diagnosis.architectures import start_of
from landscape.diagnosis.changes import Change
from landscape.diagnosis.ensembles import Ensemble, Laboratory, Runs, Trial
from landscape.diagnosis.plan import MOST_BATCH, Plan, adam_settings, own_settings
from landscape.diagnosis.subtypes import Rule
from landscape.model import Model
from landscape.training import Recipe

# Rates of Adam that every network is tuned over, alike; the middle one where nothing is tuned.
TUNING = (1e-3, 3e-3, 1e-2)
USUAL = TUNING[1]

Kind = Literal["fork", "fresh", "penalty", "simpler", "larger", "constraint"]


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
        dropout), "simpler" or "larger" (another network), "constraint" (of a network that overfits).
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
    rank: int
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
        steps = lab.updates(0.1, lab.budget.fork) if self.kind == "fork" else long
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
        """Return it as a training of the user's file, or None where there is no such network."""
        planned = self.change.planned(lab)
        if planned is None:
            return None
        init = start_of(planned.model) if self.start == "fresh" else None
        adam = None if self.optimizer is None else adam_settings(lab, self.tuned_rate(lab))
        settings = own_settings(lab, **planned.settings) if adam is None else adam | planned.settings
        return Plan(planned.model, settings, planned.words, init, lab.dtype, lab.training.penalty)


def least_rate(tried: Runs) -> float:
    """Return the rate of the least final loss."""
    finals = np.where(np.isfinite(tried.train[:, 0, -1]), tried.train[:, 0, -1], np.inf)
    return TUNING[int(np.argmin(finals))]
