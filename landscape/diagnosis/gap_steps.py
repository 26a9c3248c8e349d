"""Step 3: the gaps of a small training loss, what explains them and what closes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from landscape.diagnosis.baselines import constant_lead, copied, linear_lead, linear_words
from landscape.diagnosis.ensembles import Laboratory
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.gap import chance, gap, gap_of
from landscape.diagnosis.gap_rules import is_shifted
from landscape.diagnosis.learning_curve import generalization, linear_learns
from landscape.diagnosis.session import Session
from landscape.diagnosis.shift import CLOSES, RARE, shift_of
from landscape.diagnosis.signal import disordered, signal_of
from landscape.diagnosis.splits import SplitShift, split_shift
from landscape.diagnosis.subsets import carved, crossed, resplit
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import Scores, scores

Found = TypeVar("Found")

# Inputs of training and validation that a classifier tells apart so well were hardly split by chance.
APART = 0.8


def gap_branch(session: Session, evidence: Evidence) -> Evidence:
    """Step 3: gaps, and what explains and closes them, on a validation set from the training set if there is none."""
    model, splits = session.model, session.model.splits
    if not np.isfinite(evidence.loss):
        return evidence
    evidence = replace(evidence, baseline=copied(model, session.lab.held, session.lab.threads))
    if evidence.is_small:
        session.warned += linear_words(
            linear_lead(model, session.lab.held, session.lab.threads), evidence.constant
        )
    else:
        lead = constant_lead(model, session.lab.held, session.lab.threads)
        evidence = with_signal(session, replace(evidence, beside_constant=lead))
    if "validation" in splits:
        scored = {split: scores(model, split, threads=session.lab.threads) for split in splits}
        return gaps_seen(session, model, scored, evidence)
    if "test" not in splits:
        return crossed_gap(session, evidence)
    scored = {split: scores(model, split, threads=session.lab.threads) for split in splits}
    together = gap_of(model, "train", "test", scored, session.lab.seed, session.lab.threads)
    evidence = replace(evidence, validation_gap=together)
    if not together.material(session.limits.shift):
        session.not_assessed.append(
            "validation against test: no validation data (test against training shows no gap)"
        )
        return evidence
    refit = refitted(
        session, carved, "mismatch: no validation data, so that the gap of test is taken for overfitting's"
    )
    if refit is None:
        return overfit(session, evidence)
    parts = {split: scores(refit, split, threads=session.lab.threads) for split in refit.splits}
    found = gaps_seen(session, refit, parts, evidence)
    if is_shifted(found):
        return found
    return overfit(session, replace(found, validation_gap=together))


def with_signal(session: Session, evidence: Evidence) -> Evidence:
    """Look whether the inputs tell anything of the targets, once."""
    if evidence.signal is not None:
        return evidence
    found = signal_of(session.model, session.lab.seed)
    session.warned += disordered(found)
    return replace(evidence, signal=found)


def crossed_gap(session: Session, evidence: Evidence) -> Evidence:
    """Without any held-out data: the gap of examples that refits did not see."""
    session.not_assessed.append("mismatch: no test data")
    scored = refitted(session, crossed, "overfitting: no validation or test data")
    if scored is None:
        return evidence
    model, seed = session.model, session.lab.seed
    constant = constant_loss(NetworkObjective(model, "train", threads=session.lab.threads))
    seen = gap(
        "train", "validation", scored["train"], scored["validation"], chance(model, "train"), constant, seed
    )
    return overfit(session, replace(evidence, validation_gap=seen))


def refitted(session: Session, refit: Callable[[Laboratory], Found | None], otherwise: str) -> Found | None:
    """Carve validation data out and refit, or return None, and leave a note, where that cannot be."""
    reason = otherwise
    if session.lab.budget.seeds:
        try:
            found = refit(session.lab)
            if found is not None:
                return found
            reason = f"{otherwise}, and too few examples to carve some out"
        except InputError as error:
            reason = f"{otherwise}; {error}"
    session.not_assessed.append(reason)
    return None


def gaps_seen(session: Session, model: Model, scored: dict[str, Scores], evidence: Evidence) -> Evidence:
    """Take both gaps, explain the second and verify the first."""
    seed, limits = session.lab.seed, session.limits
    evidence = replace(
        evidence, validation_gap=gap_of(model, "train", "validation", scored, seed, session.lab.threads)
    )
    if "test" in scored:
        second = gap_of(model, "validation", "test", scored, seed, session.lab.threads)
        material = second.material(limits.shift)
        if second.high < 0 and second.part < -limits.shift:
            session.warned.append(
                f"leakage: test {second.metric} is better than validation's by {-second.part:.2f} of its range (above {limits.shift:g})"
            )
        session.lab.announce("comparing validation with test")
        shift = shift_of(model, "validation", "test", seed, explain=material, threads=session.lab.threads)
        evidence = replace(evidence, test_gap=second, shift=shift)
    else:
        session.not_assessed.append("mismatch: no test data")
    if "validation" not in session.model.splits:
        return evidence
    evidence = ordered_split(session, evidence)
    return evidence if evidence.split is not None and evidence.split.explains else overfit(session, evidence)


def ordered_split(session: Session, evidence: Evidence) -> Evidence:
    """Look whether validation was split off by order, where its gap counts: by classes, by inputs that can be told apart, and by a split by chance."""
    first, model, lab = evidence.validation_gap, session.model, session.lab
    if first is None or not first.material(session.limits.gap):
        return evidence
    found = split_shift(model, "validation") or SplitShift(
        split="validation", unseen=0.0, distance=0.0, p=math.nan
    )
    apart = found.by_order or found.unseen > 0
    if not apart:
        inputs = shift_of(model, "train", "validation", lab.seed, explain=False, threads=lab.threads)
        apart = inputs.auc >= APART and inputs.p <= RARE
    if not apart:
        return evidence
    if lab.budget.seeds:
        try:
            other = resplit(lab, "validation")
        except InputError as error:
            session.not_assessed.append(f"a split by chance: {error}")
            other = None
        if other is not None:
            parts = {split: scores(other, split, threads=lab.threads) for split in ("train", "validation")}
            again = gap_of(other, "train", "validation", parts, lab.seed, lab.threads)
            found = replace(found, resplit=again.part, explains=again.part < CLOSES * first.part)
    return replace(evidence, split=found)


def overfit(session: Session, evidence: Evidence) -> Evidence:
    """Verify overfitting by a learning curve and constraints, where the gap is clear."""
    first = evidence.validation_gap
    if first is None or not first.clear(session.limits.gap):
        return evidence
    evidence = with_signal(session, evidence)
    if session.lab.budget.seeds == 0:
        return evidence
    if session.lab.held is None:
        session.not_assessed.append("a learning curve: no held-out data of the file's own")
        return evidence
    evidence = replace(evidence, linear_learns=linear_learns(session.lab, first.metric == "loss"))
    try:
        return replace(evidence, generalization=generalization(session.lab))
    except InputError as error:
        session.not_assessed.append(f"a learning curve: {error}")
        return evidence
