"""Attribute a large loss to optimization or model bias, by the remedies that remove it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from landscape.diagnosis.citing import NUMBER, SHARE, TIMES, Cited, Reason
from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.outcomes import Outcome, best_of, of_kind
from landscape.diagnosis.reasons import is_supported, reasons_for
from landscape.diagnosis.remedies import tried, worded
from landscape.diagnosis.subtypes import OWN, by_state, explodes, is_blown, seen_or, signatures
from landscape.diagnosis.thresholds import Thresholds

# A gradient of targets that broadcast below this part of the loss's own is what the loop followed.
BROADCAST = 0.1
# An interval below this part of the mean is not written.
SAME = 1e-4
LOOP_ADVICE = (
    "look at the loop: it does not minimize this loss (shapes that broadcast, such as [N, 1] against [N]; other targets; parameters that "
    "the optimizer does not have)"
)
LOOP_PYTORCH = "assert net(x).shape == y.shape; loss = criterion(net(x), y.view_as(net(x))); torch.optim.Adam(net.parameters())"

CONVEX_ADVICE = "the network is a linear model, whose training problem is convex: standardize inputs and targets, and solve it in place of descending"
CONVEX_LOGITS = "torch.optim.LBFGS(net.parameters(), line_search_fn='strong_wolfe').step(closure)  # zero_grad, loss, backward on all data"
CONVEX_PYTORCH = "w = torch.linalg.lstsq(torch.hstack([x, torch.ones(len(x), 1)]), y).solution"


def large(evidence: Evidence) -> Verdict | None:
    """Attribute a large loss to what removes it, or None if nothing that helps held-out data does."""
    limits, found = evidence.limits, evidence.outcomes or ()
    removable = min(evidence.loss, evidence.constant) - evidence.best
    if evidence.part <= limits.large or removable < limits.removable * evidence.constant:
        return worse_than_constant(evidence)
    # Under a penalty of the weights, inputs and targets of another scale mean another penalty.
    ours = [o for o in found if o.same and not (evidence.decays and tried(o).change.rescales)]
    penalty, same, other = (
        best_of(of_kind(found, "penalty")),
        best_of(ours),
        best_of(of_kind(found, "output")),
    )
    simple, big = best_of(of_kind(found, "simpler")), best_larger(found, limits)
    shares = {
        "model-bias/over-regularized": share(penalty), "optimization": share(same), "simpler": share(simple),
        "model-bias": share(big), "broken/output-range": share(other),
    }  # fmt: skip
    if not any(value > 0 for value in shares.values()):
        return worse_than_constant(evidence)
    if minimizes_another(evidence):
        return wrong_loss(evidence)
    if penalty is not None and penalty.share >= limits.verified and share(same) < limits.tie * penalty.share:
        return attributed(evidence, "model-bias", tried(penalty).rule(evidence), penalty, shares)
    if other is not None and is_held_back(evidence, other, max(share(same), share(simple), share(big))):
        return attributed(evidence, "broken", tried(other).rule(evidence), other, shares)
    if same is not None and same.share >= limits.bias * max(share(simple), share(big), share(penalty)):
        winner = simplest(ours, same, limits)
        return attributed(evidence, "optimization", tried(winner).rule(evidence), winner, shares)
    if is_better(simple, evidence) and share(simple) >= limits.bias * share(big):
        assert simple is not None
        return attributed(
            evidence,
            "optimization",
            seen_or("ill-conditioned")(evidence),
            simple,
            shares,
            trained_instead(simple, same, evidence),
        )
    if big is not None:
        return attributed(evidence, "model-bias", capacity(found, big, evidence), big, shares)
    return None


def is_held_back(evidence: Evidence, other: Outcome, rival: float) -> bool:
    """Say whether the last activation holds the loss up: without it the same parameters remove twice as much as anything else does.

    Where outputs are dead behind it, it only has to do about as well as all else, and better than training on from the same parameters: a fresh
    start that does as well had other outputs dead, or none.
    """
    limits = evidence.limits
    if other.share < limits.verified:
        return False
    if evidence.state is None or not evidence.state.dead_outputs:
        return rival < limits.bias * other.share
    on = share(best_of(of_kind(evidence.outcomes or (), "fork")))
    return other.share >= limits.tie * rival and on < other.share - limits.simpler


def minimizes_another(evidence: Evidence) -> bool:
    """Say whether the loop cannot have minimized this loss: its recipe, taken on and from a fresh start, removes most of it in few updates.

    Both have to do in a part of the updates spent what these did not: one alone may be luck, or a plateau that was just left.
    """
    if evidence.spent is None or evidence.assumed:
        return False
    limits = evidence.limits
    own = [next((o for o in evidence.outcomes or () if o.name == name), None) for name in OWN]
    return all(
        o is not None
        and o.useful
        and not o.diverged
        and 0 < o.steps <= limits.early * evidence.spent
        and is_sure(o, limits)
        for o in own
    )


def wrong_loss(evidence: Evidence) -> Verdict:
    """Return the verdict of a loop that minimizes another loss than this one."""
    control, fresh = (next(o for o in evidence.outcomes or () if o.name == name) for name in OWN)
    spent = evidence.spent or 0
    reasons: list[Reason] = [
        f"after {spent:,} updates the training loss is {evidence.loss:.4g}; a fresh start of the same recipe has {spread(fresh)} after "
        f"{fresh.steps:,}: those updates cannot have minimized this loss",
        removed(control, evidence),
    ]
    if evidence.broadcast < BROADCAST:
        reasons.append(
            Cited(
                sentence="the gradient of a loss that compares every output with every target is {value} of this one's",
                claim="minimized", value=evidence.broadcast, side="below", threshold=BROADCAST,
            )
        )  # fmt: skip
    return Verdict(
        code="broken", subtype="wrong-loss", confidence="verified", reasons=tuple(reasons), remedy=control.name, gain=control.share,
        accepted=("undetermined",), advice=LOOP_ADVICE, pytorch=LOOP_PYTORCH,
    )  # fmt: skip


def trained_instead(simple: Outcome, same: Outcome | None, evidence: Evidence) -> Outcome | None:
    """Return the remedy in place of a linear model, where the network is one itself: its own best trial, or none where it is better solved."""
    linear = evidence.state is not None and evidence.state.affine
    if not (tried(simple).change.solved and linear):
        return simple
    return same if share(same) >= evidence.limits.removable else None


def best_larger(found: Sequence[Outcome], limits: Thresholds) -> Outcome | None:
    """Return the best larger network, or a linear model that the network does not contain where no network comes near it."""
    larger = of_kind(found, "larger")
    best, network = best_of(larger), best_of(o for o in larger if not tried(o).change.solved)
    if best is None or network is None:
        return best
    return network if network.share >= limits.bias * best.share else best


def worse_than_constant(evidence: Evidence) -> Verdict | None:
    """Return the verdict of a loss above the best constant predictor's that nothing lowers: a network contains that predictor."""
    limits = evidence.limits
    if evidence.loss <= (1 + limits.simpler) * evidence.constant:
        return None
    tried = len(evidence.outcomes or ())
    helpful = [o for o in evidence.outcomes or () if o.useful and o.train < evidence.constant]
    below = (
        f"none of {tried} remedies brings it below"
        if not helpful
        else f"{len(helpful)} of {tried} remedies bring it below, none by enough to name the cause"
    )
    subtype = "exploding" if is_blown(evidence) else by_state(evidence)
    return Verdict(
        code="optimization", subtype=subtype, reasons=(above_constant(evidence), *reasons_for(subtype, evidence), below),
        supported=is_supported(subtype, evidence),
    )  # fmt: skip


def above_constant(evidence: Evidence) -> Cited:
    """Cite a loss above the best constant predictor's, which is a simpler model."""
    ratio, bound = evidence.loss / evidence.constant, 1 + evidence.limits.simpler
    return Cited(
        sentence=f"training loss {evidence.loss:.4g} is {{value}} times {evidence.constant:.4g}, that of the best constant predictor, "
        "which is a simpler model",
        claim="worse than a constant", value=ratio, side="above", threshold=bound,
    )  # fmt: skip


def share(outcome: Outcome | None) -> float:
    """Return an outcome's share, 0 for none."""
    return 0.0 if outcome is None else max(outcome.share, 0.0)


def is_better(simple: Outcome | None, evidence: Evidence) -> bool:
    """Say whether a simpler network is lower by more than a part of the range, beyond the interval."""
    if simple is None:
        return False
    lead = min(evidence.loss, evidence.constant) - simple.train
    return lead > evidence.limits.simpler * (evidence.constant - evidence.best) and lead > simple.half


def simplest(found: Sequence[Outcome], best: Outcome, limits: Thresholds) -> Outcome:
    """Choose, of the same network's remedies that do about as well as the best one, that of the least rank."""
    near = [o for o in found if o.same and o.useful and o.share >= limits.tie * best.share]
    return min(near, key=lambda o: tried(o).rank)


def capacity(found: Sequence[Outcome], big: Outcome, evidence: Evidence) -> str:
    """Name what the network lacks: the least that removes about as much as the best larger network."""
    if evidence.state is not None and evidence.state.linear:
        return "linear"
    near = [o for o in of_kind(found, "larger") if o.share >= evidence.limits.tie * big.share]
    networks = [] if tried(big).change.solved else [o for o in near if not tried(o).change.solved]
    return min((tried(o) for o in networks), key=lambda remedy: remedy.rank, default=tried(big)).rule(
        evidence
    )


def attributed(
    evidence: Evidence,
    code: str,
    subtype: str,
    winner: Outcome,
    shares: dict[str, float],
    remedy: Outcome | str | None = "winner",
) -> Verdict:
    """Make the verdict of a remedy that won; `remedy` is another one to recommend, or None if the network is linear and is to be solved."""
    limits = evidence.limits
    if code == "optimization" and explodes(evidence):
        subtype = "exploding"
    advised = remedy if isinstance(remedy, Outcome) else winner
    codes = {"simpler": "optimization"}
    near = limits.bias * min(1.0, winner.share)
    others = [codes.get(name, name) for name, value in shares.items() if value > 0 and value >= near]
    accepted = [name for name in others if name.split("/")[0] != code]
    if code == "optimization" and evidence.state is not None:
        slower = subtype == "exploding" and "bouncing" in tried(winner).proves
        accepted += [f"{code}/bouncing"] if slower else []
        beyond = evidence.state.stability >= 1 / limits.edge and subtype != "bouncing"
        accepted += [f"{code}/bouncing"] if beyond else []
        accepted += [f"{code}/{name}" for name in signatures(evidence.state, limits) if name != subtype]
    return Verdict(
        code=code, subtype=subtype, confidence="verified" if is_sure(winner, limits) else "consistent",
        reasons=(large_loss(evidence), removed(winner, evidence), *reasons_for(subtype, evidence), *beaten_by_simpler(evidence, code, winner)),
        supported=is_supported(subtype, evidence, tried(winner).proves), remedy=advised.name,
        gain=advised.share, accepted=tuple(dict.fromkeys(accepted)),
        advice=CONVEX_ADVICE if remedy is None else "", pytorch=solving(evidence) if remedy is None else "",
    )  # fmt: skip


def solving(evidence: Evidence) -> str:
    """Return the line that solves a linear network's problem: least squares for targets that are numbers, else Newton's kind of descent."""
    return CONVEX_PYTORCH if math.isfinite(evidence.target_size) else CONVEX_LOGITS


def is_sure(winner: Outcome, limits: Thresholds) -> bool:
    """Say whether a remedy verifies its cause: it removes enough, beyond its interval."""
    return winner.share >= limits.verified and winner.gain > winner.gain_half


def large_loss(evidence: Evidence) -> Cited:
    """Cite how far the loss lies from the best one seen towards the best constant predictor's."""
    least = evidence.limits.large
    if evidence.loss > evidence.constant > 0:
        ratio = evidence.loss / evidence.constant
        # Far above the constant's a percentage is hard to read, and near it "1 times" is.
        said, styles = ("{value} times", NUMBER) if ratio >= TIMES else ("{value} of", SHARE)
        return Cited(
            sentence=f"training loss {evidence.loss:.4g} is {said} the best constant predictor's, {evidence.constant:.4g}; the best loss seen "
            f"is {evidence.best:.4g}",
            claim="large", value=ratio, side="above", styles=styles,
            threshold=(evidence.best + least * (evidence.constant - evidence.best)) / evidence.constant,
        )  # fmt: skip
    return Cited(
        sentence=f"training loss {evidence.loss:.4g}: {{value}} of the way from the best loss seen, {evidence.best:.4g}, "
        f"to the best constant predictor's, {evidence.constant:.4g}",
        claim="large", value=evidence.part, side="above", threshold=least, styles=SHARE,
    )  # fmt: skip


def removed(winner: Outcome, evidence: Evidence) -> Cited:
    """Cite what the remedy removes: as a proof where it is one, else as too little, or too uncertain, to be one."""
    least = evidence.limits.verified
    said = f"with {worded(winner.name)}{assumption(winner, evidence)} training ends at {spread(winner)}"
    if tried(winner).change.solved and evidence.state is not None and evidence.state.affine:
        said = f"the network is linear: solved in place of descended it has the loss {winner.train:.4g}"
    if winner.share >= least and not winner.gain > winner.gain_half:
        return Cited(
            sentence=f"{said}: {winner.share:.0%} of what can be removed is gone, a gain of {{value}} ± {winner.gain_half:.3g}",
            claim="no proof", value=winner.gain, side="up to", threshold=winner.gain_half,
        )  # fmt: skip
    claim, side = ("verified", "from") if winner.share >= least else ("not verified", "below")
    return Cited(
        sentence=f"{said}: {{value}} of what can be removed is gone",
        claim=claim, value=winner.share, side=side, threshold=least, styles=SHARE,
    )  # fmt: skip


def spread(found: Outcome) -> str:
    """Write a trial's training loss with its interval over seeds, of which one seed has none, nor have seeds that all come to the same."""
    if found.seeds == 1:
        return f"{found.train:.4g}"
    if found.half < SAME * abs(found.train):
        return f"{found.train:.4g} with each of {found.seeds} seeds"
    return f"{found.train:.4g} ± {found.half:.2g} over {found.seeds} seeds"


def beaten_by_simpler(evidence: Evidence, code: str, winner: Outcome) -> list[Reason]:
    """Cite a simpler network that ends lower, which proves that training is at fault: this network contains what it can do."""
    simple = best_of(of_kind(evidence.outcomes or (), "simpler"))
    if code != "optimization" or simple is None or not is_better(simple, evidence):
        return []
    least = evidence.limits.simpler
    part = (min(evidence.loss, evidence.constant) - simple.train) / (evidence.constant - evidence.best)
    return [
        Cited(
            sentence=f"a simpler network that this one contains, {worded(simple.name)}, ends at {simple.train:.4g} on the training data, lower by "
            "{value} of that way: that is optimization, not model bias",
            claim="training at fault", value=part, side="above", threshold=least, styles=SHARE,
        )
    ]  # fmt: skip


def assumption(winner: Outcome, evidence: Evidence) -> str:
    """Say what was taken for the user's recipe where a remedy hangs on it and nobody said it."""
    own = winner.same and tried(winner).optimizer is None
    return f" (assumed: {evidence.assumed})" if own and evidence.assumed else ""
