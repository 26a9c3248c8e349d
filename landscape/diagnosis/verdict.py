"""Step 4: from evidence to a verdict, by rules that know no network; each is tested on numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from landscape.diagnosis.gaps import Gap
from landscape.diagnosis.generalization import Generalization
from landscape.diagnosis.outcomes import Outcome, best_of, worded
from landscape.diagnosis.shift import Shift
from landscape.diagnosis.state import State
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.vetoes import Veto

CODES = (
    "healthy", "model-bias", "optimization", "overfitting", "mismatch", "noise-floor", "broken", "undetermined",
)  # fmt: skip
# Of remedies that do about as well the first one here names the cause.
ORDER = (
    "longer", "rate/10", "batch×8", "rate×10", "rate×100", "rate×1000", "escape", "fresh", "fresh, rate/10", "standardized",
    "adam", "fresh, adam",
)  # fmt: skip
SAME = ("fork", "fresh")
FASTER = ("rate×10", "rate×100", "rate×1000")
SLOWER = ("rate/10", "batch×8", "fresh, rate/10")
ADAPTIVE = ("adam", "adamw", "amsgrad", "radam", "rmsprop", "lion")
# A control that removes less than this share has stalled.
STALLED = 0.02
# A log that rose above the constant's loss by this factor exploded.
EXPLODED = 10.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a verdict follows from; what was not looked at is None or NaN."""

    loss: float
    constant: float
    limits: Thresholds = field(default_factory=Thresholds)
    vetoes: tuple[Veto, ...] = ()
    state: State | None = None
    outcomes: tuple[Outcome, ...] | None = None
    best: float = math.nan
    target: float | None = None
    held: str | None = None
    validation_gap: Gap | None = None
    test_gap: Gap | None = None
    shift: Shift | None = None
    generalization: Generalization | None = None
    optimizer: str = "sgd"
    learning_rate: float = math.nan
    highest: float = math.nan

    @property
    def part(self) -> float:
        """R: the loss in parts of the range from the constant's (1) to the best one seen (0)."""
        best = self.best if math.isfinite(self.best) else 0.0
        span = self.constant - best
        return (self.loss - best) / span if span > 0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A code, a sub-code, how sure it is, and what it hangs on: sentences of why, the remedy's name, its gain, the runners-up."""

    code: str
    subtype: str = ""
    confidence: str = "consistent"
    why: tuple[str, ...] = ()
    remedy: str = ""
    gain: float = math.nan
    accepted: tuple[str, ...] = ()


def decide(evidence: Evidence) -> Verdict:
    """Walk the guide.

    Examples
    --------
    >>> decide(Evidence(loss=0.01, constant=0.7)).code
    'healthy'
    """
    if evidence.vetoes:
        return broken(evidence.vetoes)
    if is_small(evidence):
        return small(evidence)
    if evidence.outcomes is None:
        return suspected(evidence)
    return large(evidence) or small(evidence)


def is_small(evidence: Evidence) -> bool:
    """Tell whether the training loss is small whatever could be reached, or as small as was asked for."""
    if evidence.target is not None and evidence.loss <= evidence.target:
        return True
    return evidence.loss <= evidence.limits.large * evidence.constant


def broken(found: Sequence[Veto]) -> Verdict:
    """What no training mends."""
    others = tuple(f"broken/{veto.subtype}" for veto in found[1:])
    if found[0].subtype == "exploding":
        others = ("optimization/exploding", *others)
    why = tuple(veto.reason for veto in found)
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
    subtype = signature(state, limits)
    if not subtype and math.isfinite(state.stability) and state.stability >= 1 / limits.edge:
        subtype = "bouncing"
    if subtype:
        said = (*why, reason_of(subtype, evidence))
        return Verdict(code="optimization", subtype=subtype, confidence="suspected", why=said)
    if state.linear:
        return Verdict(
            code="model-bias",
            subtype="linear",
            confidence="suspected",
            why=(*why, reason_of("linear", evidence)),
        )
    return Verdict(code="undetermined", confidence="suspected", why=why)


def signature(state: State, limits: Thresholds) -> str:
    """Name what the parameters alone give away; nothing where they look ordinary."""
    if state.dead >= limits.dead:
        return "dead-units"
    if state.decrement <= limits.decrement and state.escape > 0:
        return "saddle"
    if state.identical:
        return "symmetric-units"
    if state.gradient_ratio < limits.gradient_ratio:
        return "vanishing-gradient"
    return ""


def large(evidence: Evidence) -> Verdict | None:
    """Attribute a large loss to what removes it; None where nothing that helps held-out data does."""
    limits, found = evidence.limits, evidence.outcomes or ()
    if evidence.part <= limits.large:
        return None
    penalty, same = best_of(found, "penalty"), best_of(found, *SAME)
    simple, big = best_of(found, "simpler"), best_of(found, "larger")
    shares = {
        "model-bias/over-regularized": share(penalty), "optimization": share(same), "simpler": share(simple),
        "model-bias": share(big),
    }  # fmt: skip
    if not any(value > 0 for value in shares.values()):
        return None
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


def share(outcome: Outcome | None) -> float:
    """Give an outcome's share, 0 for none."""
    return 0.0 if outcome is None else max(outcome.share, 0.0)


def is_better(simple: Outcome | None, evidence: Evidence) -> bool:
    """Tell whether a simpler network is lower by more than a part of the range, beyond the interval."""
    if simple is None:
        return False
    lead = evidence.loss - simple.train
    return lead > evidence.limits.simpler * (evidence.constant - evidence.best) and lead > simple.half


def simplest(found: Sequence[Outcome], best: Outcome, limits: Thresholds) -> Outcome:
    """Choose, of the same network's remedies that do about as well as the best one, the first in `ORDER`."""
    near = [o for o in found if o.kind in SAME and o.useful and o.share >= limits.tie * best.share]
    return min(near, key=lambda o: ORDER.index(o.name))


def by_state(evidence: Evidence) -> str:
    """Name what the parameters give away, a plateau among it."""
    state = evidence.state
    if state is None:
        return ""
    found = signature(state, evidence.limits)
    if found:
        return found
    longer = next((o for o in evidence.outcomes or () if o.name == "longer"), None)
    stalled = longer is None or longer.share < STALLED
    return "plateau" if stalled and state.decrement < evidence.limits.plateau else ""


def subtype_of(winner: Outcome, evidence: Evidence) -> str:
    """Name the sub-type by the remedy that won, and by what the parameters show where that does not settle it."""
    state, name = evidence.state, winner.name
    if name == "longer":
        return "unfinished"
    if name in SLOWER:
        return slower_subtype(name, evidence)
    if name == "escape":
        return "saddle"
    seen = by_state(evidence)
    if name in FASTER:
        return seen or "unfinished"
    if name == "fresh":
        return seen or "plateau"
    if name in ("adam", "fresh, adam") and evidence.optimizer in ADAPTIVE and not seen:
        return "unfinished" if evidence.learning_rate < 1e-3 else "bouncing"
    if name == "standardized" or state is None:
        return "ill-conditioned"
    return seen or "ill-conditioned"


def slower_subtype(name: str, evidence: Evidence) -> str:
    """Tell bouncing, an explosion and the floor of the gradient's noise apart."""
    state = evidence.state
    if name == "fresh, rate/10":
        blown = (
            evidence.highest > EXPLODED * evidence.constant or evidence.loss > EXPLODED * evidence.constant
        )
        return "exploding" if blown else "bouncing"
    if state is not None and not state.stability >= evidence.limits.edge and state.noise < 1:
        return "noise"
    return "bouncing"


def capacity(found: Sequence[Outcome], big: Outcome, evidence: Evidence) -> str:
    """Name what the network lacks: the least that removes about as much as the best larger network."""
    if evidence.state is not None and evidence.state.linear:
        return "linear"
    names = {o.name for o in found if o.kind == "larger" and o.share >= evidence.limits.tie * big.share}
    return "width" if "wider" in names else "depth"


def attributed(
    evidence: Evidence, code: str, subtype: str, winner: Outcome, shares: dict[str, float]
) -> Verdict:
    """Make the verdict of a remedy that won."""
    limits = evidence.limits
    sure = winner.share >= limits.verified and winner.gain > winner.gain_half
    why = [
        f"training loss {evidence.loss:.4g}: {evidence.part:.2f} of the range from {evidence.best:.4g}, the best seen, to "
        f"{evidence.constant:.4g}, the best constant's (large above {limits.large:g})",
        f"with {worded(winner.name)} {winner.train:.4g} ± {winner.half:.2g} over {winner.seeds} seeds: {winner.share:.0%} of what can "
        f"be removed is gone (verified from {limits.verified:.0%})",
    ]
    detail = reason_of(subtype, evidence)
    codes = {"simpler": "optimization"}
    others = [codes.get(name, name) for name, value in shares.items() if value >= limits.bias]
    accepted = tuple(dict.fromkeys(name for name in others if name.split("/")[0] != code))
    return Verdict(
        code=code, subtype=subtype, confidence="verified" if sure else "consistent",
        why=tuple(why + ([detail] if detail else [])), remedy=winner.name, gain=winner.share, accepted=accepted,
    )  # fmt: skip


def reason_of(subtype: str, evidence: Evidence) -> str:
    """Say the number of the parameters that goes with a sub-type; nothing where there is none."""
    state, limits = evidence.state, evidence.limits
    if state is None:
        return ""
    said = {
        "dead-units": f"{state.dead:.0%} of the units of {state.dead_layer} do the same for every input (dead from {limits.dead:.0%})",
        "saddle": f"a critical point (Newton decrement {state.decrement:.1e}) with λ_min {state.eigenvalue_min:.3g} ± {state.eigenvalue_error:.1g}",
        "symmetric-units": f"all units of {state.identical} have the same weights",
        "vanishing-gradient": f"first over last layer's gradient {state.gradient_ratio:.1e} (vanishing below {limits.gradient_ratio:g})",
        "plateau": f"relative Newton decrement {state.decrement:.1e} (a plateau below {limits.plateau:g})",
        "bouncing": f"the largest curvature is {state.stability:.2f} of what the rate allows",
        "noise": f"squared gradient over its noise in a batch {state.noise:.2g} (noise below 1)",
        "linear": "no activation stands between the layers",
    }  # fmt: skip
    number = {"bouncing": state.stability, "noise": state.noise}.get(subtype, 0.0)
    return said.get(subtype, "") if math.isfinite(number) else ""


def small(evidence: Evidence) -> Verdict:
    """Look at the gaps; the larger one of two names the verdict."""
    limits, first, second = evidence.limits, evidence.validation_gap, evidence.test_gap
    shifted = second is not None and second.material(limits.shift)
    over = first is not None and first.material(limits.gap)
    if shifted and second is not None and not (over and first is not None and first.part > second.part):
        return mismatch(evidence, second, ("overfitting",) if over else ())
    if over and first is not None:
        return overfitting(evidence, first, ("mismatch",) if shifted else ())
    if not is_small(evidence) and evidence.loss >= limits.floor * evidence.constant:
        return noise_floor(evidence)
    return healthy(evidence)


def mismatch(evidence: Evidence, gap: Gap, accepted: tuple[str, ...]) -> Verdict:
    """Test is worse than the data that training resembles."""
    shift = evidence.shift
    why = [told_gap(gap, evidence.limits.shift)]
    subtype, confidence = "", "suspected"
    if shift is not None:
        subtype, confidence = shift.subtype, "consistent"
        why.append(
            f"a classifier tells {gap.base} and {gap.other} inputs apart with AUC {shift.auc:.2f} (p {shift.p:.3g})"
        )
        closes = {"preprocessing": shift.affine_closes, "label-shift": shift.label_closes}.get(subtype)
        if closes is not None:
            confidence = "verified"
            why.append(f"undoing it closes {closes:.0%} of the gap")
    return Verdict(
        code="mismatch", subtype=subtype, confidence=confidence, why=tuple(why), remedy=subtype or "data like the test set's",
        gain=gap.part, accepted=accepted,
    )  # fmt: skip


def overfitting(evidence: Evidence, gap: Gap, accepted: tuple[str, ...]) -> Verdict:
    """Validation is worse than training; a learning curve or a constraint verifies it."""
    why, found = [told_gap(gap, evidence.limits.gap)], evidence.generalization
    if found is None:
        return Verdict(
            code="overfitting", confidence="suspected", why=tuple(why), gain=gap.part, accepted=accepted
        )
    best = found.best
    why.append(
        f"held-out {found.metric} with {found.sizes[0]}, …, {found.sizes[-1]} examples: "
        + ", ".join(f"{value:.3g}" for value in found.curve)
    )
    flat_at_chance = gap.part >= evidence.limits.constant and not found.falls
    if best is not None:
        why.append(f"{best.name} lowers it by {best.gain:.3g} ± {best.half:.2g}")
    return Verdict(
        code="overfitting", subtype="no-signal" if flat_at_chance else "",
        confidence="verified" if found.falls or best is not None else "consistent", why=tuple(why),
        remedy=best.name if best is not None else "more data", gain=gap.part if best is None else best.gain, accepted=accepted,
    )  # fmt: skip


def told_gap(gap: Gap, least: float) -> str:
    """Say a gap in one sentence."""
    return (
        f"{gap.other} loss {gap.loss:.3g} above {gap.base} (95 % interval {gap.low:.3g} to {gap.high:.3g}), {gap.metric} worse by "
        f"{gap.part:.2f} ± {gap.error:.2g} of its range (a gap above {least:g})"
    )


def noise_floor(evidence: Evidence) -> Verdict:
    """A large loss that nothing tried lowers to the good of held-out data."""
    tried = len(evidence.outcomes or ())
    useless = evidence.loss >= evidence.limits.constant * evidence.constant
    why = (
        f"training loss {evidence.loss:.4g}, the best constant predictor's {evidence.constant:.4g}",
        f"none of {tried} remedies lowers it" + (" to the good of held-out data" if evidence.held else ""),
    )
    return Verdict(
        code="noise-floor", subtype="no-signal" if useless else "", confidence="consistent" if tried else "suspected", why=why,
        remedy="look at the data: noisy targets or missing features", accepted=("undetermined",),
    )  # fmt: skip


def healthy(evidence: Evidence) -> Verdict:
    """Nothing is wrong as far as one could look."""
    why = [
        f"training loss {evidence.loss:.4g} of {evidence.constant:.4g}, the best constant predictor's"
        + ("" if is_small(evidence) else ", and no remedy lowers it to the good of held-out data")
    ]
    for gap, least in (
        (evidence.validation_gap, evidence.limits.gap),
        (evidence.test_gap, evidence.limits.shift),
    ):
        if gap is not None:
            why.append(
                f"{gap.other} {gap.metric} worse than {gap.base} by {gap.part:.3f} ± {gap.error:.2g} of its range (allowed {least:g})"
            )
    assessed = evidence.validation_gap is not None or evidence.test_gap is not None
    return Verdict(code="healthy", confidence="consistent" if assessed else "suspected", why=tuple(why[:3]))


def with_note(verdict: Verdict, sentence: str) -> Verdict:
    """Put a sentence before the others."""
    return replace(verdict, why=(sentence, *verdict.why))
