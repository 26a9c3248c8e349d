"""A large loss attributed: optimization or bias, by the remedies that remove it."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.outcomes import Outcome, best_of, worded
from landscape.diagnosis.subtypes import (
    SAME,
    SLOWER,
    by_state,
    capacity,
    is_blown,
    reason_of,
    signatures,
    subtype_of,
)
from landscape.diagnosis.thresholds import Thresholds

# Of remedies that do about as well the first one here names the cause.
ORDER = (
    "longer", "rate/10", "batch×8", "rate×10", "rate×100", "rate×1000", "escape", "fresh", "fresh, rate/10", "standardized",
    "adam", "fresh, adam", "fresh, standardized",
)  # fmt: skip


def large(evidence: Evidence) -> Verdict | None:
    """Attribute a large loss to what removes it; None where nothing that helps held-out data does."""
    limits, found = evidence.limits, evidence.outcomes or ()
    removable = min(evidence.loss, evidence.constant) - evidence.best
    if evidence.part <= limits.large or removable < limits.removable * evidence.constant:
        return worse_than_constant(evidence)
    penalty, same = best_of(found, "penalty"), best_of(found, *SAME)
    simple, big = best_of(found, "simpler"), best_larger(found, limits)
    shares = {
        "model-bias/over-regularized": share(penalty), "optimization": share(same), "simpler": share(simple),
        "model-bias": share(big),
    }  # fmt: skip
    if not any(value > 0 for value in shares.values()):
        return worse_than_constant(evidence)
    if penalty is not None and penalty.share >= limits.verified and share(same) < limits.bias * penalty.share:
        return attributed(evidence, "model-bias", "over-regularized", penalty, shares)
    if same is not None and same.share >= limits.bias * max(share(simple), share(big), share(penalty)):
        winner = simplest(found, same, limits)
        return attributed(evidence, "optimization", subtype_of(winner, evidence), winner, shares)
    if is_better(simple, evidence) and share(simple) >= limits.bias * share(big):
        assert simple is not None
        return attributed(evidence, "optimization", by_state(evidence) or "ill-conditioned", simple, shares)
    if big is not None:
        return attributed(evidence, "model-bias", capacity(found, big, evidence), big, shares)
    return None


def best_larger(found: Sequence[Outcome], limits: Thresholds) -> Outcome | None:
    """Choose the best larger network; a linear model that the network does not contain only where no network comes near it."""
    best, network = best_of(found, "larger"), best_of([o for o in found if o.name != "linear"], "larger")
    if best is None or network is None:
        return best
    return network if network.share >= limits.bias * best.share else best


def worse_than_constant(evidence: Evidence) -> Verdict | None:
    """Give the verdict of a loss above the best constant predictor's that nothing lowers: a network contains that predictor."""
    limits = evidence.limits
    if evidence.loss <= (1 + limits.simpler) * evidence.constant:
        return None
    why = (
        f"training loss {evidence.loss:.4g} above {evidence.constant:.4g}, the best constant predictor's, which is a simpler model",
        f"none of {len(evidence.outcomes or ())} remedies brings it below",
    )
    subtype = "exploding" if is_blown(evidence) else by_state(evidence)
    return Verdict(code="optimization", subtype=subtype, confidence="consistent", why=why)


def share(outcome: Outcome | None) -> float:
    """Give an outcome's share, 0 for none."""
    return 0.0 if outcome is None else max(outcome.share, 0.0)


def is_better(simple: Outcome | None, evidence: Evidence) -> bool:
    """Tell whether a simpler network is lower by more than a part of the range, beyond the interval."""
    if simple is None:
        return False
    lead = min(evidence.loss, evidence.constant) - simple.train
    return lead > evidence.limits.simpler * (evidence.constant - evidence.best) and lead > simple.half


def simplest(found: Sequence[Outcome], best: Outcome, limits: Thresholds) -> Outcome:
    """Choose, of the same network's remedies that do about as well as the best one, the first in `ORDER`."""
    near = [o for o in found if o.kind in SAME and o.useful and o.share >= limits.tie * best.share]
    return min(near, key=lambda o: ORDER.index(o.name))


def attributed(
    evidence: Evidence, code: str, subtype: str, winner: Outcome, shares: dict[str, float]
) -> Verdict:
    """Make the verdict of a remedy that won."""
    limits = evidence.limits
    sure = winner.share >= limits.verified and winner.gain > winner.gain_half
    why = [
        f"training loss {evidence.loss:.4g}: {evidence.part:.2f} of the range from {evidence.best:.4g}, the best seen, to "
        f"{evidence.constant:.4g}, the best constant's (large above {limits.large:g})",
        f"with {worded(winner.name)}{assumption(winner, evidence)} {winner.train:.4g} ± {winner.half:.2g} over {winner.seeds} seeds: "
        f"{winner.share:.0%} of what can be removed is gone (verified from {limits.verified:.0%})",
    ]
    detail = reason_of(subtype, evidence)
    codes = {"simpler": "optimization"}
    others = [codes.get(name, name) for name, value in shares.items() if value >= limits.bias]
    accepted = [name for name in others if name.split("/")[0] != code]
    if code == "optimization" and evidence.state is not None:
        accepted += [f"{code}/bouncing"] if subtype == "exploding" and winner.name in SLOWER else []
        accepted += [f"{code}/{name}" for name in signatures(evidence.state, limits) if name != subtype]
    return Verdict(
        code=code, subtype=subtype, confidence="verified" if sure else "consistent",
        why=tuple(why + ([detail] if detail else [])), remedy=winner.name, gain=winner.share,
        accepted=tuple(dict.fromkeys(accepted)),
    )  # fmt: skip


def assumption(winner: Outcome, evidence: Evidence) -> str:
    """Say what was taken for the user's recipe where a remedy hangs on it and nobody said it."""
    own = winner.kind in SAME and "adam" not in winner.name
    return f" (assumed: {evidence.assumed})" if own and evidence.assumed else ""
