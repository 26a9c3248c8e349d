"""The guide walked with numbers: facts, forks, gaps, verdict, and the record of it all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from landscape.diagnosis import experiments
from landscape.diagnosis.curvature import Escaped
from landscape.diagnosis.ensembles import BUDGETS, Laboratory
from landscape.diagnosis.examples import Scores, scores
from landscape.diagnosis.gaps import chance, gap, gap_of
from landscape.diagnosis.generalization import carved, crossed, generalization
from landscape.diagnosis.outcomes import Outcome, judged, shared
from landscape.diagnosis.recipe import Training, training_of
from landscape.diagnosis.remedy import Plan, plan_of
from landscape.diagnosis.shift import shift_of
from landscape.diagnosis.state import stability_series, state_of
from landscape.diagnosis.telling import told
from landscape.diagnosis.thresholds import Thresholds, thresholds_of
from landscape.diagnosis.verdict import Evidence, decide, is_small
from landscape.diagnosis.vetoes import (
    Veto,
    contradiction_of_log,
    not_finite,
    require_examples,
    vetoes,
    warnings,
)
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.session import session
from landscape.records import Diagnosis
from landscape.records.earlier import earlier_record
from landscape.version import current_version

Say = Callable[[str], object]
Found = TypeVar("Found")
Advance = Callable[[int, int], None]


def silent(*_: Any) -> None:
    """Report to nobody."""


@dataclass
class Walk:
    """A diagnosis in work: what was found so far, and what could not be looked at."""

    lab: Laboratory
    training: Training
    limits: Thresholds
    not_assessed: list[str] = field(default_factory=list)
    first: str = ""
    warned: list[str] = field(default_factory=list)
    escaped: Escaped | None = None
    plan: Plan | None = None

    @property
    def model(self) -> Model:
        """The model."""
        return self.lab.model


def diagnose(
    model: Model,
    *,
    budget: str = "standard",
    optimizer: str | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    target_loss: float | None = None,
    thresholds: Mapping[str, float] | None = None,
    seed: int = 0,
    dtype: str = "float64",
    threads: int | None = None,
    output: str | Path | None = None,
    fresh: bool = False,
    advance: Advance = silent,
    announce: Say = silent,
) -> Diagnosis:
    """Say why a network fails to train or to generalize, or that it does neither; each verdict by an intervention.

    Parameters
    ----------
    model
        The network where it stands, its data and, where it has them, its log and its settings.
    budget
        `quick` trains nothing, `standard` is about two minutes for a small network, `thorough` takes more seeds and updates.
    optimizer, learning_rate, batch_size
        How it was trained, where the file does not say so.
    target_loss
        A training loss that would do.
    thresholds
        Fields of `Thresholds` to change.
    seed
        Of every random number.
    dtype
        Of the trainings; losses and curvature are in float64.
    output, fresh
        Where to save; finished ensembles of an interrupted diagnosis of the same settings are taken up, a finished one is returned
        unless `fresh`.
    advance, announce
        Called with (updates done, updates) of the ensemble in work, and with sentences.

    Raises
    ------
    InputError
        No trainable parameters, an unknown budget, threshold or optimizer; a record of other settings in the way.

    Examples
    --------
    >>> from landscape.model import build_model
    >>> x = np.linspace(-1, 1, 30)[:, None]
    >>> line = build_model(layers=[(np.array([[2.0]]), np.zeros(1))], loss="mse", x_train=x, y_train=2 * x)
    >>> found = diagnose(line, budget="quick").report
    >>> found["verdict"], found["confidence"]
    ('healthy', 'suspected')
    """
    given = {"optimizer": optimizer, "learning_rate": learning_rate, "batch_size": batch_size}
    walk = prepared(model, budget, given, thresholds, seed, dtype, threads, advance, announce)
    settings = {
        "budget": budget, **given, "target_loss": target_loss, "thresholds": walk.limits.told(), "seed": seed, "device": "cpu",
        "dtype": dtype,
    }  # fmt: skip
    identity = {"model": model.fingerprint(), "data": model.data_fingerprint()}
    found = earlier_record(Diagnosis, output, **identity, settings=settings, fresh=fresh)
    if found is not None and found.done:
        return found
    begun = time.perf_counter()
    words = {"model_name": model.name, "loss": model.loss, "loss_scale": model.loss_scale}

    def record(report: dict[str, Any], done: bool) -> Diagnosis:
        return Diagnosis(
            **identity, settings={**words, **settings}, version=current_version(), seconds=time.perf_counter() - begun,
            report=report, series=dict(walk.lab.kept), done=done,
        )  # fmt: skip

    if found is not None and found.version == current_version():
        walk.lab.kept.update(found.series)
        announce(f"taking up {sum(name.endswith('.labels') for name in found.series)} finished ensembles")
    if output is not None:
        walk.lab.save = lambda: record({}, False).save(output)
    with session():
        report = walked(walk, target_loss)
    result = record(report, True)
    if output is not None:
        result.save(output)
    return result


def prepared(
    model: Model, budget: str, given: dict[str, Any], changes: Mapping[str, float] | None, seed: int, dtype: str,
    threads: int | None, advance: Advance, announce: Say,
) -> Walk:  # fmt: skip
    """Check what was asked for."""
    if budget not in BUDGETS:
        raise InputError(f"budget: expected one of {', '.join(BUDGETS)}, found {budget!r}")
    require_examples(model)
    limits, training = thresholds_of(changes), training_of(model, given, seed)
    held = next((split for split in ("validation", "test") if split in model.splits), None)
    lab = Laboratory(
        model,
        training,
        limits,
        BUDGETS[budget],
        held,
        seed,
        threads,
        dtype,
        announce=announce,
        advance=advance,
    )
    return Walk(lab, training, limits)


def walked(walk: Walk, target: float | None) -> dict[str, Any]:
    """Go through the steps and give the report."""
    evidence = facts(walk, target)
    if not evidence.vetoes and math.isfinite(evidence.loss):
        if not is_small(evidence):
            evidence = training_branch(walk, evidence)
        verdict = decide(evidence)
        if verdict.code not in ("optimization", "model-bias", "broken", "undetermined"):
            evidence = gap_branch(walk, evidence)
    verdict = decide(evidence)
    walk.plan = plan_of(walk.lab, verdict, walk.escaped)
    if walk.escaped is not None:
        walk.lab.kept |= walk.escaped.series()
    command = "" if walk.plan is None else walk.plan.command(walk.model)
    return told(
        evidence, verdict, command=command, first=walk.first, warned=walk.warned, not_assessed=walk.not_assessed,
        training=walk.training, budget=walk.lab.budget.name,
    )  # fmt: skip


def facts(walk: Walk, target: float | None) -> Evidence:
    """Take what needs no training: losses, vetoes, the log, and the parameters where the loss is large."""
    model, limits = walk.model, walk.limits
    damaged = not_finite(model)
    if damaged is not None:
        return Evidence(loss=math.nan, constant=math.nan, limits=limits, vetoes=(damaged,))
    objective = NetworkObjective(model, "train", threads=walk.lab.threads)
    evaluated, constant = objective.evaluate(model.theta), constant_loss(objective)
    if not math.isfinite(evaluated.loss):
        reason = f"the training loss is {evaluated.loss}"
        veto = Veto(
            "exploding",
            reason,
            math.nan,
            0.0,
            "go back to a finite checkpoint, with a smaller rate or --clip",
        )
        return Evidence(loss=evaluated.loss, constant=constant, limits=limits, vetoes=(veto,))
    walk.first = contradiction_of_log(model, evaluated.loss, evaluated.penalty, constant)
    walk.warned = warnings(model, limits)
    missing(walk)
    scored = scores(model, "train", threads=walk.lab.threads)
    found, constant_here = vetoes(model, scored, constant, limits, walk.lab.seed)
    evidence = Evidence(
        loss=evaluated.loss, constant=constant, limits=limits, vetoes=tuple(found), target=target, held=walk.lab.held,
        optimizer=walk.training.recipe.optimizer, learning_rate=walk.training.recipe.learning_rate, highest=highest(walk),
    )  # fmt: skip
    if not found and not is_small(evidence):
        walk.lab.announce("looking at the parameters and the curvature")
        state, walk.escaped = state_of(
            model,
            walk.training.recipe,
            constant,
            limits,
            constant_output=constant_here,
            threads=walk.lab.threads,
        )
        walk.lab.kept |= stability_series(model, walk.training.recipe, walk.lab.threads)
        if not math.isfinite(state.decrement):
            walk.not_assessed.append("curvature: too many parameters, or products that are not finite")
        evidence = replace(evidence, state=state)
    return evidence


def missing(walk: Walk) -> None:
    """Note what the file and the options leave open."""
    if walk.first:
        walk.not_assessed.append("the log (explosion, updates spent): it contradicts the parameters")
        walk.lab.training = walk.training = replace(walk.training, spent=None)
    elif not walk.model.history:
        walk.not_assessed.append("the log (explosion): there is none")
    if walk.training.missing:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in walk.training.missing if name != "steps")
        assumed = walk.training.recipe
        if names:
            walk.not_assessed.append(
                f"your own recipe: {names} not given; forks are of {assumed.optimizer} at {assumed.learning_rate:g}, batch {assumed.batch_size}"
            )


def highest(walk: Walk) -> float:
    """Give the highest training loss of the log; NaN where the log is closed or missing."""
    series = walk.model.history.get("train_loss")
    if series is None or walk.first or not len(series):
        return math.nan
    values = np.asarray(series, np.float64)
    return math.inf if not np.isfinite(values).all() else float(values.max())


def training_branch(walk: Walk, evidence: Evidence) -> Evidence:
    """Steps 1 and 2: what lowers the training loss; larger networks only where the same one does not get there."""
    lab, loss = walk.lab, evidence.loss
    if lab.budget.seeds == 0:
        walk.not_assessed.append("forks, baselines and larger networks: the quick budget trains nothing")
        return evidence
    lab.announce(experiments.plan_words(lab, walk.escaped))
    try:
        found = experiments.fork_outcomes(lab, walk.escaped, loss)
        found += experiments.penalty_outcomes(lab, loss)
        found += experiments.standardized_outcomes(lab, loss)
        found += experiments.simpler_outcomes(lab, loss)
        evidence = measured(walk, evidence, found)
        if not reached(evidence):
            found += experiments.larger_outcomes(lab, loss)
            evidence = measured(walk, evidence, found)
    except InputError as error:
        walk.not_assessed.append(f"forks, baselines and larger networks: {error}")
        return evidence
    if experiments.chain_of(walk.model) is None:
        walk.not_assessed.append("width and depth: the network is no plain chain of dense layers")
    return evidence


def reached(evidence: Evidence) -> bool:
    """Tell whether the same network was brought to a small loss, so that no larger one is needed."""
    kinds = ("fork", "fresh", "penalty")
    least = min((o.train for o in evidence.outcomes or () if o.useful and o.kind in kinds), default=math.inf)
    return least <= evidence.limits.large * evidence.constant


def measured(walk: Walk, evidence: Evidence, found: list[Outcome]) -> Evidence:
    """Say which outcomes are useful, what the best loss is, and every outcome's share of what can be removed."""
    held = constant = math.nan
    if walk.lab.held is not None:
        objective = NetworkObjective(walk.model, walk.lab.held, threads=walk.lab.threads)
        held, constant = objective.evaluate(walk.model.theta).loss, constant_loss(objective)
    useful = judged(found, evidence.loss, held, constant, walk.limits.useful)
    best = min([evidence.loss, *(o.train for o in useful if o.useful)])
    best = best if evidence.target is None else min(best, evidence.target)
    return replace(evidence, outcomes=tuple(shared(useful, evidence.loss, best)), best=best)


def gap_branch(walk: Walk, evidence: Evidence) -> Evidence:
    """Step 3: gaps, and what explains and closes them; a validation set is carved out of the training set where there is none."""
    model, splits = walk.model, walk.model.splits
    if "validation" in splits:
        scored = {split: scores(model, split, threads=walk.lab.threads) for split in splits}
        return gaps_seen(walk, model, scored, evidence)
    if "test" not in splits:
        return crossed_gap(walk, evidence)
    scored = {split: scores(model, split, threads=walk.lab.threads) for split in splits}
    together = gap_of(model, "train", "test", scored, walk.lab.seed)
    evidence = replace(evidence, validation_gap=together)
    if not together.material(walk.limits.shift):
        walk.not_assessed.append(
            "validation against test: no validation data (test against training shows no gap)"
        )
        return evidence
    refit = refitted(
        walk, carved, "mismatch: no validation data, so that the gap of test is taken for overfitting's"
    )
    if refit is None:
        return overfit(walk, evidence)
    parts = {split: scores(refit, split, threads=walk.lab.threads) for split in refit.splits}
    found = gaps_seen(walk, refit, parts, evidence)
    if found.test_gap is not None and found.test_gap.material(walk.limits.shift):
        return found
    return overfit(walk, replace(found, validation_gap=together))


def crossed_gap(walk: Walk, evidence: Evidence) -> Evidence:
    """Without any held-out data: the gap of examples that refits did not see."""
    walk.not_assessed.append("mismatch: no test data")
    scored = refitted(walk, crossed, "overfitting: no validation or test data")
    if scored is None:
        return evidence
    model, seed = walk.model, walk.lab.seed
    constant = constant_loss(NetworkObjective(model, "train", threads=walk.lab.threads))
    seen = gap(
        "train", "validation", scored["train"], scored["validation"], chance(model, "train"), constant, seed
    )
    return overfit(walk, replace(evidence, validation_gap=seen))


def refitted(walk: Walk, refit: Callable[[Laboratory], Found | None], otherwise: str) -> Found | None:
    """Carve validation data out and refit; None, and a note, where that cannot be."""
    reason = otherwise
    if walk.lab.budget.seeds:
        try:
            found = refit(walk.lab)
            if found is not None:
                return found
            reason = f"{otherwise}, and too few examples to carve some out"
        except InputError as error:
            reason = f"{otherwise}; {error}"
    walk.not_assessed.append(reason)
    return None


def gaps_seen(walk: Walk, model: Model, scored: dict[str, Scores], evidence: Evidence) -> Evidence:
    """Take both gaps; explain the second, verify the first."""
    seed, limits = walk.lab.seed, walk.limits
    evidence = replace(evidence, validation_gap=gap_of(model, "train", "validation", scored, seed))
    if "test" in scored:
        second = gap_of(model, "validation", "test", scored, seed)
        material = second.material(limits.shift)
        walk.lab.announce("comparing validation with test")
        shift = shift_of(model, "validation", "test", seed, explain=material)
        evidence = replace(evidence, test_gap=second, shift=shift)
    else:
        walk.not_assessed.append("mismatch: no test data")
    return overfit(walk, evidence) if "validation" in walk.model.splits else evidence


def overfit(walk: Walk, evidence: Evidence) -> Evidence:
    """Verify overfitting by a learning curve and constraints, where the gap is material."""
    first = evidence.validation_gap
    if first is None or not first.material(walk.limits.gap) or walk.lab.budget.seeds == 0:
        return evidence
    if walk.lab.held is None:
        walk.not_assessed.append("a learning curve: no held-out data of the file's own")
        return evidence
    try:
        return replace(evidence, generalization=generalization(walk.lab))
    except InputError as error:
        walk.not_assessed.append(f"a learning curve: {error}")
        return evidence
