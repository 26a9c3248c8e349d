"""Steps 1 and 2: what lowers a large training loss, and how much of what can be removed each remedy removes."""

from __future__ import annotations

import math
from dataclasses import replace

from landscape.diagnosis import experiments
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.outcomes import Outcome, judged, shared
from landscape.diagnosis.walk import Walk
from landscape.errors import InputError
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss


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
