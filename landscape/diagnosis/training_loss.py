"""Steps 1 and 2: what lowers a large training loss, and which share of it each remedy removes."""

from __future__ import annotations

import math
from dataclasses import replace

from landscape.diagnosis.attribution import minimizes_another
from landscape.diagnosis.broadcast import broadcast_ratio
from landscape.diagnosis.ensembles import Laboratory
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.experiments import FIRST, outcomes_of, plan_words, sixteen
from landscape.diagnosis.networks import not_possible
from landscape.diagnosis.outcomes import Outcome, judged, shared
from landscape.diagnosis.remedies import of_kinds
from landscape.diagnosis.replay import replayed
from landscape.diagnosis.session import Session
from landscape.diagnosis.subsets import carve
from landscape.errors import InputError
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss


def training_branch(session: Session, evidence: Evidence) -> Evidence:
    """Steps 1 and 2: what lowers the training loss, with larger networks only where the same one does not get there."""
    if session.lab.budget.seeds == 0:
        session.not_assessed.append(
            "what trials would change (of this, smaller and larger networks): the quick budget trains nothing"
        )
        return evidence
    lab = sighted(session)
    if evidence.state is not None:
        turning = replayed(session.model, session.training, lab.dtype, lab.threads)
        evidence = replace(evidence, state=replace(evidence.state, turning=turning))
    lab.announce(plan_words(lab))
    loss = evidence.loss
    try:
        evidence = replace(evidence, sixteen=sixteen(lab))
        found = outcomes_of(lab, of_kinds(*FIRST), loss)
        evidence = measured(lab, evidence, found)
        if not reached(evidence):
            found += outcomes_of(lab, of_kinds("larger"), loss)
            evidence = measured(lab, evidence, found)
    except InputError as error:
        session.not_assessed.append(
            f"what trials would change (of this, smaller and larger networks): {error}"
        )
        return evidence
    session.not_assessed += not_possible(session.model)
    if minimizes_another(evidence):
        evidence = replace(evidence, broadcast=broadcast_ratio(session.model, lab.threads))
    return evidence


def sighted(session: Session) -> Laboratory:
    """Return a laboratory with held-out data: if there are none, a fifth of the training set is kept from the trials.

    The user's parameters have seen that fifth, so that a trial gains on it only by what training data gain as well.
    """
    lab = session.lab
    model = carve(lab.model, lab.seed) if lab.held is None else None
    return lab if model is None else replace(lab, model=model, held="validation")


def reached(evidence: Evidence) -> bool:
    """Say whether the same network was brought to a small loss, so that no larger one is needed."""
    own = [o for o in evidence.outcomes or () if o.useful and (o.same or o.kind == "penalty")]
    least = min((o.train for o in own), default=math.inf)
    return least <= evidence.limits.large * evidence.constant


def measured(lab: Laboratory, evidence: Evidence, found: list[Outcome]) -> Evidence:
    """Say which outcomes are useful, what the best loss is, and every outcome's share of what can be removed."""
    held = constant = math.nan
    if lab.held is not None:
        objective = NetworkObjective(lab.model, lab.held, threads=lab.threads)
        held, constant = objective.evaluate(lab.model.theta).loss, constant_loss(objective)
    useful = judged(found, evidence.loss, held, constant, lab.limits.useful)
    if evidence.decays:
        # The same network under the same penalty is trained better only where loss and penalty together are less.
        useful = [
            replace(o, useful=o.useful and not (o.same and o.objective >= evidence.objective)) for o in useful
        ]
    start = min(evidence.loss, evidence.constant)
    best = min([start, *(o.train for o in useful if o.useful)])
    best = best if evidence.target is None else min(best, evidence.target)
    return replace(evidence, outcomes=tuple(shared(useful, start, best)), best=best)
