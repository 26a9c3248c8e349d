"""Every number that a diagnosis cites lies on the side of its threshold that it is cited for, whatever the evidence; what does not is said with "though"."""

from __future__ import annotations

import math
import operator
import re

import numpy as np
import pytest

from landscape.commands.diagnose_report import next_lines
from landscape.diagnosis.attribution import large_loss
from landscape.diagnosis.baselines import Baseline
from landscape.diagnosis.citing import SHARE, Cited, ordered, supporting
from landscape.diagnosis.ensembles import BUDGETS, Laboratory
from landscape.diagnosis.evidence import Evidence, Verdict
from landscape.diagnosis.gap import Gap
from landscape.diagnosis.generalization import Constrained, Generalization
from landscape.diagnosis.outcomes import Outcome, shared
from landscape.diagnosis.recipe import Training
from landscape.diagnosis.report_json import report_json
from landscape.diagnosis.session import Session
from landscape.diagnosis.shift import Shift
from landscape.diagnosis.splits import SplitShift
from landscape.diagnosis.state import State
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.verdict import decide
from landscape.training import Recipe
from tests.diagnosis.contradictions import contradictions

KINDS = {
    "longer": "fork", "rate/10": "fork", "rate×10": "fork", "batch×8": "fork", "adam": "fork", "escape": "fork", "standardized": "fork",
    "standardized targets": "fork", "fresh": "fresh", "fresh, rate/10": "fresh", "fresh, adam": "fresh", "fresh, standardized": "fresh",
    "without end": "output", "weight decay/100": "penalty", "linear": "simpler", "shallower": "simpler", "narrower": "simpler",
    "wider": "larger", "deeper": "larger",
}  # fmt: skip
# The network is not looked at where a report is made.
LABORATORY = Laboratory(
    None, Training(Recipe(), None, ("optimizer",)), Thresholds(), BUDGETS["standard"], None
)
SIDES = {"from": operator.ge, "above": operator.gt, "below": operator.lt, "up to": operator.le}
NUMBER = r"[-+]?\d[\d.]*(?:e[-+]?\d+)?%?"


def drawn_state(rng: np.random.Generator) -> State:
    """Draw numbers around their thresholds, some of them unknown."""

    def around(threshold: float) -> float:
        return math.nan if rng.random() < 0.2 else threshold * 10.0 ** rng.normal(0, 1)

    return State(
        dead=min(1.0, around(0.8)) if rng.random() < 0.5 else 0.0, dead_layer="act1", identical="fc1" if rng.random() < 0.1 else "",
        gradient_ratio=around(1e-3), decrement=around(10.0 ** rng.uniform(-7, -1)), eigenvalue_min=rng.normal(), eigenvalue_error=0.1,
        escape=float(rng.random() < 0.3), stability=around(0.9), highest=around(0.9), highest_step=int(rng.integers(0, 3)), noise=around(1.0),
        condition=around(100.0), linear=bool(rng.random() < 0.1),
    )  # fmt: skip


def drawn_gap(rng: np.random.Generator, base: str, other: str) -> Gap | None:
    """Draw a gap, or none."""
    if rng.random() < 0.4:
        return None
    loss, half = rng.normal(0.1, 0.2), abs(rng.normal(0, 0.1))
    part, error = rng.normal(0.08, 0.1), abs(rng.normal(0, 0.03))
    return Gap(
        base=base,
        other=other,
        loss=loss,
        low=loss - half,
        high=loss + half,
        part=part,
        error=error,
        metric="accuracy",
    )


def drawn_shift(rng: np.random.Generator) -> Shift | None:
    """Draw what explains a gap, or nothing."""
    if rng.random() < 0.3:
        return None
    return Shift(
        auc=float(rng.uniform(0.4, 1)),
        p=float(rng.uniform(0, 0.2)),
        label_closes=float(rng.uniform(0, 0.7)),
        affine_closes=float(rng.uniform(0, 0.7)),
    )


def drawn_generalization(rng: np.random.Generator) -> Generalization | None:
    """Draw a learning curve and a constraint, or nothing."""
    if rng.random() < 0.5:
        return None
    curve = tuple(np.sort(rng.uniform(0, 1, 3))[::-1])
    remedies = (Constrained(name="early stopping", gain=float(rng.normal(0, 0.1)), half=0.05),)
    return Generalization(
        sizes=(10, 20, 40),
        curve=curve,
        halves=(0.1,) * 3,
        test_curve=(),
        remedies=remedies,
        metric="error rate",
        chance=0.9,
    )


def drawn_split(rng: np.random.Generator) -> SplitShift | None:
    """Draw how validation was split off, or nothing."""
    if rng.random() < 0.7:
        return None
    explains = bool(rng.random() < 0.5)
    return SplitShift(
        split="validation", unseen=float(rng.choice([0.0, 0.3, 1.0])), distance=float(rng.uniform(0, 1)), p=float(10.0 ** rng.uniform(-9, 0)),
        resplit=0.001 if explains else math.nan, explains=explains,
    )  # fmt: skip


def drawn_baseline(rng: np.random.Generator) -> Baseline | None:
    """Draw a copy beside the network, or nothing."""
    if rng.random() < 0.8:
        return None
    return Baseline(column=3, split="test", network=0.1, copy=0.1, lead=float(rng.normal(0, 0.1)), error=0.02)


def drawn(seed: int) -> Evidence:
    """Draw evidence of any kind."""
    rng = np.random.default_rng(seed)
    constant = float(10.0 ** rng.uniform(-1, 1))
    loss = constant * float(rng.choice([rng.uniform(0, 1.2), rng.uniform(0.9, 30.0)]))
    found = [
        Outcome(
            name=name, kind=KINDS[name], train=float(min(loss, constant) * rng.uniform(0, 1.3)), half=float(abs(rng.normal(0, 0.05))),
            gain=float(rng.normal(0.3, 0.3)), gain_half=float(abs(rng.normal(0, 0.3))), useful=bool(rng.random() < 0.7), seeds=5,
            diverged=int(rng.integers(0, 6)) if rng.random() < 0.2 else 0, wobble=constant * float(10.0 ** rng.normal(-2, 1)),
            steps=int(rng.integers(100, 2000)),
        )
        for name in rng.permutation(list(KINDS))[: rng.integers(0, len(KINDS))]
    ]  # fmt: skip
    start = min(loss, constant)
    best = min([start, *(o.train for o in found if o.useful)])
    return Evidence(
        loss=loss, constant=constant, best=best, outcomes=None if rng.random() < 0.2 else tuple(shared(found, start, best)),
        state=None if rng.random() < 0.2 else drawn_state(rng), held="validation" if rng.random() < 0.5 else None,
        target=float(rng.uniform(0, constant)) if rng.random() < 0.2 else None, highest=constant * float(10.0 ** rng.normal(1, 1)),
        validation_gap=drawn_gap(rng, "train", "validation"), test_gap=drawn_gap(rng, "validation", "test"),
        shift=drawn_shift(rng), generalization=drawn_generalization(rng),
        assumed="adam at 0.001, batch 32" if rng.random() < 0.3 else "", scales=float(10.0 ** rng.normal(3, 2)), optimizer=str(rng.choice(["sgd", "adam"])),
        learning_rate=float(10.0 ** rng.uniform(-5, 0)), decays=bool(rng.random() < 0.3), broadcast=float(10.0 ** rng.normal(-1, 1)),
        spent=int(10.0 ** rng.uniform(3, 6)) if rng.random() < 0.3 else None, climbed=float(10.0 ** rng.normal(0, 1)),
        input_size=float(10.0 ** rng.normal(0, 1)), target_size=float(10.0 ** rng.normal(0, 1)), split=drawn_split(rng), baseline=drawn_baseline(rng),
    )  # fmt: skip


def report_of(evidence: Evidence, verdict: Verdict) -> dict:
    return report_json(Session(LABORATORY), evidence, verdict)


@pytest.fixture(scope="module")
def cases():
    """Many verdicts with their evidence and reports; the rules take microseconds."""
    found = [(evidence, decide(evidence)) for evidence in map(drawn, range(800))]
    return [(evidence, verdict, report_of(evidence, verdict)) for evidence, verdict in found]


def test_no_report_contradicts_its_own_numbers(cases):
    for evidence, verdict, report in cases:
        assert not contradictions(report), (evidence, verdict)


def test_every_kind_of_verdict_is_among_those_drawn(cases):
    assert {verdict.code for _, verdict, _ in cases} >= {
        "healthy", "optimization", "model-bias", "overfitting", "mismatch", "noise-floor", "undetermined",
    }  # fmt: skip
    assert len({verdict.subtype for _, verdict, _ in cases}) > 15


def test_a_number_that_is_cited_as_a_reason_lies_on_the_side_of_its_threshold_that_supports_it(cases):
    for _, _, report in cases:
        for row in report["cited"]:
            assert row["text"] in report["why"]
            assert row["text"].startswith("though ") != SIDES[row["side"]](
                row["value"], row["threshold"] if row["threshold"] is not None else math.inf
            )


def test_the_sentences_say_the_same_to_a_reader_who_only_has_their_numbers(cases):
    """The last parenthesis has side and threshold; the number that it is about stands in the sentence."""
    read = 0
    for _, _, report in cases:
        for sentence in [*report["why"], *report["ruled_out"]]:
            found = re.search(rf"\(([^()]*) (from|above|below|up to) ({NUMBER})\)$", sentence)
            if found is None or sentence.startswith("though "):
                continue
            bound = found[3]
            rest = sentence[: found.start()]
            values = [n for n in re.findall(NUMBER, rest) if n.endswith("%") == bound.endswith("%")]
            assert any(
                SIDES[found[2]](float(n.rstrip("%")), float(bound.rstrip("%"))) or n == bound for n in values
            ), sentence
            read += 1
    assert read > 1500


def test_what_is_ruled_out_is_no_runner_up_and_has_no_doubts(cases):
    for _, _, report in cases:
        for sentence in report["ruled_out"]:
            code = sentence.split(":")[0]
            assert not sentence.startswith("though")
            assert not set(code.split(", ")) & {other.split("/")[0] for other in report["accepted"][:1]}
            if "removes" in sentence and not code.startswith("noise"):
                assert code not in report["accepted"], sentence


def test_a_trial_that_did_better_than_the_remedy_is_said_beside_it(cases):
    beaten = 0
    for evidence, verdict, report in cases:
        if verdict.code not in ("optimization", "model-bias") or not math.isfinite(verdict.gain):
            assert report["better"] is None
            continue
        above = [o for o in evidence.outcomes if o.useful and o.share > verdict.gain + 0.01]
        assert bool(above) == bool(report["better"])
        if above:
            assert f"{max(o.share for o in above):.0%}" in report["better"]
            assert any(report["better"] in text for _, text in next_lines(report))
            beaten += 1
    assert beaten > 30


def test_a_number_below_its_threshold_is_no_reason_but_a_doubt():
    evidence = Evidence(
        loss=0.6, constant=0.7, best=0.01, state=State(condition=12.2),
        outcomes=(Outcome(name="fresh, adam", kind="fresh", train=0.01, half=0.01, gain=0.5, gain_half=0.1, share=1.0, seeds=5),),
    )  # fmt: skip
    verdict = decide(evidence)
    assert verdict.subtype == "ill-conditioned"
    assert (
        verdict.why[-1]
        == "though a Newton step would gain 12.2 times as much as a gradient step (ill-conditioned from 100)"
    )
    assert report_of(evidence, verdict)["subtype_supported"] is False


@pytest.mark.parametrize(("loss", "said"), [(0.7001, "100% of"), (1.4, "200% of"), (70.0, "100 times")])
def test_a_loss_above_the_constants_is_a_percentage_of_it_until_that_is_hard_to_read(loss, said):
    evidence = Evidence(loss=loss, constant=0.7, best=0.01)
    assert f"is {said} the best constant predictor's, 0.7" in str(large_loss(evidence))


def test_a_run_that_bounced_at_the_start_is_told_by_the_curvature_there():
    evidence = Evidence(
        loss=0.6, constant=0.7, best=0.01, state=State(stability=0.07, highest=1.85, highest_step=0),
        outcomes=(Outcome(name="rate/10", kind="fork", train=0.01, half=0.01, gain=0.5, gain_half=0.1, share=1.0, seeds=5),),
    )  # fmt: skip
    verdict = decide(evidence)
    assert verdict.subtype == "bouncing"
    assert (
        "at the start the largest curvature was 1.85 times what the rate allows (bouncing from 0.9)"
        in verdict.why
    )
    assert not any("0.07" in sentence for sentence in verdict.why)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.896, "89.6% (dead from 90.0%)"), (0.9, "90% (dead from 90%)"), (0.95, "95% (dead from 90%)")],
)
def test_a_number_near_its_threshold_has_the_digits_that_tell_them_apart(value, text):
    cited = Cited(sentence="{value}", claim="dead", value=value, side="from", threshold=0.9, styles=SHARE)
    assert str(cited).removeprefix("though ") == text


def test_of_several_signs_the_first_that_supports_the_claim_is_cited_and_doubts_come_last():
    weak, strong = (
        Cited(sentence=name, claim="c", value=value, side="from", threshold=1.0)
        for name, value in (("weak", 0.5), ("strong", 2.0))
    )
    assert supporting([weak, strong]) == [strong]
    assert supporting([weak]) == [weak]
    assert ordered([weak, strong]) == (strong, weak)
    unknown = Cited(sentence="nothing", claim="c", value=math.nan, side="from", threshold=1.0)
    assert not unknown.supports
