"""Steps 1 and 2: try the remedies of the table, ensemble by ensemble, and train on 16 examples alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from landscape import streams
from landscape.diagnosis.architectures import start_of
from landscape.diagnosis.ensembles import Ensemble, Laboratory, Trial
from landscape.diagnosis.linear import linear_outcome
from landscape.diagnosis.outcomes import Outcome, outcomes
from landscape.diagnosis.remedies import of_kinds
from landscape.diagnosis.remedy import TUNING, USUAL, Kind, Remedy, least_rate
from landscape.diagnosis.subsets import subset
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.training import Recipe

# Examples and updates of the trial whether the network learns a handful.
FEW, FEW_UPDATES = 16, 1000
ALONE = Ensemble("sixteen", "fresh starts on 16 examples alone")
# The kinds of remedies that are tried before larger networks.
FIRST: tuple[Kind, ...] = ("fork", "fresh", "penalty", "output", "simpler")


def plan_words(lab: Laboratory) -> str:
    """Say what is going to be trained at most."""
    first, larger = of_kinds(*FIRST), of_kinds("larger")
    beside = sum(trial.recipe.steps for remedy in first if not remedy.tuned for trial in remedy.trials(lab))
    each = lab.updates(1.0, lab.budget.capacity) * (len(TUNING) + lab.budget.seeds)
    few, more = (each * sum(is_trained(remedy, lab) for remedy in rows) for rows in (first, larger))
    return (
        f"planned: continuing from these parameters, and fresh starts ({beside:,} updates), networks of this size and smaller ones "
        f"({few:,} updates), and, if these do not reach a small loss, larger ones ({more:,} updates)"
    )


def is_trained(remedy: Remedy, lab: Laboratory) -> bool:
    """Say whether a remedy is a network that is tuned and trained by itself."""
    return remedy.tuned and not remedy.change.solved and remedy.change.model(lab) is not None


def outcomes_of(lab: Laboratory, tried: Sequence[Remedy], loss: float) -> list[Outcome]:
    """Try remedies, those of one ensemble at once, and return what those came to that change something here."""
    ensembles: dict[Ensemble, list[Remedy]] = {}
    for remedy in tried:
        ensembles.setdefault(remedy.ensemble(lab), []).append(remedy)
    found: list[Outcome] = []
    for ensemble, members in ensembles.items():
        own = members[0].tuned
        found += alone(lab, members[0], loss) if own else together(lab, ensemble, members, loss)
    return found


def together(lab: Laboratory, ensemble: Ensemble, tried: Sequence[Remedy], loss: float) -> list[Outcome]:
    """Train remedies as one ensemble and return what each came to, by its variant of the least training loss."""
    trials = {remedy: remedy.trials(lab) for remedy in tried}
    labels = {remedy: {trial.label for trial in group} for remedy, group in trials.items() if group}
    if not labels:
        return []
    model = next(iter(labels)).change.model(lab)
    assert model is not None
    factor = next(iter(labels)).change.loss_factor(lab)
    runs = lab.run(ensemble, model, [trial for group in trials.values() for trial in group], factor)
    found = outcomes(runs, {label: remedy.kind for remedy in labels for label in labels[remedy]}, loss)
    return [
        replace(min((o for o in found if o.name in own), key=lambda o: o.train), name=remedy.label)
        for remedy, own in labels.items()
    ]


def alone(lab: Laboratory, remedy: Remedy, loss: float) -> list[Outcome]:
    """Train a remedy by Adam at equal updates: the rate is tuned on one seed, then run on the paired ones."""
    if remedy.change.solved:
        line = linear_outcome(lab, remedy.label, loss)
        return [] if line is None else [line]
    model = remedy.change.model(lab)
    if model is None:
        return []
    factor = remedy.change.loss_factor(lab)
    tuning = [remedy.at_rate(lab, model, rate, lab.seed, f"adam {rate:g}") for rate in TUNING]
    rate = least_rate(lab.run(remedy.rates, model, tuning, factor))
    trials = [remedy.at_rate(lab, model, rate, seed, remedy.label) for seed in lab.seeds]
    return outcomes(lab.run(remedy.ensemble(lab), model, trials, factor), {remedy.label: remedy.kind}, loss)


def sixteen(lab: Laboratory) -> float:
    """Return the part of their constant's loss that fresh starts on a few examples leave on average, without weight decay.

    A network that cannot learn these cannot learn more; one that can may still fail at all of them.
    """
    total = lab.model.examples("train")
    count = min(FEW, total)
    rows = streams.numpy_generator("a few examples", lab.seed).permutation(total)[:count]
    few = replace(subset(lab.model, rows), weight_decay=0.0)
    few = replace(few, data={key: few.data[key] for key in ("x_train", "y_train")})
    constant = constant_loss(NetworkObjective(few, threads=lab.threads))
    if not constant > 0:
        return math.nan
    init = start_of(few)
    trials = [
        Trial(
            "16 examples",
            Recipe(optimizer="adam", learning_rate=USUAL, steps=FEW_UPDATES, seed=s, batch_size=count),
            lab.fresh(few, init, s),
        )
        for s in lab.seeds
    ]
    left = lab.run(ALONE, few, trials).train[0, :, -1] / constant
    return float(np.mean(left)) if np.isfinite(left).all() else math.inf
