"""The sub-types of a large loss: by the remedy that won, and by what the parameters show."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.outcomes import Outcome
from landscape.diagnosis.reasons import SLOWER
from landscape.diagnosis.state import State
from landscape.diagnosis.thresholds import EXPLODED, NOISY, Thresholds

SAME = ("fork", "fresh")
FASTER = ("rate×10", "rate×100", "rate×1000")
ADAPTIVE = ("adam", "adamw", "amsgrad", "radam", "rmsprop", "lion")
# A control that removes less than this share has stalled.
STALLED = 0.02


def signatures(state: State, limits: Thresholds) -> tuple[str, ...]:
    """Name what the parameters alone give away, the most exact first; nothing where they look ordinary."""
    seen = {
        "saddle": state.decrement <= limits.decrement and state.escape > 0,
        "symmetric-units": bool(state.identical),
        "dead-units": state.dead >= limits.dead,
        "vanishing-gradient": state.gradient_ratio < limits.gradient_ratio,
    }
    return tuple(name for name, is_seen in seen.items() if is_seen)


def by_state(evidence: Evidence) -> str:
    """Name what the parameters give away, a plateau among it."""
    state = evidence.state
    if state is None:
        return ""
    found = signatures(state, evidence.limits)
    if found:
        return found[0]
    longer = next((o for o in evidence.outcomes or () if o.name == "longer"), None)
    stalled = longer is None or longer.share < STALLED
    return "plateau" if stalled and state.decrement < evidence.limits.plateau else ""


def subtype_of(winner: Outcome, evidence: Evidence) -> str:
    """Name the sub-type by the remedy that won, and by what the parameters show where that does not settle it."""
    state, name, seen = evidence.state, winner.name, by_state(evidence)
    if winner.kind == "fresh" and is_blown(evidence):
        return "ill-conditioned" if name.endswith("standardized") else "exploding"
    if name == "longer":
        return "unfinished"
    if name in SLOWER:
        return slower_subtype(name, evidence)
    if name == "escape":
        return "saddle"
    if name in FASTER:
        return seen or "unfinished"
    if name == "fresh":
        return seen or "plateau"
    if name in ("adam", "fresh, adam") and evidence.optimizer in ADAPTIVE and not seen:
        return "unfinished" if evidence.learning_rate < 1e-3 else "bouncing"
    if name.endswith("standardized") or state is None:
        return "ill-conditioned"
    return seen or "ill-conditioned"


def is_blown(evidence: Evidence) -> bool:
    """Tell whether the loss, or the log, stands or stood far above the best constant predictor's."""
    most = EXPLODED * evidence.constant
    return evidence.highest > most or evidence.loss > most


def slower_subtype(name: str, evidence: Evidence) -> str:
    """Tell bouncing and the floor of the gradient's noise apart; neither where the rate that is too large was assumed."""
    state = evidence.state
    if evidence.assumed:
        return by_state(evidence) or "unfinished"
    below = state is not None and not state.stability >= evidence.limits.edge and state.noise < NOISY
    return "noise" if below and name != "fresh, rate/10" else "bouncing"


def capacity(found: Sequence[Outcome], big: Outcome, evidence: Evidence) -> str:
    """Name what the network lacks: the least that removes about as much as the best larger network."""
    if big.name == "with activations" or (evidence.state is not None and evidence.state.linear):
        return "linear"
    if big.name == "linear":
        return ""
    names = {o.name for o in found if o.kind == "larger" and o.share >= evidence.limits.tie * big.share}
    return "width" if "wider" in names else "depth"
