"""Step 4: from evidence to a verdict, by rules that know no network; each is tested on numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from landscape.diagnosis.attribution import large
from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.generality import small
from landscape.diagnosis.subtypes import is_blown, reason_of, signatures
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
    why = (found[0].reason, *found[0].details, *(veto.reason for veto in found[1:]))
    return Verdict(
        code="broken",
        subtype=found[0].subtype,
        confidence="verified",
        why=why,
        remedy=found[0].advice,
        accepted=others,
    )


def suspected(evidence: Evidence) -> Verdict:
    """A large loss, and nothing trained: only what the parameters show."""
    state, limits = evidence.state, evidence.limits
    why = (f"training loss {evidence.loss:.4g}, the best constant predictor's {evidence.constant:.4g}",)
    if state is None:
        return Verdict(code="undetermined", confidence="suspected", why=why)
    seen = signatures(state, limits)
    subtype = seen[0] if seen else ""
    if not subtype and math.isfinite(state.stability) and state.stability >= 1 / limits.edge:
        subtype = "bouncing"
    if subtype:
        said = (*why, reason_of(subtype, evidence))
        others = tuple(f"optimization/{name}" for name in seen[1:])
        return Verdict(
            code="optimization", subtype=subtype, confidence="suspected", why=said, accepted=others
        )
    if state.linear:
        return Verdict(
            code="model-bias",
            subtype="linear",
            confidence="suspected",
            why=(*why, reason_of("linear", evidence)),
        )
    if evidence.loss > (1 + limits.simpler) * evidence.constant:
        blown = "exploding" if is_blown(evidence) else ""
        return Verdict(code="optimization", subtype=blown, confidence="suspected", why=why)
    return Verdict(code="undetermined", confidence="suspected", why=why)
