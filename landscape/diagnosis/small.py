"""Step 3: the gaps of a small training loss, what explains them and what closes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from landscape.diagnosis.ensembles import Laboratory
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.examples import Scores, scores
from landscape.diagnosis.gaps import chance, gap, gap_of
from landscape.diagnosis.learning_curve import generalization
from landscape.diagnosis.shift import shift_of
from landscape.diagnosis.subsets import carved, crossed
from landscape.diagnosis.walk import Walk
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss

Found = TypeVar("Found")


def gap_branch(walk: Walk, evidence: Evidence) -> Evidence:
    """Step 3: gaps, and what explains and closes them; a validation set is carved out of the training set where there is none."""
    model, splits = walk.model, walk.model.splits
    if "validation" in splits:
        scored = {split: scores(model, split, threads=walk.lab.threads) for split in splits}
        return gaps_seen(walk, model, scored, evidence)
    if "test" not in splits:
        return crossed_gap(walk, evidence)
    scored = {split: scores(model, split, threads=walk.lab.threads) for split in splits}
    together = gap_of(model, "train", "test", scored, walk.lab.seed, walk.lab.threads)
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
    evidence = replace(
        evidence, validation_gap=gap_of(model, "train", "validation", scored, seed, walk.lab.threads)
    )
    if "test" in scored:
        second = gap_of(model, "validation", "test", scored, seed, walk.lab.threads)
        material = second.material(limits.shift)
        if second.high < 0 and second.part < -limits.shift:
            walk.warned.append(
                f"leakage: test {second.metric} is better than validation's by {-second.part:.2f} of its range (above {limits.shift:g})"
            )
        walk.lab.announce("comparing validation with test")
        shift = shift_of(model, "validation", "test", seed, explain=material, threads=walk.lab.threads)
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
