"""The report as plain JSON: the verdict, the reasons, what was ruled out and why, what to do, and what was not assessed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Protocol

from landscape.diagnosis.citing import SHARE, Cited, Reason, supports
from landscape.diagnosis.ensembles import Budget
from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.evidence_lines import evidence_lines
from landscape.diagnosis.gap_rules import allowed_gaps, small_loss, unlowered
from landscape.diagnosis.outcomes import Outcome, best_of, of_kind, plain
from landscape.diagnosis.remedies import worded

# Trials that did better than the remedy, of which the report says at most so many.
MOST_BETTER = 3
# A share that is larger by less than this reads the same.
SAME_SHARE = 0.01
# Verdicts of a large loss, whose remedy removes a share of what can be removed.
ATTRIBUTED = ("optimization", "model-bias")


class Told(Protocol):
    """What a report says of a diagnosis beside its evidence."""

    not_assessed: list[str]
    first: str
    warned: list[str]

    @property
    def budget(self) -> Budget:
        """How much may be trained."""

    @property
    def training(self) -> Trained:
        """How the user trains."""


class Trained(Protocol):
    """How a network was trained, as a report says it."""

    def assumed(self) -> dict[str, Any]:
        """Give what nobody said."""

    def told(self) -> dict[str, Any]:
        """Give what is known."""


def report_json(
    session: Told, evidence: Evidence, verdict: Verdict, *, command: str = "", pytorch: str = ""
) -> dict[str, Any]:
    """Return the report, with the remedy's training as a command and in PyTorch's words if there is one."""
    return {
        "verdict": verdict.code,
        "subtype": verdict.subtype or None,
        "confidence": verdict.confidence,
        "contradiction": session.first or None,
        "subtype_supported": verdict.supported if verdict.subtype else None,
        "why": list(verdict.why),
        "cited": [reason.told() for reason in verdict.cited],
        "accepted": [accepted_code(verdict), *verdict.accepted],
        "remedy": verdict.remedy or None,
        "advice": verdict.advice or worded(verdict.remedy) or None,
        "next": command or None,
        "pytorch": pytorch or None,
        "gain": plain(verdict.gain),
        "better": better(evidence, verdict) or None,
        "assumed": {} if evidence.vetoes else session.training.assumed(),
        "ruled_out": ruled_out(evidence, verdict),
        "not_assessed": session.not_assessed,
        "warnings": session.warned,
        "evidence": numbers(evidence),
        "recipe": session.training.told(),
        "budget": session.budget.name,
        "thresholds": evidence.limits.told(),
    }


def accepted_code(verdict: Verdict) -> str:
    """Write code and sub-code as one.

    >>> accepted_code(Verdict(code="optimization", subtype="saddle"))
    'optimization/saddle'
    """
    return f"{verdict.code}/{verdict.subtype}" if verdict.subtype else verdict.code


def numbers(evidence: Evidence) -> dict[str, Any]:
    """Return all that was measured."""
    parts = {
        "validation_gap": evidence.validation_gap, "test_gap": evidence.test_gap, "shift": evidence.shift,
        "generalization": evidence.generalization, "state": evidence.state, "baseline": evidence.baseline, "split": evidence.split,
        "signal": evidence.signal, "modes": evidence.modes,
    }  # fmt: skip
    return {
        "train_loss": plain(evidence.loss),
        "constant_loss": plain(evidence.constant),
        "best_loss": plain(evidence.best),
        "part_of_range": plain(evidence.part) if math.isfinite(evidence.loss) else None,
        "held_out": evidence.held,
        "sixteen_examples": plain(evidence.sixteen),
        "beside": evidence_lines(evidence),
        "outcomes": [{"words": worded(o.name)} | o.told() for o in evidence.outcomes or ()],
        "vetoes": [{"subtype": v.subtype, "reason": v.reason} for v in evidence.vetoes],
        **{name: None if part is None else part.told() for name, part in parts.items()},
    }


def better(evidence: Evidence, verdict: Verdict) -> str:
    """Name the trials that removed more than the remedy which is recommended, or an empty text where none did."""
    if verdict.code not in ATTRIBUTED or not math.isfinite(verdict.gain):
        return ""
    found = [o for o in evidence.outcomes or () if o.useful and o.share > verdict.gain + SAME_SHARE]
    best = sorted(found, key=lambda o: -o.share)[:MOST_BETTER]
    return ", ".join(f"{worded(o.name)} ({o.share:.0%})" for o in best)


def ruled_out(evidence: Evidence, verdict: Verdict) -> list[str]:
    """Say of every other branch that was looked at, and that a number excludes, which number that was."""
    said: list[Reason] = []
    if not evidence.vetoes and math.isfinite(evidence.loss):
        said.append(
            "broken: parameters, loss and data are finite, the output changes with the input, and the targets lie in its range"
        )
    if evidence.is_small:
        reason = small_loss(evidence)[0]
        said.append(
            replace(reason, sentence=f"model-bias, optimization: {reason.sentence}")
            if isinstance(reason, Cited)
            else reason
        )
    else:
        said += large_ruled_out(evidence, verdict)
    for code, allowed in allowed_gaps(evidence).items():
        if verdict.code != code:
            said.append(replace(allowed, sentence=f"{code}: {allowed.sentence}"))
    return [str(reason) for reason in said if supports(reason) and not str(reason).startswith(verdict.code)]


def large_ruled_out(evidence: Evidence, verdict: Verdict) -> list[Reason]:
    """Say what the remedies of the other branches came to."""
    if evidence.outcomes is None:
        return []
    same = [o for o in evidence.outcomes if o.same]
    reached = best_of(same)
    groups = {
        "optimization": same,
        "model-bias": of_kind(evidence.outcomes, "larger"),
        "model-bias/over-regularized": of_kind(evidence.outcomes, "penalty"),
    }
    said: list[Reason] = []
    for code, tried in groups.items():
        if code in (verdict.code, accepted_code(verdict), *verdict.accepted):
            continue
        if (
            code == "model-bias"
            and not tried
            and verdict.code == "optimization"
            and reached is not None
            and reached.share > 0
        ):
            said.append(
                f"model-bias: the same network reaches {reached.train:.4g}, so that no larger one was tried"
            )
        if tried:
            said += excluded(code, best_of(tried), tried, evidence, verdict)
    if verdict.code in ATTRIBUTED and verdict.remedy and verdict.gain > 0:
        said.append(
            f"noise-floor: with {worded(verdict.remedy)} {verdict.gain:.0%} of what can be removed is gone"
        )
    return said


def excluded(
    code: str, best: Outcome | None, tried: list[Outcome], evidence: Evidence, verdict: Verdict
) -> list[Reason]:
    """Say what the best remedy of a branch removes, where that is too little beside the remedy that won."""
    if best is None or best.share <= 0:
        return [f"{code}: none of {len(tried)} remedies lowers the loss together with that on held-out data"]
    if verdict.code not in (*ATTRIBUTED, "broken") or not math.isfinite(verdict.gain):
        return [
            f"{code}: {reason}"
            if isinstance(reason, str)
            else replace(reason, sentence=f"{code}: {reason.sentence}")
            for reason in unlowered(evidence)
        ]
    which = (
        worded(best.name) if len(tried) == 1 else f"the best of {len(tried)} remedies, {worded(best.name)},"
    )
    return [
        Cited(
            sentence=f"{code}: {which} removes {{value}} of what can be removed",
            claim="no rival", value=best.share, side="below", threshold=evidence.limits.bias * verdict.gain, styles=SHARE,
        )
    ]  # fmt: skip
