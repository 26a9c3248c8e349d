"""The point as given is judged first, "nearby" means within the radius, and negligible changes count as zero."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from landscape.critical import analyze_critical, search_critical
from landscape.critical.frame import ZERO, frame_of
from landscape.curvature.analysis import point_of
from landscape.errors import ComputationError
from landscape.model import build_model
from landscape.model.initialization import usual_norm
from landscape.objective import CallableObjective
from landscape.tables.critical import critical_table
from landscape.training import initialize
from tests.critical.points import MORE, TEN, softmax_regression, toy_network, zero_tanh
from tests.curvature.matrices import matrix_of, quadratic, toy
from tests.networks import chain


def stuck(distance: float):
    """Return a bowl whose minimum is at a given distance from the point that is judged."""
    matrix, theta = matrix_of(np.linspace(1.0, 3.0, 6)), np.zeros(6)
    theta[0] = distance
    return quadratic(matrix), theta


def test_the_point_as_given_is_judged_first_and_its_verdict_comes_first():
    record = analyze_critical(toy_network(0.01, -0.02), surfaces=False)
    told = record.verdict
    assert next(iter(told)) == "given"
    assert told["given"]["kind"] == "not critical"
    as_it_is = analyze_critical(toy_network(0.01, -0.02), polishing=False, surfaces=False).verdict
    assert told["given"] == as_it_is["given"]
    assert as_it_is["kind"] == "not critical"
    assert told["kind"] == "saddle"
    labels = [line.split("  ")[0] for line in critical_table(record).splitlines() if line[0] != " "]
    assert labels[1:4] == ["as given", "nearby", "kind"]


def test_a_newton_step_of_a_quadratic_removes_what_the_verdict_says():
    subject, theta = stuck(1.0)
    verdict = analyze_critical(subject, theta, polishing=False, surfaces=False, scale=8.0).verdict
    part = subject.value(theta) / 8.0
    assert verdict["newton_decrement"] == pytest.approx(part, rel=1e-4)
    assert f"a Newton step would remove {100 * part:.2g} %" in verdict["reason"]


@pytest.mark.parametrize(("distance", "found"), [(0.09, True), (0.11, False)])
def test_near_is_a_tenth_of_one_for_a_function_at_the_origin(distance, found):
    subject, theta = stuck(distance)
    record = analyze_critical(subject, theta, surfaces=False)
    assert record.verdict["polish"]["found"] == found
    assert record.verdict["kind"] == ("minimum" if found else "not critical")
    assert np.array_equal(record.theta, theta) == (not found)
    assert record.status == ""


def test_what_the_radius_leaves_out_is_found_with_a_larger_one():
    subject, theta = stuck(0.5)
    assert (
        "No critical point near it: none was found within 0.1"
        in analyze_critical(subject, theta).verdict["reason"]
    )
    wider = analyze_critical(subject, theta, radius=0.6)
    assert wider.verdict["kind"] == "minimum"
    assert wider.verdict["polish"]["distance"] == pytest.approx(0.5)
    assert wider.settings["radius"] == 0.6


@pytest.mark.parametrize("length", [1e-3, 1.0, 30.0])
def test_near_is_a_tenth_of_the_networks_length_or_of_a_usual_starts(length):
    model = chain([3, 5, 2])(np.random.default_rng(0))
    model = model.with_theta(length * model.theta / np.linalg.norm(model.theta))
    frame = frame_of(
        point_of(model, None, split="train", dtype="float64", threads=1, examples=None, seed=0, device="cpu")
    )
    assert frame.radius == pytest.approx(0.1 * max(length, usual_norm(model)))
    # Weights of variance 2/fan-in: 2 for each output of each layer.
    assert usual_norm(model) == pytest.approx(np.sqrt(2 * (5 + 2)))


def test_the_usual_norm_is_that_of_the_starts_that_are_drawn():
    model = chain([6, 40, 30, 4])(np.random.default_rng(0))
    drawn = [float(np.sum(initialize(model, "he", seed) ** 2)) for seed in range(40)]
    assert np.sqrt(np.mean(drawn)) == pytest.approx(usual_norm(model), rel=0.03)


def separated(sharpness: float):
    """Build a softmax regression that tells two classes apart with so large logits."""
    x = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    return build_model(
        layers=[(sharpness * np.array([[-1.0, 1.0]]), np.zeros(2))],
        loss="cross_entropy",
        x_train=x,
        y_train=np.array([0, 0, 1, 1]),
    )


@pytest.mark.parametrize("sharpness", [40.0, 400.0])
def test_a_loss_that_is_zero_to_rounding_is_flat_and_no_saddle(sharpness):
    verdict = analyze_critical(separated(sharpness), surfaces=False).verdict
    assert verdict["loss"] < ZERO * np.log(2)
    assert verdict["kind"] == "flat to rounding"
    assert "comes ever nearer to 0" in verdict["reason"]
    assert verdict["escape"] is None


@pytest.mark.parametrize(
    "subject",
    [
        build_model(  # inputs of 0, and targets that no weight reaches
            layers=[(np.ones((2, 3)), None), (np.ones((3, 2)), None)], activation="relu", loss="cross_entropy",
            x_train=np.zeros((6, 2)), y_train=np.array([0, 1] * 3),
        ),
        build_model(  # one class of one
            layers=[(np.ones((2, 1)), None)], loss="cross_entropy", x_train=np.eye(2), y_train=np.zeros(2, int),
        ),
    ],
)  # fmt: skip
def test_a_constant_loss_is_flat_to_rounding(subject):
    record = analyze_critical(subject)
    assert record.verdict["kind"] == "flat to rounding"
    assert record.verdict["inertia"][1] == subject.size


@pytest.mark.parametrize("depth", [1e-14, 1e-10])
def test_a_negative_curvature_counts_from_where_it_changes_the_loss_within_the_radius(depth):
    # ½|λ|r² is `depth` of the scale 1, at r = 0.1.
    curvature = 2 * depth / 0.1**2
    subject = CallableObjective(
        lambda x: float(1 + x[0] ** 2 / 2 - curvature * x[1] ** 2 / 2 + curvature * x[1] ** 4 / 4),
        lambda x: np.array([x[0], -curvature * x[1] + curvature * x[1] ** 3]),
        lambda x, v: np.array([v[0], (-curvature + 3 * curvature * x[1] ** 2) * v[1]]),
        size=2,
    )
    verdict = analyze_critical(subject, [0.0, 0.0], surfaces=False).verdict
    assert verdict["inertia"] == ([1, 1, 0] if depth < ZERO else [1, 0, 1])
    assert (verdict["kind"] == "saddle") == (depth > ZERO)


FUNCTIONS = {
    name: known for name, known in (TEN | MORE).items() if isinstance(known.build()[0], CallableObjective)
}


@pytest.mark.parametrize("factor", [1e-9, 1e9])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_unit_of_a_function_changes_no_verdict(name, factor):
    known = FUNCTIONS[name]
    subject, theta = known.build()
    scaled = CallableObjective(
        lambda x: factor * subject.value(x),
        lambda x: factor * subject.gradient(x),
        lambda x, v: factor * subject.hvp(x, v),
        size=subject.size,
    )
    verdict = analyze_critical(scaled, theta, surfaces=False, **dict(known.options)).verdict
    assert verdict["kind"] == known.kind, verdict["reason"]


@pytest.mark.parametrize("factor", [1e-9, 1e9])
@pytest.mark.parametrize("build", [lambda: toy_network(0, 0), zero_tanh, softmax_regression])
def test_the_unit_of_a_networks_loss_changes_no_verdict(build, factor):
    kinds = {
        analyze_critical(replace(build(), loss_scale=scale), surfaces=False).verdict["kind"]
        for scale in (1.0, factor)
    }
    assert len(kinds) == 1


def test_a_search_may_travel_far():
    subject, theta = stuck(0.0)
    found = search_critical(subject, 2, theta + 50.0)
    assert found.critical.all()
    assert np.allclose(found.theta, 0.0, atol=1e-9)


def test_values_that_overflow_are_one_sentence():
    steep = quadratic(1e300 * np.eye(2))
    with pytest.raises(ComputationError, match="too large for float64"):
        analyze_critical(steep, [1.0, 1.0])


def test_the_record_keeps_what_the_summary_says_first(tmp_path):
    record = analyze_critical(toy(), [0.3, 0.1], output=tmp_path / "toy.npz")
    told = record.summary()
    assert list(told)[:3] == ["record", "given", "kind"]
    json.dumps(told, allow_nan=False)
