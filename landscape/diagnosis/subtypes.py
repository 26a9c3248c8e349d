"""The sub-types of a large loss: what the parameters show, and the rules by which the best remedy names one."""

from __future__ import annotations

from collections.abc import Callable

from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.outcomes import CONTROL
from landscape.diagnosis.replay import TURNS
from landscape.diagnosis.state import State
from landscape.diagnosis.thresholds import EXPLODED, NOISY, Thresholds

# A rule names a sub-type by the evidence, once it is known which remedy won.
Rule = Callable[[Evidence], str]

ADAPTIVE = ("adam", "adamw", "amsgrad", "radam", "rmsprop", "lion")
# Below this rate an adaptive optimizer is slow, above it bounces.
SLOW_RATE = 1e-3
# A control that removes less than this share has stalled.
STALLED = 0.02
# The trials of the user's own recipe, the part of them that may diverge, and how far a run goes up and down that bounces.
OWN, DIVERGES, WOBBLES = (CONTROL, "fresh"), 0.5, 0.02


def signatures(state: State, limits: Thresholds) -> tuple[str, ...]:
    """Return what the parameters alone give away, the most exact first, or nothing where they look ordinary."""
    seen = {
        "saddle": state.decrement <= limits.decrement and state.escape > 0,
        "symmetric-units": bool(state.identical),
        "dead-units": state.dead >= limits.dead,
        "vanishing-gradient": state.gradient_ratio < limits.gradient_ratio,
    }
    return tuple(name for name, is_seen in seen.items() if is_seen)


def by_state(evidence: Evidence) -> str:
    """Return what the parameters give away, a plateau among it, or an empty text where they look ordinary."""
    state = evidence.state
    if state is None:
        return ""
    found = signatures(state, evidence.limits)
    if found:
        return found[0]
    control = next((o for o in evidence.outcomes or () if o.name == CONTROL), None)
    stalled = control is None or control.share < STALLED
    return "plateau" if stalled and state.decrement < evidence.limits.plateau else ""


def is_blown(evidence: Evidence) -> bool:
    """Say whether the loss, or the log, stands or stood far above the best constant predictor's."""
    most = EXPLODED * evidence.constant
    return evidence.highest > most or evidence.loss > most


def explodes(evidence: Evidence) -> bool:
    """Say whether the run left the numbers behind: its log climbed far, or its own recipe diverges in half of the trials."""
    if evidence.climbed > EXPLODED and evidence.loss > EXPLODED * evidence.constant:
        return True
    own = [o for o in evidence.outcomes or () if o.name in OWN and o.seeds]
    return not evidence.assumed and any(o.diverged >= DIVERGES * o.seeds for o in own)


def bounces(evidence: Evidence) -> bool:
    """Say whether the run bounces: by the curvature against the rate, of all examples or of its batches, or since its last steps turn back."""
    state = evidence.state
    if state is None:
        return False
    beyond = (state.stability, state.highest, state.batch_stability)
    return any(value >= evidence.limits.edge for value in beyond) or state.turning <= TURNS


def wobbles(evidence: Evidence) -> bool:
    """Say whether the user's recipe, taken on from the parameters, goes up and down by a part of the constant's loss."""
    control = next((o for o in evidence.outcomes or () if o.name == CONTROL), None)
    return control is not None and WOBBLES * evidence.constant <= control.wobble < float("inf")


def always(subtype: str) -> Rule:
    """Return the rule of a remedy that names one sub-type, whatever the parameters show."""
    return lambda evidence: subtype


def seen_or(otherwise: str) -> Rule:
    """Return the rule of a remedy that leaves it to the parameters, and names a sub-type only where they look ordinary."""
    return lambda evidence: by_state(evidence) or otherwise


def seen(evidence: Evidence) -> str:
    """Name what the parameters and the trials show, and nothing where they show nothing: a remedy that names no cause by itself."""
    found = by_state(evidence)
    if found:
        return found
    control = next((o for o in evidence.outcomes or () if o.name == CONTROL), None)
    if control is not None and control.useful and control.share >= STALLED:
        return "unfinished"
    uneven = evidence.state is not None and evidence.state.condition >= evidence.limits.condition
    return "ill-conditioned" if uneven else ""


def afresh(rule: Rule) -> Rule:
    """Return the rule of a fresh start: where the loss had blown up, that is what the start mends."""
    return lambda evidence: "exploding" if is_blown(evidence) else rule(evidence)


def slower(evidence: Evidence) -> str:
    """Return whether the run bounced or stood on the floor of its gradient's noise, where slower updates won; else what is seen."""
    if evidence.assumed:
        return by_state(evidence) or "unfinished"
    if bounces(evidence):
        return "bouncing"
    if evidence.state is not None and evidence.state.noise < NOISY:
        return "noise"
    return "bouncing" if wobbles(evidence) else seen(evidence)


def slower_afresh(evidence: Evidence) -> str:
    """Name bouncing where it shows, and where the rate that is too large was not assumed."""
    if evidence.assumed:
        return by_state(evidence) or "unfinished"
    return "bouncing" if bounces(evidence) or wobbles(evidence) else seen(evidence)


def adaptive(evidence: Evidence) -> str:
    """Name what Adam mends: its own rate where the user's optimizer is of its kind, else a badly conditioned loss."""
    found = by_state(evidence)
    if evidence.optimizer in ADAPTIVE and not found:
        if evidence.learning_rate < SLOW_RATE:
            return "unfinished"
        return "bouncing" if bounces(evidence) or wobbles(evidence) else seen(evidence)
    return found or "ill-conditioned"
