"""Judge a small loss by its gaps: healthy, overfitting or mismatch, or a noise floor if nothing lowers the loss."""

from __future__ import annotations

import math

from landscape.diagnosis.attribution import removed
from landscape.diagnosis.baselines import ERRORS as COPIED
from landscape.diagnosis.baselines import Baseline
from landscape.diagnosis.citing import SHARE, Cited, Reason, written
from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.gap import ALONE, ERRORS, Gap
from landscape.diagnosis.generalization import CHANCE, CLUSTERS, Generalization
from landscape.diagnosis.remedies import worded
from landscape.diagnosis.shift import ALIKE, CLOSES, RARE, Shift
from landscape.diagnosis.signal import TELLS

NOISY_DATA = "look at the data: noisy targets or missing features"
# Held-out examples of classes that training lacks, from this share on, are a split by order whatever else.
UNSEEN = 0.5


def small(evidence: Evidence) -> Verdict:
    """Look at the gaps; the larger one of two names the verdict."""
    limits, first, second = evidence.limits, evidence.validation_gap, evidence.test_gap
    learned = evidence.loss < limits.constant * evidence.constant or evidence.is_small
    if first is not None and learned and first.material(limits.gap) and is_ordered(evidence, first):
        return by_order(evidence, first)
    shifted = is_shifted(evidence)
    # What is no better than a constant has learned nothing, nor by heart.
    over = learned and first is not None and first.clear(limits.gap)
    if shifted and second is not None and not (over and first is not None and first.part > second.part):
        return mismatch(evidence, second, ("overfitting",) if over else ())
    if over and first is not None:
        return overfitting(evidence, first, ("mismatch",) if shifted else ())
    if (
        evidence.baseline is not None
        and not evidence.baseline.beaten
        and evidence.baseline.copy > 0
        and learned
    ):
        return copies(evidence, evidence.baseline)
    return healthy(evidence) if evidence.is_small else noise_floor(evidence)


def is_shifted(evidence: Evidence) -> bool:
    """Say whether test is worse than the data that training resembles, beyond chance."""
    gap = evidence.test_gap
    return gap is not None and gap.material(evidence.limits.shift, errors_needed(evidence))


def errors_needed(evidence: Evidence) -> float:
    """Return how many standard errors test has to be worse by: more where nothing explains it, neither labels, nor scales, nor other inputs."""
    return ALONE if evidence.shift is not None and evidence.shift.subtype == "concept" else ERRORS


def is_ordered(evidence: Evidence, gap: Gap) -> bool:
    """Say whether the split explains the gap of validation: by classes that training never saw, or since a split by chance closes half of it."""
    split = evidence.split
    if split is None:
        return False
    return split.unseen >= UNSEEN or split.resplit < CLOSES * gap.part


def by_order(evidence: Evidence, gap: Gap) -> Verdict:
    """Validation data were split off by order, and are of another kind than training's."""
    split = evidence.split
    assert split is not None
    reasons: list[Reason] = [told_gap(gap, evidence.limits.gap)]
    if split.unseen > 0:
        reasons.append(
            f"{split.unseen:.0%} of the {split.split} examples are of classes that training has no example of"
        )
    elif split.by_order:
        reasons.append(
            f"the shares of the classes differ by {split.distance:.0%} from training's (p {split.p:.1g}): no split by chance does that"
        )
    proved = split.resplit < CLOSES * gap.part
    if math.isfinite(split.resplit):
        reasons.append(
            Cited(
                sentence="after a split by chance and a refit validation is worse by {value} of the range",
                claim="closed", value=split.resplit, side="below", threshold=CLOSES * gap.part, styles=SHARE,
            )
        )  # fmt: skip
    return Verdict(
        code="mismatch", subtype="label-shift" if split.by_order or split.unseen > 0 else "covariate",
        confidence="verified" if proved else "consistent", reasons=tuple(reasons), remedy="split", gain=gap.part,
        pytorch="perm = torch.randperm(len(x)); x, y = x[perm], y[perm]  # before the split",
    )  # fmt: skip


def copies(evidence: Evidence, found: Baseline) -> Verdict:
    """The network is no better than one of its inputs, however small its loss."""
    part = evidence.loss / evidence.constant if evidence.constant > 0 else math.nan
    reasons: list[Reason] = [
        Cited(
            sentence=f"on {found.split} data a copy of input {found.column} has the loss {found.copy:.4g}, the network {found.network:.4g}: it leads by "
            "{value}",
            claim="nothing learned beside it", value=found.lead, side="up to", threshold=COPIED * found.error,
        ),
        f"its training loss is small, {part:.1%} of the best constant predictor's, since that input is near the target already",
    ]  # fmt: skip
    return Verdict(
        code="noise-floor", subtype="no-signal", confidence="consistent", reasons=tuple(reasons), remedy="copy", accepted=("healthy",),
        pytorch="net(x) + x[:, [i]]  # learn the difference to the input i that is copied",
    )  # fmt: skip


def mismatch(evidence: Evidence, gap: Gap, accepted: tuple[str, ...]) -> Verdict:
    """Test is worse than the data that training resembles."""
    shift, subtype, confidence = evidence.shift, "", "suspected"
    reasons: list[Reason] = [told_gap(gap, evidence.limits.shift, errors=errors_needed(evidence))]
    if shift is not None:
        subtype, confidence = shift.subtype, "consistent"
        closes = {"preprocessing": shift.affine_closes, "label-shift": shift.label_closes}.get(subtype)
        if closes is not None:
            confidence = "verified"
            reasons.append(
                Cited(
                    sentence="undoing it closes {value} of the gap",
                    claim="verified", value=closes, side="from", threshold=CLOSES, styles=SHARE,
                )
            )  # fmt: skip
        reasons += told_apart(shift, gap, subtype)
    return Verdict(
        code="mismatch", subtype=subtype, confidence=confidence, reasons=tuple(reasons), remedy=subtype or "data like the test set's",
        gain=gap.part, accepted=accepted,
    )  # fmt: skip


def told_apart(shift: Shift, gap: Gap, subtype: str) -> list[Reason]:
    """Cite the classifier of the inputs: that they are alike where the targets' meaning changed, else that they are not."""
    if math.isnan(shift.auc) or subtype == "label-shift":
        return []
    said = f"a classifier tells {gap.base} and {gap.other} inputs apart with AUC"
    if subtype == "concept" and shift.auc >= ALIKE:
        sentence = f"{said} {shift.auc:.2f}, p {{value}}"
        return [Cited(sentence=sentence, claim="by chance", value=shift.p, side="above", threshold=RARE)]
    claim, side = ("alike", "below") if subtype == "concept" else ("different", "from")
    sentence = f"{said} {{value}} (p {shift.p:.3g})"
    return [Cited(sentence=sentence, claim=claim, value=shift.auc, side=side, threshold=ALIKE)]


def overfitting(evidence: Evidence, gap: Gap, accepted: tuple[str, ...]) -> Verdict:
    """Validation is worse than training; a learning curve or a constraint verifies it."""
    found = evidence.generalization
    reasons: list[Reason] = [told_gap(gap, evidence.limits.gap, clear=True)]
    if found is None:
        # Held-out data at chance, and neither a linear model nor near examples that tell anything: there may be nothing to carry over.
        flat = is_at_chance(evidence, gap) and tells_nothing(evidence)
        reasons += without_signal(evidence) if flat else []
        return Verdict(
            code="overfitting",
            subtype="no-signal" if flat else "",
            remedy="no-signal" if flat else "",
            confidence="suspected",
            reasons=tuple(reasons),
            gain=gap.part,
            accepted=accepted,
        )
    best = found.best
    reasons.append(twice_the_data(found))
    flat_at_chance = (
        is_at_chance(evidence, gap)
        and not found.falls
        and found.is_chance(
            CLUSTERS if evidence.signal is not None and evidence.signal.is_nothing else CHANCE
        )
        and not evidence.linear_learns
        and not (evidence.signal is not None and evidence.signal.tells)
    )
    reasons += without_signal(evidence) if flat_at_chance else []
    if best is not None:
        reasons.append(
            Cited(
                sentence=f"{best.name} lowers the held-out {found.metric} by {{value}}",
                claim="beyond its interval", value=best.gain, side="above", threshold=best.half,
            )
        )  # fmt: skip
    return Verdict(
        code="overfitting", subtype="no-signal" if flat_at_chance else "",
        confidence="verified" if found.verifies else "consistent", reasons=tuple(reasons),
        remedy=closing(found, flat_at_chance), gain=gap.part if best is None else best.gain, accepted=accepted,
    )  # fmt: skip


def is_at_chance(evidence: Evidence, gap: Gap) -> bool:
    """Say whether held-out data are no better than guessing, within the gap's standard error."""
    return gap.part + gap.error >= evidence.limits.constant


def tells_nothing(evidence: Evidence) -> bool:
    """Say whether what was looked at, a linear model and near examples, finds nothing of the targets in the inputs; at least one of them was."""
    found = evidence.signal
    if found is not None and found.tells:
        return False
    return evidence.linear_learns is False or (
        evidence.linear_learns is None and found is not None and found.is_nothing
    )


def without_signal(evidence: Evidence) -> list[Reason]:
    """Cite that near examples have no nearer targets than permuted ones, where that was looked at."""
    found = evidence.signal
    if found is None:
        return []
    return [
        Cited(
            sentence=f"training examples agree with their nearest neighbours in the target to {found.alike:.2g}, and to "
            f"{found.chance:.2g} if the targets are permuted (p {{value}})",
            claim="no signal", value=found.p, side="above", threshold=TELLS,
        )
    ]  # fmt: skip


def closing(found: Generalization, flat: bool) -> str:
    """Name what is recommended against overfitting: the best constraint, more data where they were seen to help, or what to look at."""
    if flat:
        return "no-signal"
    if found.best is not None:
        return found.best.name
    return "more data" if found.falls else "unknown"


def twice_the_data(found: Generalization) -> Cited:
    """Cite what twice the training data do for held-out data."""
    return Cited(
        sentence=f"{found.sizes[-1]} training examples in place of {found.sizes[-2]} lower the held-out {found.metric} by {{value}}",
        claim="beyond its interval", value=found.curve[-2] - found.curve[-1], side="above",
        threshold=math.hypot(found.halves[-2], found.halves[-1]),
    )  # fmt: skip


def told_gap(gap: Gap, least: float, *, clear: bool = False, errors: float = ERRORS) -> Cited:
    """Cite a gap that counts."""
    bound = gap.bound(least, clear=clear, errors=errors)
    return Cited(
        sentence=f"{gap.other} loss {gap.loss:.3g} above {gap.base} (95 % interval {gap.low:.3g} to {gap.high:.3g}), {gap.metric} worse by "
        f"{{value}} ± {written(gap.error, '.1%')} of its range",
        claim="a gap", value=gap.part, side="above", threshold=bound, styles=SHARE,
    )  # fmt: skip


def allowed_gaps(evidence: Evidence) -> dict[str, Cited]:
    """Cite the gaps that do not count, by the code that they would be."""
    limits, first, second = evidence.limits, evidence.validation_gap, evidence.test_gap
    found = {}
    if first is not None and not first.clear(limits.gap):
        found["overfitting"] = allowed_gap(first, first.bound(limits.gap, clear=True))
    if second is not None and not is_shifted(evidence):
        found["mismatch"] = allowed_gap(second, second.bound(limits.shift, errors=errors_needed(evidence)))
    return found


def allowed_gap(gap: Gap, bound: float) -> Cited:
    """Cite a gap that does not count; one above the allowed part counts for nothing where the loss's interval holds 0."""
    doubt = (
        ""
        if gap.part <= bound
        else f", while its loss is not beyond chance (95 % interval {gap.low:.3g} to {gap.high:.3g})"
    )
    return Cited(
        sentence=f"{gap.other} {gap.metric} worse than {gap.base} by {{value}} ± {written(gap.error, '.1%')} of its range{doubt}",
        claim="allowed", value=gap.part, side="up to", threshold=bound, styles=SHARE,
    )  # fmt: skip


def noise_floor(evidence: Evidence) -> Verdict:
    """A loss that is not small and that nothing tried lowers to the good of held-out data."""
    tried = len(evidence.outcomes or ())
    foreseen = foresees(evidence)
    useless = evidence.loss >= evidence.limits.constant * evidence.constant and not foreseen
    part = evidence.loss / evidence.constant
    if part < evidence.limits.floor:
        return unexplained(evidence)
    least = evidence.limits.constant if useless else evidence.limits.floor
    floor = Cited(
        sentence=f"training loss {evidence.loss:.4g} is {{value}} of the best constant predictor's, {evidence.constant:.4g}",
        claim="no better than a constant" if useless else "large", value=part, side="from", threshold=least, styles=SHARE,
    )  # fmt: skip
    return Verdict(
        code="noise-floor", subtype="no-signal" if useless else "", confidence="consistent" if tried else "suspected",
        reasons=(floor, *(without_signal(evidence) if useless else foreseen), *unlowered(evidence)),
        remedy=NOISY_DATA, accepted=("undetermined",),
    )  # fmt: skip


def foresees(evidence: Evidence) -> list[Reason]:
    """Cite how much better than the best constant the network is on held-out data, where that is beyond chance: there is a signal, if a weak one.

    Of classes of which one is common the accuracy may not show it: no example need be more probably of a rare one.
    """
    found = evidence.beside_constant
    if found is None or not found.beaten:
        return []
    return [
        Cited(
            sentence=f"on {found.split} data the loss is {found.network:.4g}, that of the best constant {found.copy:.4g}: it leads by {{value}}",
            claim="a signal", value=found.lead, side="above", threshold=COPIED * found.error,
        )
    ]  # fmt: skip


def unexplained(evidence: Evidence) -> Verdict:
    """A loss between small and a floor that nothing lowers: what is left is said, and that nobody knows why."""
    part = evidence.loss / evidence.constant
    left = Cited(
        sentence=f"training loss {evidence.loss:.4g}: {{value}} of the best constant predictor's, {evidence.constant:.4g}, is left, and nothing that "
        "was tried lowers it",
        claim="not small", value=part, side="above", threshold=evidence.limits.large, styles=SHARE,
    )  # fmt: skip
    return Verdict(
        code="noise-floor", subtype="unexplained", confidence="consistent" if evidence.outcomes else "suspected",
        reasons=(left, *unlowered(evidence)), remedy=NOISY_DATA, accepted=("healthy", "undetermined"),
    )  # fmt: skip


def unlowered(evidence: Evidence) -> list[Reason]:
    """Say that no remedy lowers the loss, or by how little, or with how little certainty, the best one does."""
    limits, found = evidence.limits, evidence.outcomes or ()
    helpful = [o for o in found if o.useful and o.share > 0]
    if not helpful:
        return [
            f"none of {len(found)} remedies lowers it"
            + (" together with the loss on held-out data" if evidence.held else "")
        ]
    best = max(helpful, key=lambda o: o.share)
    said = f"the best of {len(found)} remedies, {worded(best.name)},"
    if evidence.removable < limits.removable:
        return [
            Cited(
                sentence=f"{said} lowers it by {{value}} of the best constant predictor's loss",
                claim="too little to matter", value=evidence.removable, side="below", threshold=limits.removable, styles=SHARE,
            )
        ]  # fmt: skip
    if evidence.part <= limits.large:
        return [
            Cited(
                sentence="the loss is {value} of the way from the best one seen to the best constant predictor's",
                claim="small", value=evidence.part, side="up to", threshold=limits.large, styles=SHARE,
            )
        ]  # fmt: skip
    return [removed(best, evidence)]


def healthy(evidence: Evidence) -> Verdict:
    """Nothing is wrong as far as one could look."""
    reasons = small_loss(evidence)
    reasons += allowed_gaps(evidence).values()
    assessed = evidence.validation_gap is not None or evidence.test_gap is not None
    return Verdict(
        code="healthy", confidence="consistent" if assessed else "suspected", reasons=tuple(reasons)
    )


def small_loss(evidence: Evidence) -> list[Reason]:
    """Cite a training loss that is small, or as small as was asked for."""
    bound, target = evidence.limits.large * evidence.constant, evidence.target
    claim = "small"
    if target is not None and not evidence.loss <= bound:
        claim, bound = "as wanted", target
    sentence = f"training loss {{value}}, the best constant predictor's {evidence.constant:.4g}"
    return [Cited(sentence=sentence, claim=claim, value=evidence.loss, side="up to", threshold=bound)]
