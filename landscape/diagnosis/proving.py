"""Run a remedy once more as it will be recommended, and reject it if it ends worse than it started."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.outcomes import Outcome, plain
from landscape.diagnosis.plan import Plan
from landscape.diagnosis.remedies import plan_of, remedy_of, tried
from landscape.diagnosis.session import Session
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import evaluate_model

# So many remedies are run before none is recommended.
MOST = 4


@dataclass(frozen=True)
class Proven:
    """A verdict with the remedy that may be recommended, its plan, and the losses {split: loss} before and after it."""

    verdict: Verdict
    plan: Plan | None = None
    checked: dict[str, Any] | None = None


def proven(session: Session, evidence: Evidence, verdict: Verdict) -> Proven:
    """Run the verdict's remedy, and others that won as well while it ends worse than it started; none that does is kept."""
    if remedy_of(verdict.remedy) is None:
        return Proven(verdict)
    failed = []
    for candidate in candidates(evidence, verdict):
        remedy = remedy_of(candidate.remedy)
        # A budget that trains nothing has no updates to plan either.
        if session.lab.budget.seeds == 0 and remedy is not None and not remedy.change.solved:
            continue
        plan = plan_of(session.lab, candidate.remedy)
        if plan is None:
            continue
        before, after = outcome_of(session, plan)
        if not is_worse(before, after, session.lab.held, remedy):
            told = {"before": losses(before), "after": losses(after)}
            return Proven(candidate, plan, told)
        failed.append(candidate.remedy)
    if failed:
        session.not_assessed.append(
            f"a remedy as a training: of {len(failed)} that won a trial none ended better than the start when it was run once more"
        )
    sure = (
        "consistent"
        if failed and verdict.confidence == "verified" and verdict.code != "broken"
        else verdict.confidence
    )
    return Proven(
        replace(verdict, remedy=verdict.advice, gain=math.nan if failed else verdict.gain, confidence=sure)
    )


def candidates(evidence: Evidence, verdict: Verdict) -> Iterator[Verdict]:
    """Give the verdict, and the same one with other remedies of its kind that removed something, the best first."""
    yield verdict
    first = next((o for o in evidence.outcomes or () if o.name == verdict.remedy), None)
    if first is None:
        return
    others = [
        o for o in evidence.outcomes or () if o.useful and o.share > 0 and o is not first and alike(o, first)
    ]
    for outcome in sorted(others, key=lambda o: -o.share)[: MOST - 1]:
        yield replace(verdict, remedy=outcome.name, gain=outcome.share)


def alike(one: Outcome, other: Outcome) -> bool:
    """Say whether two remedies speak for the same verdict: both of the same network, or of the same kind."""
    return one.kind == other.kind or (one.same and other.same and not tried(one).change.rescales)


def outcome_of(session: Session, plan: Plan) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a plan, and evaluate the model before and after it on all splits."""
    lab = session.lab
    lab.announce("running the remedy once more, as it is going to be recommended")
    try:
        done: Model | None = plan.apply(threads=lab.threads)
    except (InputError, ArithmeticError, np.linalg.LinAlgError):
        done = None
    before = evaluate_model(session.model)
    after = {} if done is None else evaluate_model(done)
    return dict(before), dict(after)


def is_worse(before: dict[str, Any], after: dict[str, Any], held: str | None, remedy: Any) -> bool:
    """Say whether a remedy did harm: a training loss that is no lower, or held-out data that lose; of a constraint, that do not gain."""
    if "train" not in after or not math.isfinite(after["train"].loss):
        return True
    if remedy is not None and remedy.kind == "constraint":
        return held is not None and not gains(before[held], after[held])
    lower = after["train"].loss < before["train"].loss or not math.isfinite(before["train"].loss)
    return not lower or (held is not None and loses(before[held], after[held]))


def gains(before: Any, after: Any) -> bool:
    """Say whether a split's loss is lower or its accuracy higher."""
    return after.loss < before.loss or (after.accuracy is not None and after.accuracy > before.accuracy)


def loses(before: Any, after: Any) -> bool:
    """Say whether a split's loss is higher, and its accuracy, where it has one, not higher."""
    return not after.loss <= before.loss and (after.accuracy is None or not after.accuracy > before.accuracy)


def losses(found: dict[str, Any]) -> dict[str, Any]:
    """Return {split: loss} as JSON."""
    return {split: plain(float(evaluated.loss)) for split, evaluated in found.items()}
