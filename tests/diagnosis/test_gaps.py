"""The gaps of a small loss: what counts as one, what explains it, and what was learned at all; on numbers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis.baselines import Baseline
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.gap import Gap, gap, standard_error
from landscape.diagnosis.generalization import Constrained, Generalization
from landscape.diagnosis.shift import Shift
from landscape.diagnosis.signal import Signal
from landscape.diagnosis.splits import SplitShift
from landscape.diagnosis.verdict import decide
from landscape.objective.examples import Scores

CONSTANT = 0.7


def seen(part: float, error: float = 0.01, **changes) -> Gap:
    return Gap(**{"base": "train", "other": "validation", "loss": part, "low": part / 2, "high": 2 * part, "part": part,
                  "error": error, "metric": "accuracy"} | changes)  # fmt: skip


SMALL = Evidence(loss=0.001, constant=CONSTANT)


def test_what_has_learned_nothing_has_learned_nothing_by_heart():
    flat = Evidence(
        loss=0.99 * CONSTANT, constant=CONSTANT, outcomes=(), best=0.99 * CONSTANT, validation_gap=seen(0.9)
    )
    assert (decide(flat).code, decide(flat).subtype) == ("noise-floor", "no-signal")


def test_a_split_by_order_is_a_mismatch_where_a_split_by_chance_closes_the_gap():
    split = SplitShift(split="validation", unseen=0.0, distance=0.6, p=1e-9, resplit=0.01, explains=True)
    found = decide(replace(SMALL, validation_gap=seen(0.4), split=split))
    assert (found.code, found.subtype, found.confidence) == ("mismatch", "label-shift", "verified")
    still = replace(split, resplit=0.35, explains=False)
    assert decide(replace(SMALL, validation_gap=seen(0.4), split=still)).code == "overfitting"
    inputs = replace(split, distance=0.0, p=math.nan)
    assert decide(replace(SMALL, validation_gap=seen(0.4), split=inputs)).subtype == "covariate"


def test_a_network_that_a_copy_of_an_input_equals_has_learned_nothing_however_small_its_loss():
    copy = Baseline(column=9, split="test", network=0.004, copy=0.0035, lead=-0.0005, error=1e-4)
    assert decide(replace(SMALL, baseline=copy)).code == "noise-floor"
    assert decide(replace(SMALL, baseline=replace(copy, lead=0.01))).code == "healthy"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (seen(0.02), seen(0.02), "healthy"),
        (seen(0.3), seen(0.02), "overfitting"),
        (seen(0.3, error=0.2), None, "healthy"),
        (seen(0.02), seen(0.3), "mismatch"),
        (seen(0.2), seen(0.4), "mismatch"),
        (seen(0.4), seen(0.2), "overfitting"),
        (seen(0.3, low=-0.1), None, "healthy"),
        (seen(0.12, error=0.03), None, "healthy"),
        (seen(0.22, error=0.07), None, "healthy"),
        (seen(0.25, error=0.07), None, "overfitting"),
        (None, None, "healthy"),
    ],
)
def test_the_larger_material_gap_names_the_verdict(first, second, expected):
    assert decide(replace(SMALL, validation_gap=first, test_gap=second)).code == expected


def test_of_networks_whose_gap_is_just_what_is_allowed_few_are_called_overfitted():
    rng, count, allowed = np.random.default_rng(0), 300, 0.1
    chance, right = 0.5, 0.9
    held = right - allowed * (right - chance)
    alarms = 0
    for _ in range(2000):
        one, two = ((rng.random(count) < share).astype(float) for share in (right, held))
        span = one.mean() - chance
        part, error = (one.mean() - two.mean()) / span, standard_error(one, two) / span
        alarms += seen(part, error=error, low=1.0).clear(allowed)
    # Two standard errors on one side are 2.3 %; one would be 16 %.
    assert alarms / 2000 < 0.04


def test_a_learning_curve_that_falls_verifies_overfitting_and_a_flat_one_at_chance_is_no_signal():
    curve = Generalization(
        sizes=(10, 20, 40),
        curve=(0.5, 0.4, 0.3),
        halves=(0.01, 0.01, 0.01),
        test_curve=(),
        remedies=(),
        metric="loss",
    )
    found = decide(replace(SMALL, validation_gap=seen(0.4), generalization=curve))
    assert (found.confidence, found.remedy) == ("verified", "more data")
    flat = replace(curve, curve=(0.5, 0.5, 0.5))
    assert decide(replace(SMALL, validation_gap=seen(1.0), generalization=flat)).subtype == "no-signal"
    signal = replace(flat, chance=0.9)
    assert decide(replace(SMALL, validation_gap=seen(1.0), generalization=signal)).subtype == ""
    line = replace(
        SMALL,
        validation_gap=seen(1.0),
        generalization=replace(flat, chance=0.5, linear=0.2),
        linear_learns=True,
    )
    assert decide(line).subtype == "", "a linear model carries over"
    assert decide(line).remedy == "unknown"
    clusters = replace(
        SMALL, validation_gap=seen(1.0), generalization=replace(flat, curve=(0.66, 0.66, 0.66), chance=0.75)
    )
    assert decide(clusters).subtype == ""
    assert decide(replace(clusters, signal=Signal(alike=0.1, chance=0.1, p=0.5))).subtype == "no-signal"
    assert decide(replace(clusters, signal=Signal(alike=0.2, chance=0.1, p=0.03))).subtype == ""
    assert decide(replace(SMALL, validation_gap=seen(0.94, 0.02), generalization=flat)).subtype == "no-signal"
    assert decide(replace(SMALL, validation_gap=seen(0.92, 0.02), generalization=flat)).subtype == ""
    for learns, subtype in ((False, "no-signal"), (True, ""), (None, "")):
        assert decide(replace(SMALL, validation_gap=seen(1.0), linear_learns=learns)).subtype == subtype
    helped = replace(flat, remedies=(Constrained(name="weight decay 0.01", gain=0.1, half=0.02),))
    found = decide(replace(SMALL, validation_gap=seen(0.4), generalization=helped))
    assert (found.confidence, found.remedy) == ("verified", "weight decay 0.01")


def test_a_gap_of_test_that_nothing_explains_has_to_be_three_errors_wide():
    alike, told_apart = Shift(auc=0.51, p=0.5), Shift(auc=0.9, p=0.005)
    for error, shift, expected in (
        (0.04, alike, "healthy"), (0.02, alike, "mismatch"), (0.04, told_apart, "mismatch"), (0.06, told_apart, "healthy"),
    ):  # fmt: skip
        assert decide(replace(SMALL, test_gap=seen(0.1, error), shift=shift)).code == expected


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        (Shift(auc=0.9, p=0.005, label_closes=0.1, affine_closes=0.1), "covariate"),
        (Shift(auc=0.52, p=0.3, label_closes=0.0, affine_closes=0.0), "concept"),
        (Shift(auc=0.9, p=0.005, label_closes=0.1, affine_closes=0.9), "preprocessing"),
        (Shift(auc=0.9, p=0.005, label_closes=0.8, affine_closes=0.1), "label-shift"),
    ],
)
def test_what_closes_the_gap_names_the_shift(shift, expected):
    found = decide(replace(SMALL, validation_gap=seen(0.0), test_gap=seen(0.4), shift=shift))
    assert (found.code, found.subtype) == ("mismatch", expected)


def test_an_accuracy_gap_is_measured_in_parts_of_the_way_from_chance():
    one = Scores(np.zeros(100), np.ones(100), np.zeros((100, 2)))
    two = Scores(np.r_[np.zeros(75), np.ones(25)], np.r_[np.ones(75), np.zeros(25)], np.zeros((100, 2)))
    found = gap("train", "validation", one, two, chance=0.5, constant=0.69, seed=0)
    assert found.part == pytest.approx(0.5)
    square = 1.96**2
    ends = [(share * (1 - share) / 100 + square / 40_000) / (1 + square / 100) ** 2 for share in (1.0, 0.75)]
    assert found.error == pytest.approx(2 * math.sqrt(sum(ends)))
    assert found.low < 0.25 < found.high
