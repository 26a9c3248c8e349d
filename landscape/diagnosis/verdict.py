"""Step 4: from the evidence to a verdict, by rules that see only numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from landscape.diagnosis.attribution import above_constant, large
from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.gap_rules import small
from landscape.diagnosis.reasons import reasons_for
from landscape.diagnosis.subtypes import is_blown, signatures
from landscape.diagnosis.vetoes import Veto


def decide(evidence: Evidence) -> Verdict:
    """Walk the guide.

    Examples
    --------
    >>> decide(Evidence(loss=0.01, constant=0.7)).code
    'healthy'
    """
    if evidence.vetoes:
        return broken(evidence.vetoes)
    if evidence.is_small:
        return small(evidence)
    if evidence.outcomes is None:
        return suspected(evidence)
    return large(evidence) or small(evidence)


def broken(found: Sequence[Veto]) -> Verdict:
    """What no training mends."""
    others = tuple(f"broken/{veto.subtype}" for veto in found[1:])
    if found[0].subtype == "exploding":
        others = ("optimization/exploding", *others)
    reasons = (found[0].reason, *found[0].details, *(veto.reason for veto in found[1:]))
    return Verdict(
        code="broken",
        subtype=found[0].subtype,
        confidence="verified",
        reasons=reasons,
        remedy=found[0].remedy or found[0].advice,
        accepted=others,
        advice=found[0].advice,
        pytorch=found[0].pytorch,
    )


def suspected(evidence: Evidence) -> Verdict:
    """A large loss, and nothing trained: only what the parameters show."""
    state, limits = evidence.state, evidence.limits
    where = f"training loss {evidence.loss:.4g}, the best constant predictor's {evidence.constant:.4g}"
    if state is None:
        return Verdict(code="undetermined", confidence="suspected", reasons=(where,))
    seen = signatures(state, limits)
    subtype = seen[0] if seen else ""
    if not subtype and math.isfinite(state.stability) and state.stability >= 1 / limits.edge:
        subtype = "bouncing"
    code, others = "optimization", tuple(f"optimization/{name}" for name in seen[1:])
    if not subtype and state.linear:
        code, subtype = "model-bias", "linear"
    if not subtype and evidence.loss > (1 + limits.simpler) * evidence.constant:
        subtype = "exploding" if is_blown(evidence) else ""
        reasons = (above_constant(evidence), *reasons_for(subtype, evidence))
        return Verdict(code=code, subtype=subtype, confidence="suspected", reasons=reasons)
    if not subtype:
        return Verdict(code="undetermined", confidence="suspected", reasons=(where,))
    reasons = (where, *reasons_for(subtype, evidence))
    return Verdict(code=code, subtype=subtype, confidence="suspected", reasons=reasons, accepted=others)
