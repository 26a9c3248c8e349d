"""The report as plain JSON: the verdict, why, what was ruled out and by which number, what to do, what was not looked at."""

from __future__ import annotations

import math
from typing import Any

from landscape.diagnosis.beside import beside
from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.outcomes import Outcome, best_of, plain, worded
from landscape.diagnosis.recipe import Training
from landscape.diagnosis.subtypes import SAME

MOST_REASONS = 3
ADVICE = {
    "more data": "collect more training data: the learning curve still falls",
    "preprocessing": "prepare the test inputs as the training inputs were",
    "label-shift": "the classes have other shares in the test set: reweight them, or train with the test set's shares",
    "concept": "the same inputs have other targets in the test set: look at how the targets were made",
    "covariate": "the test inputs are of another kind: train on inputs like them",
}


def told(
    evidence: Evidence, verdict: Verdict, *, command: str, first: str, warned: list[str], not_assessed: list[str],
    training: Training, budget: str,
) -> dict[str, Any]:  # fmt: skip
    """Give the report."""
    return {
        "verdict": verdict.code,
        "subtype": verdict.subtype or None,
        "confidence": verdict.confidence,
        "contradiction": first or None,
        "why": list(verdict.why[:MOST_REASONS]),
        "accepted": [accepted_code(verdict), *verdict.accepted],
        "remedy": verdict.remedy or None,
        "advice": advice(verdict, command),
        "next": command or None,
        "gain": plain(verdict.gain),
        "ruled_out": ruled_out(evidence, verdict),
        "not_assessed": not_assessed,
        "warnings": warned,
        "evidence": numbers(evidence),
        "recipe": {**training.recipe.settings(), "spent": training.spent, "assumed": list(training.missing)},
        "budget": budget,
        "thresholds": evidence.limits.told(),
    }


def accepted_code(verdict: Verdict) -> str:
    """Write code and sub-code as one.

    >>> accepted_code(Verdict(code="optimization", subtype="saddle"))
    'optimization/saddle'
    """
    return f"{verdict.code}/{verdict.subtype}" if verdict.subtype else verdict.code


def advice(verdict: Verdict, command: str) -> str | None:
    """Say what to do in words."""
    if verdict.remedy in ADVICE:
        return ADVICE[verdict.remedy]
    if verdict.code == "healthy":
        return None
    if command:
        return worded(verdict.remedy)
    return verdict.remedy or None


def numbers(evidence: Evidence) -> dict[str, Any]:
    """Give all that was measured."""
    parts = {
        "validation_gap": evidence.validation_gap, "test_gap": evidence.test_gap, "shift": evidence.shift,
        "generalization": evidence.generalization, "state": evidence.state,
    }  # fmt: skip
    return {
        "train_loss": plain(evidence.loss),
        "constant_loss": plain(evidence.constant),
        "best_loss": plain(evidence.best),
        "part_of_range": plain(evidence.part) if math.isfinite(evidence.loss) else None,
        "held_out": evidence.held,
        "sixteen_examples": plain(evidence.sixteen),
        "beside": beside(evidence),
        "outcomes": [o.told() for o in evidence.outcomes or ()],
        "vetoes": [{"subtype": v.subtype, "reason": v.reason} for v in evidence.vetoes],
        **{name: None if part is None else part.told() for name, part in parts.items()},
    }


def ruled_out(evidence: Evidence, verdict: Verdict) -> list[str]:
    """Say of every other branch which number excluded it; nothing of those that were not looked at."""
    said = []
    if not evidence.vetoes and math.isfinite(evidence.loss):
        said.append(
            "broken: parameters, loss and data are finite, the output depends on the input and can take the targets"
        )
    if evidence.is_small:
        bound = (
            "the target" if evidence.target is not None else f"{evidence.limits.large:g} of the constant's"
        )
        said.append(f"model-bias, optimization: training loss {evidence.loss:.4g} is below {bound}")
    else:
        said += large_ruled_out(evidence, verdict)
    for code, gap, least in (
        ("overfitting", evidence.validation_gap, evidence.limits.gap),
        ("mismatch", evidence.test_gap, evidence.limits.shift),
    ):
        if gap is not None and verdict.code != code and not gap.material(least):
            said.append(
                f"{code}: {gap.metric} of {gap.other} worse by {gap.part:.3f} ± {gap.error:.2g} of its range, allowed {least:g}"
            )
    return [sentence for sentence in said if not sentence.startswith(verdict.code)]


def large_ruled_out(evidence: Evidence, verdict: Verdict) -> list[str]:
    """Say what the remedies of the other branches came to."""
    if evidence.outcomes is None:
        return []
    groups = {"optimization": SAME, "model-bias": ("larger",), "model-bias/over-regularized": ("penalty",)}
    said = []
    for code, kinds in groups.items():
        tried = [o for o in evidence.outcomes if o.kind in kinds]
        if verdict.code == code or accepted_code(verdict) == code:
            continue
        same = best_of(evidence.outcomes, *SAME)
        if code == "model-bias" and not tried and verdict.code == "optimization" and same is not None:
            said.append(
                f"model-bias: the same network reaches {same.train:.4g}, so that no larger one was tried"
            )
        if not tried:
            continue
        best = best_of(tried, *kinds)
        said.append(f"{code}: {best_words(best, tried)}")
    if verdict.code in ("optimization", "model-bias"):
        said.append(
            f"noise-floor: {worded(verdict.remedy)} removes {verdict.gain:.0%} of what can be removed"
        )
    return said


def best_words(best: Outcome | None, tried: list[Outcome]) -> str:
    """Say what the best of some remedies removes."""
    if best is None:
        return f"none of {len(tried)} remedies lowers the loss to the good of held-out data"
    which = (
        worded(best.name) if len(tried) == 1 else f"the best of {len(tried)} remedies, {worded(best.name)},"
    )
    return f"{which} removes {best.share:.0%} of what can be removed"
