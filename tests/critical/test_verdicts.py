"""Points of a known kind get that kind, with the right inertia and reason."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.critical import analysis, analyze_critical
from landscape.errors import InputError
from landscape.objective import CallableObjective
from landscape.records import Critical
from tests.critical.points import MORE, TEN, bent_valley, peano, toy_network
from tests.curvature.matrices import quadratic, toy

EVERY = TEN | MORE


@pytest.mark.parametrize("name", EVERY)
def test_a_point_of_known_kind_is_named_rightly(name):
    known = EVERY[name]
    subject, theta = known.build()
    record = analyze_critical(subject, theta, surfaces=False, **dict(known.options))
    verdict = record.verdict
    assert verdict["kind"] == known.kind, verdict["reason"]
    assert known.words in verdict["reason"]
    if known.inertia is not None:
        low, high = verdict["index_interval"]
        assert verdict["inertia"] == list(known.inertia)
        assert low <= verdict["index"] <= high
    assert record.status == ""


def test_the_toy_network_falls_by_one_where_the_model_says_two():
    record = analyze_critical(toy_network(0, 0), surfaces=False)
    escape = record.verdict["escape"]
    assert abs(escape["step"]) == pytest.approx(np.sqrt(2), rel=1e-4)
    assert escape["actual"] == pytest.approx(-1, abs=1e-7)
    assert escape["predicted"] == pytest.approx(-2, rel=1e-4)
    assert np.allclose(record.escape_actual, (1 - record.escape_step**2 / 2) ** 2 - 1, atol=1e-12)
    assert np.allclose(record.escape_predicted, -(record.escape_step**2), atol=1e-12)
    assert np.prod(record.escape_theta) == pytest.approx(1, abs=1e-4)


def test_values_alone_classify_with_a_larger_error():
    def value(w):
        return (1 - w[0] * w[1]) ** 2

    verdict = analyze_critical(CallableObjective(value, size=2), [0.01, -0.02], surfaces=False).verdict
    assert verdict["kind"] == "saddle"
    assert 1e-15 < verdict["tolerance"] < 1e-6
    curve = peano()
    verdict = analyze_critical(CallableObjective(curve.value, size=2), [0.0, 0.0], surfaces=False).verdict
    assert "no minimum" in verdict["reason"]


def test_gradients_without_products_decide_a_singular_point_too():
    valley = bent_valley()
    subject = CallableObjective(valley.value, valley.gradient, size=2)
    verdict = analyze_critical(subject, [0.0, 0.0], surfaces=False).verdict
    assert verdict["kind"] == "degenerate minimum"
    assert verdict["higher"]["fourth_proven"] == pytest.approx(24, rel=1e-3)


def test_an_ill_conditioned_bowl_is_not_critical_far_from_its_floor():
    curvatures = np.geomspace(1e-4, 1, 6)
    start = np.array([100.0, 0, 0, 0, 0, 0])
    record = analyze_critical(quadratic(np.diag(curvatures)), start, polishing=False, surfaces=False)
    assert record.verdict["kind"] == "not critical"
    assert record.verdict["gradient_norm"] == pytest.approx(0.01)
    # ½gᵀ(H + δ)⁻¹g is the loss itself, 0.5, but for δ = 1e-6 beside 1e-4.
    verdict = record.verdict
    assert verdict["newton_decrement"] * verdict["scale"] == pytest.approx(0.5, rel=0.011)
    assert record.status == ""


def test_a_gradient_flat_point_is_not_critical_and_polishing_says_so():
    slope = CallableObjective(
        lambda x: 0.1 * x[0] + x[1] ** 2,
        lambda x: np.array([0.1, 2 * x[1]]),
        lambda x, v: np.array([0.0, 2 * v[1]]),
        size=2,
    )
    record = analyze_critical(slope, [0.0, 0.0], surfaces=False)
    assert record.verdict["kind"] == "not critical"
    assert record.verdict["flatness"] == pytest.approx(1)
    assert "gradient-flat" in record.verdict["reason"]
    beside = analyze_critical(slope, [0.0, 0.3], radius=1.0, surfaces=False).verdict
    assert "null space of H there" in beside["polish"]["sentence"]
    assert "No critical point near it" in beside["reason"]


def test_a_second_derivative_that_jumps_is_undetermined():
    odd = CallableObjective(
        lambda x: x[0] * abs(x[0]),
        lambda x: np.array([2 * abs(x[0])]),
        lambda x, v: 2 * np.sign(x) * v,
        size=1,
    )
    verdict = analyze_critical(odd, [0.0], surfaces=False).verdict
    assert verdict["kind"] == "undetermined"
    assert "second derivatives jump" in verdict["reason"]


@pytest.mark.parametrize(
    ("name", "kind", "index"),
    [
        ("zero-start tanh", "saddle", 4),
        ("softmax regression with weight decay", "minimum", 0),
        ("dead ReLU network", "undetermined", 0),
    ],
)
def test_a_large_network_is_judged_by_its_extreme_eigenvalues(monkeypatch, name, kind, index):
    monkeypatch.setattr(analysis, "MOST_DENSE", 5)
    monkeypatch.setattr(analysis, "MOST_DENSE_STEPS", 5)
    verdict = analyze_critical(EVERY[name].build()[0], surfaces=False).verdict
    assert verdict["kind"] == kind
    assert verdict["index_interval"] == [index, None]
    assert verdict["newton_decrement_is_lower_bound"]


def test_a_finished_record_is_not_computed_again(tmp_path):
    path = tmp_path / "toy.npz"
    first = analyze_critical(toy(), [0.0, 0.0], output=path)
    assert analyze_critical(toy(), [0.0, 0.0], output=path) == first == Critical.load(path)
    with pytest.raises(InputError, match=r"polish true there, false here.*--fresh"):
        analyze_critical(toy(), [0.0, 0.0], output=path, polishing=False)


def test_the_summary_has_the_contracts_keys():
    told = analyze_critical(toy_network(0, 0)).summary(["a.npz"])
    expected = {"kind", "index", "index_interval", "inertia", "tolerance", "loss", "gradient_norm"}
    expected |= {"newton_decrement", "flatness", "eigenvalue_min", "eigenvalue_max", "escape", "reason"}
    assert expected <= told.keys()
    assert told["escape"].keys() == {"eigenvalue", "predicted", "actual", "step"}
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"radius": -1.0}, "radius: expected a positive number"),
        ({"radius": np.inf}, "radius: expected a positive number"),
        ({"radius": "near"}, "radius: expected a positive number"),
        ({"scale": 0.0}, "scale: expected a positive number"),
        ({"lower_bound": np.nan}, "lower_bound: expected a finite number"),
        ({"split": "test"}, "split: is chosen for a model"),
        ({"examples": 3}, "examples: is chosen for a model"),
        ({"theta": [0.0]}, "expected 2 parameters"),
        ({"theta": [0.0, np.inf]}, "expected finite numbers"),
        ({"theta": None}, "expected theta"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked, message):
    with pytest.raises(InputError, match=message):
        analyze_critical(toy(), **({"theta": [0.0, 0.0]} | asked))


@pytest.mark.parametrize("subject", ["model.npz", None, lambda w: w @ w])
def test_what_is_no_objective_is_refused_with_what_one_is(subject):
    with pytest.raises(InputError, match="CallableObjective"):
        analyze_critical(subject, [0.0, 0.0])


@pytest.mark.parametrize("radius", [1e-300, 1e300])
def test_any_radius_has_an_answer(radius):
    assert analyze_critical(toy(), [0.0, 0.0], radius=radius, surfaces=False).verdict["kind"] in (
        "saddle",
        "flat to rounding",
    )


def test_values_that_are_infinite_around_a_point_are_no_traceback():
    walled = CallableObjective(lambda w: float(w @ w) if w @ w < 1e-4 else np.inf, size=2)
    assert analyze_critical(walled, [0.0, 0.0]).verdict["kind"] == "minimum"
