"""A small loss judged by its gaps: healthy, overfitting, mismatch; or a loss that nothing lowers."""

from __future__ import annotations

from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.gaps import Gap


def small(evidence: Evidence) -> Verdict:
    """Look at the gaps; the larger one of two names the verdict."""
    limits, first, second = evidence.limits, evidence.validation_gap, evidence.test_gap
    shifted = second is not None and second.material(limits.shift)
    known = evidence.generalization is not None and evidence.generalization.verifies
    over = first is not None and (first.material(limits.gap) if known else first.clear(limits.gap))
    if shifted and second is not None and not (over and first is not None and first.part > second.part):
        return mismatch(evidence, second, ("overfitting",) if over else ())
    if over and first is not None:
        return overfitting(evidence, first, ("mismatch",) if shifted else ())
    if not evidence.is_small and evidence.loss >= limits.floor * evidence.constant:
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
    flat_at_chance = gap.part >= evidence.limits.constant and not found.falls and found.is_chance
    if best is not None:
        why.append(f"{best.name} lowers it by {best.gain:.3g} ± {best.half:.2g}")
    return Verdict(
        code="overfitting", subtype="no-signal" if flat_at_chance else "",
        confidence="verified" if found.verifies else "consistent", why=tuple(why),
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
        + ("" if evidence.is_small else ", and no remedy lowers it to the good of held-out data")
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
