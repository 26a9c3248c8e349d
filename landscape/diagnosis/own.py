"""A diagnosis of the user's own objective, such as a PyTorch module: its loss, its curvature, and trainings by the user's function."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.ensembles import Budget
from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.gap import Gap, gap
from landscape.diagnosis.outcomes import Outcome, judged, shared
from landscape.diagnosis.own_ahead import Ahead, OwnTrainings
from landscape.diagnosis.own_applying import measured_at, places_of
from landscape.diagnosis.own_facts import facts
from landscape.diagnosis.own_gaps import generalization
from landscape.diagnosis.own_session import Own
from landscape.diagnosis.own_training import Train, Trainer, unknown_names
from landscape.diagnosis.own_trials import Trials, seeds_of
from landscape.diagnosis.own_tries import FIRST, FRESH, LARGER
from landscape.diagnosis.report_json import accepted_code, report_json
from landscape.diagnosis.state import stability
from landscape.diagnosis.thresholds import thresholds_of
from landscape.diagnosis.verdict import broken, decide
from landscape.errors import InputError, did_you_mean
from landscape.model.required import OF_OBJECTIVES
from landscape.objective import HasValue
from landscape.objective.about import About, about
from landscape.objective.examples import Scores
from landscape.progress import Announce, Progress, counting_toward, nobody, part, silent
from landscape.records import Diagnosis
from landscape.records.earlier import differences, others
from landscape.records.keeping import Fields, Inside, Key, Wanted, produce_inside
from landscape.workers import Workers

Array = NDArray[np.float64]

# Seeds of each trial; a training of the user's is as long as it is.
BUDGETS = {"quick": 0, "standard": 3, "thorough": 5}
# The part of the time that goes before the trainings, and the products of the curvature in it.
BEFORE, PRODUCTS = 0.1, 100
NO_TRAIN = "interventions (other rates, fresh starts, other networks, parts of the data): give train=function"
NEVER = (
    "the log (explosion): a TorchObjective has none; landscape.Recorder keeps one",
    "identical units, and outputs that are the same whatever the parameters: they need a model that was imported",
)
SOUND = "broken: parameters and loss are finite, and a constant prediction has a loss above 0"
IN_RANGE = "broken: parameters and loss are finite, a constant prediction has a loss above 0, and the output's range allows a small loss"


def diagnose_own(
    objective: HasValue, train: Train | None, *, budget: str, given: dict[str, Any], constant_loss: float | None, target_loss: float | None,
    thresholds: Mapping[str, float] | None, seed: int, output: str | Path | None, fresh: bool, executor: Workers | None = None,
    progress: Progress = nobody, announce: Announce = silent,
) -> Diagnosis:  # fmt: skip
    """Diagnose an objective that tells about itself; see `diagnose`.

    Raises
    ------
    InputError
        It tells nothing, the function of the training fails, the loss of a constant prediction is neither found nor given, or workers have nothing to train.
    """
    info = checked(objective, train, budget, constant_loss)
    if executor is not None and (train is None or not BUDGETS[budget]):
        raise InputError(
            "workers do the trainings of a diagnosis, and there are none: give train=function (--train NAME) and a budget that trains, or leave workers out"
        )
    told = {name: value for name, value in given.items() if value is not None}
    limits = thresholds_of(thresholds)
    settings = {
        "budget": budget, **told, "target_loss": target_loss, "constant_loss": constant_loss, "thresholds": limits.told(), "seed": seed,
        "train": named(train), "train_hash": None if train is None else info.identify(train),
    }  # fmt: skip
    key = Key(info.fingerprint(info.theta), info.data, settings)
    own = Own(
        objective, info, None, limits, Budget(budget, 0 if train is None else BUDGETS[budget], (0, 0), (0, 0), 0.0), told,
        math.nan if constant_loss is None else constant_loss, seed, announce,
    )  # fmt: skip
    kept: dict[str, Any] = {}

    def fields(report: dict[str, Any], done: bool) -> Fields:
        return {
            "report": report,
            "series": dict(kept),
            "done": done,
            "settings": {**info.told(), "loss_scale": 1.0, **settings},
        }

    def work(keeper: Inside[Diagnosis]) -> Fields:
        if keeper.earlier is not None:
            kept.update(keeper.earlier.series)
        keeper.state = lambda: fields({}, False) if kept else None
        report = walked(own, train, target_loss, kept, keeper, executor)
        count = 0 if own.trials is None else own.trials.done
        keeper.progress(1.0, f"{count:,} trainings" if count else "no training was needed")
        return fields(report, True)

    return produce_inside(
        Wanted(
            Diagnosis,
            key,
            None if output is None else Path(output),
            fresh,
            progress,
            announce,
            partial(differing, key),
        ),
        work,
    )


def checked(objective: HasValue, train: Train | None, budget: str, constant_loss: float | None) -> About:
    """Return what an objective tells of itself.

    Raises
    ------
    InputError
        It tells nothing, or what was asked for cannot be.
    """
    info = about(objective)
    if info is None or "train" not in info.examples:
        raise InputError(
            f"diagnose needs a model, or a TorchObjective of training data, found {type(objective).__name__}. "
            f"Another objective is taken by {OF_OBJECTIVES}"
        )
    if budget not in BUDGETS:
        raise InputError(
            f"budget: expected one of {', '.join(BUDGETS)}, found {budget!r}{did_you_mean(budget, BUDGETS)}"
        )
    if train is not None and not callable(train):
        raise InputError(
            f"train: expected a function (settings, seed, θ) → (θ, history), found {type(train).__name__}"
        )
    if constant_loss is not None and not (math.isfinite(constant_loss) and constant_loss > 0):
        raise InputError(f"constant_loss: expected a number above 0, found {constant_loss:g}")
    return info


def named(train: Train | None) -> str | None:
    """Name a training function in a record."""
    return None if train is None else str(getattr(train, "__qualname__", type(train).__name__))


def differing(key: Key, found: Diagnosis) -> list[str]:
    """Say how a record differs from the diagnosis that is asked for: also in what the function of the training does, whatever its name."""
    theirs = {name: found.settings.get(name) for name in key.settings}
    told = differences(theirs, key.settings, aside=("train_hash",))
    if theirs["train"] == key.settings["train"] and theirs["train_hash"] != key.settings["train_hash"]:
        told.append(f"another text of {key.settings['train']}, or of what it reads")
    return told + others(found, key.model, key.data)


def walked(
    own: Own, train: Train | None, target: float | None, kept: dict[str, Any], keeper: Inside[Diagnosis], workers: Workers | None
) -> dict[str, Any]:  # fmt: skip
    """Go through the steps and give the report."""
    with counting_toward(part(keeper.progress, 0.0, BEFORE), PRODUCTS):
        evidence = facts(own, target, kept)
    own.not_assessed += NEVER
    if train is None or own.budget.seeds == 0:
        own.not_assessed.append(
            NO_TRAIN if train is None else "interventions: the quick budget trains nothing"
        )
    else:
        own.trials = trials_of(own, train, evidence, kept, keeper, workers)
        own.trials.take_up()
    if not evidence.vetoes:
        if not evidence.is_small and own.trials is not None:
            evidence = training_branch(own, own.trials, evidence)
        verdict = decide(evidence)
        if verdict.code not in ("optimization", "model-bias", "broken", "undetermined"):
            evidence = gap_branch(own, evidence)
    if own.trials is not None and own.trials.done:
        own.not_assessed += own.trials.not_taken()
        own.warned += unknown_names(own.trials.trainer.asked)
    if own.trials is not None:
        if own.trials.ahead is not None:
            own.trials.ahead.end()
        own.trials.note()
    verdict = with_suspicion(own, evidence, decide(evidence))
    report = report_json(own, evidence, verdict, command=next_training(own, verdict), pytorch=verdict.pytorch)
    sound = IN_RANGE if own.ending is not None and not own.ending.reason else SOUND
    said = [sound if text.startswith("broken: ") else text for text in report["ruled_out"]]
    return report | {"ruled_out": said}


def with_suspicion(own: Own, evidence: Evidence, verdict: Verdict) -> Verdict:
    """Return the verdict, or the suspicion that the output's range keeps a loss large of which nothing else is known."""
    if own.suspected is None or evidence.vetoes or evidence.is_small or evidence.outcomes is not None:
        return verdict
    others = () if verdict.code == "undetermined" else (accepted_code(verdict), *verdict.accepted)
    return replace(broken([own.suspected]), confidence="suspected", accepted=others)


def trials_of(
    own: Own, train: Train, evidence: Evidence, kept: dict[str, Any], keeper: Inside[Diagnosis], workers: Workers | None
) -> Trials:  # fmt: skip
    """Make what runs the user's trainings."""
    counted = own.info.examples["train"].count()
    seeds = seeds_of(own.seed, own.budget.seeds)
    progress, expected = part(keeper.progress, BEFORE, 1.0), len(FIRST) + 3 * own.budget.seeds
    trainings = OwnTrainings(own.objective, train, own.told)
    ahead = Ahead(workers, trainings, kept, keeper.save, keeper.computed_on, progress, expected)
    return Trials(
        Trainer(train, own.info, own.told), own.info.theta, evidence.loss, counted, own.held, seeds, own.seed,
        None if own.escaped is None else own.escaped.theta, kept, keeper.save, own.announce,
        progress if workers is None else nobody, expected=expected, ahead=ahead,
    )  # fmt: skip


def training_branch(own: Own, trials: Trials, evidence: Evidence) -> Evidence:
    """Steps 1 and 2: what lowers the training loss, with a larger network only where the same one does not get there."""
    own.announce(
        f"planned: up to {len(FIRST) + len(LARGER)} ways to train, each once, and the best ones with {own.budget.seeds} seeds; "
        "Ctrl-C keeps the finished trainings where there is an output"
    )
    found = trials.outcomes(FIRST[:2])
    found += trials.outcomes([trial for trial in FIRST[2:] if trials.takes_start or trial.fresh])
    found = [o for o in found if o.kind != "fork" or trials.takes_start]
    evidence = measured(own, evidence, found)
    own_best = [o for o in evidence.outcomes or () if o.useful and (o.same or o.kind == "penalty")]
    if min((o.train for o in own_best), default=math.inf) > own.limits.large * own.constant:
        evidence = measured(own, evidence, [*found, *trials.outcomes(LARGER)])
    highs = trials.kept.get(f"train.{FRESH}.highest", np.zeros(0))
    highs = highs[~np.isnan(highs)]
    training = own.training
    state = evidence.state
    if state is not None and training.known:
        # Only now is the rate known that the function has by itself.
        state = replace(state, stability=stability(training.recipe, state.eigenvalue_max))
    rate = training.settings.get("learning_rate")
    return replace(
        evidence, state=state, highest=float(highs.max()) if len(highs) else math.nan,
        optimizer=training.recipe.optimizer if training.settings.get("optimizer") else "",
        learning_rate=float(rate) if isinstance(rate, int | float) else math.nan,
    )  # fmt: skip


def measured(own: Own, evidence: Evidence, found: list[Outcome]) -> Evidence:
    """Say which outcomes are useful, what the best loss is, and every outcome's share of what can be removed."""
    held = constant = math.nan
    if own.held is not None:
        split = own.info.examples[own.held]
        held, _ = split.measured(own.info.theta)
        constant = held_constant(own)
    useful = judged(found, evidence.loss, held, constant, own.limits.useful)
    start = min(evidence.loss, evidence.constant)
    best = min([start, *(o.train for o in useful if o.useful)])
    best = best if evidence.target is None else min(best, evidence.target)
    return replace(evidence, outcomes=tuple(shared(useful, start, best)), best=best)


def held_constant(own: Own) -> float:
    """Give the best constant predictor's loss on the held-out data, the training data's where it is not found."""
    assert own.held is not None
    found = own.info.examples[own.held].constant()
    return found if math.isfinite(found) else own.constant


def gap_branch(own: Own, evidence: Evidence) -> Evidence:
    """Step 3: the gap of the held-out data, and what closes it."""
    own.not_assessed.append("mismatch: an objective has one set of held-out data")
    if own.held is None:
        own.not_assessed.append("overfitting: no held-out data, give test=… to TorchObjective")
        return evidence
    found = gap_of(own)
    if found is None:
        own.not_assessed.append(
            "overfitting: a loss of batches has no losses of single examples; give eight batches or more"
        )
        return evidence
    evidence = replace(evidence, validation_gap=found)
    if not found.clear(own.limits.gap) or own.trials is None:
        return evidence
    by_loss = found.metric == "loss"
    chance = held_constant(own) if by_loss else 1.0 - own.info.examples[own.held].chance()
    curve = generalization(own.trials, by_loss, chance)
    return evidence if curve is None else replace(evidence, generalization=curve)


def gap_of(own: Own) -> Gap | None:
    """Compare the held-out data with the training data, example by example; None if there are no single ones."""
    assert own.held is not None
    splits = [own.info.examples[name] for name in ("train", own.held)]
    scored = []
    for split in splits:
        single = split.single(own.info.theta)
        if single is None:
            return None
        scored.append(Scores(single[0], single[1], np.zeros(0)))
    return gap("train", own.held, scored[0], scored[1], splits[0].chance(), held_constant(own), own.seed)


def next_training(own: Own, verdict: Verdict) -> str:
    """Write the training that the remedy is, as the call of the user's function that `--apply` runs first; empty where it is none."""
    trials = own.trials
    chosen = None if trials is None else trials.chosen.get(verdict.remedy)
    if trials is None or chosen is None:
        return ""
    starts = {"fresh": "theta=None", "escape": "theta=record.series['escape.theta']", "here": "theta"}
    places = places_of(trials.kept, chosen.run, verdict.remedy, own.held, measured_at(own.info))
    seed = trials.seeds[places[0]]
    return f"train({chosen.changes}, {seed}, {starts[chosen.start]})"
