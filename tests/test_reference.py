"""The referee against itself: differences of its value and of its gradient, and known answers."""

from __future__ import annotations

import numpy as np
import pytest

from tests import reference
from tests.cases import CASES
from tests.networks import network

every_case = pytest.mark.parametrize("name", CASES)


def unit_vectors(count: int, size: int) -> np.ndarray:
    vectors = np.random.default_rng(5).standard_normal((count, size))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def safe_step(margin: float) -> float:
    """Choose a step of differences that stays on one side of every kink."""
    return min(1e-2, margin / 20)


@every_case
def test_layout_and_decay_of_the_model_are_those_of_the_format(name):
    model = CASES[name].model
    assert [(slot.name, slot.start, slot.stop) for slot in model.layout] == reference.slots(model)
    assert np.array_equal(model.decay_vector(), reference.decay(model))
    assert model.size == reference.size(model) == len(model.theta)


@every_case
def test_parameters_survive_packing_into_theta(name):
    model = CASES[name].model
    owned = {**model.parameters, **model.buffers}
    for key, value in reference.unpack(model, model.theta).items():
        assert np.array_equal(value, owned[key])


@every_case
def test_every_unit_is_away_from_its_kinks(name):
    model = CASES[name].model
    assert reference.margin(model, model.theta) > 1e-4


@every_case
def test_gradient_is_the_slope_of_the_value(name):
    model = CASES[name].model
    gradient, h = reference.gradient(model, model.theta), safe_step(reference.margin(model, model.theta)) / 10
    for v in unit_vectors(3, len(gradient)):
        up, down = (reference.value(model, model.theta + s * h * v) for s in (1, -1))
        far_up, far_down = (reference.value(model, model.theta + s * h * v) for s in (2, -2))
        slope = (8 * (up - down) - (far_up - far_down)) / (12 * h)
        assert abs(slope - gradient @ v) <= 3e-9 * np.linalg.norm(gradient)


@every_case
def test_complex_step_product_is_the_extrapolated_difference_of_gradients(name):
    model = CASES[name].model
    step = safe_step(reference.margin(model, model.theta))
    for v in unit_vectors(2, reference.size(model)):
        exact = reference.hvp(model, model.theta, v)
        differences = reference.hvp_by_differences(model, model.theta, v, step)
        assert np.linalg.norm(exact - differences) <= 1e-9 * np.linalg.norm(exact)


@pytest.mark.parametrize("name", ["tied_branches", "layernorm_two_axes", "huber_delta"])
def test_gradient_is_right_in_every_coordinate(name):
    model = CASES[name].model
    gradient, h = reference.gradient(model, model.theta), 1e-5
    for i, step in enumerate(np.eye(len(gradient)) * h):
        rise = reference.value(model, model.theta + step) - reference.value(model, model.theta - step)
        assert rise / (2 * h) == pytest.approx(gradient[i], abs=1e-8)


def test_equal_logits_cost_the_logarithm_of_the_classes():
    model = CASES["sequence_cross_entropy"].model
    assert reference.loss(model, np.zeros(model.size)) == pytest.approx(np.log(3), rel=1e-15)


def test_ignored_labels_change_nothing():
    model = CASES["ignored_plain_labels"].model
    kept = np.flatnonzero(model.data["y_train"] != reference.IGNORED)
    assert 0 < len(kept) < len(model.data["y_train"])
    assert reference.loss(model, model.theta) == pytest.approx(
        reference.loss(model, model.theta, rows=kept), rel=1e-14
    )


def test_standard_error_of_plain_examples_is_the_usual_one():
    model = CASES["mse"].model
    rows = np.arange(30)
    output = reference.forward(model, model.theta, reference.examples(model, "train", rows)[0])["fc2"]
    losses = ((output - model.data["y_train"][rows]) ** 2).mean(axis=1)
    expected = losses.std(ddof=1) / np.sqrt(30) * np.sqrt(1 - 30 / 41)
    assert reference.evaluate(model, model.theta, rows=rows).loss_error == pytest.approx(expected, rel=1e-13)


def test_the_whole_set_has_no_standard_error():
    assert reference.evaluate(CASES["mse"].model, CASES["mse"].model.theta).loss_error == 0.0


def test_huber_joins_half_a_square_and_a_line():
    r = np.array([-3.0, -0.5, 0.25, 2.0])
    losses, slopes = reference.regression("huber", r, 0.5)
    assert np.allclose(losses, [0.5 * 2.75, 0.125, 0.03125, 0.5 * 1.75], rtol=1e-15)
    assert np.array_equal(slopes, [-0.5, -0.5, 0.25, 0.5])


def test_one_dense_layer_by_hand():
    model = network("fc dense 1 1", 1, 1, loss="mse", n=2)(np.random.default_rng(0))
    x, y = (model.data[key].astype(float)[:, 0] for key in ("x_train", "y_train"))
    r = 2.0 * x + 0.5 - y
    theta = np.array([2.0, 0.5])
    assert reference.loss(model, theta) == pytest.approx(np.mean(r * r), rel=1e-14)
    assert np.allclose(reference.gradient(model, theta), [np.mean(2 * r * x), np.mean(2 * r)], rtol=1e-14)
