"""Finite differences: as exact as their spread says, and honest about kinks."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.curvature import FiniteDifference, dense_matrix, difference_operator, hessian_from_values
from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import CallableObjective, NetworkObjective
from landscape.objective.finite_difference import LEVELS
from landscape.objective.probes import unit_rows
from tests.cases import CASES
from tests.curvature.matrices import matrix_of, quadratic, toy

SMOOTH = ("mse", "deep", "layernorm", "softmax_mse", "binary_three_outputs", "loss_scale_and_decay")
every_order = pytest.mark.parametrize("order", LEVELS)


@every_order
@pytest.mark.parametrize("name", SMOOTH)
def test_products_agree_with_exact_ones_within_the_spread(name, order):
    model = CASES[name].model
    objective = NetworkObjective(model, threads=1)
    vectors = unit_rows(1, 1, 5, model.size)
    exact = objective.hvps(model.theta, vectors)
    difference = FiniteDifference(objective, model.theta, order=order)
    apart = np.linalg.norm(difference.products(vectors) - exact, axis=1).max()
    assert apart < 1e-7 * np.linalg.norm(exact, axis=1).max()
    assert apart < 3 * difference.seen.spread


def test_richardson_is_more_exact_than_central():
    model = CASES["deep"].model
    objective = NetworkObjective(model, threads=1)
    vectors = unit_rows(1, 1, 5, model.size)
    exact = objective.hvps(model.theta, vectors)
    apart = {
        order: np.linalg.norm(FiniteDifference(objective, model.theta, order=order).products(vectors) - exact)
        for order in LEVELS
    }
    assert apart["richardson"] < 0.2 * apart["central"]


@every_order
def test_products_scale_with_the_vector_and_vanish_for_none(order):
    difference = FiniteDifference(quadratic(matrix_of(np.array([1.0, -2.0, 5.0]))), np.ones(3), order=order)
    vector = np.array([0.3, -2.0, 1.0])
    one, many, none = difference.products([vector, 1e6 * vector, 0 * vector])
    assert np.allclose(many, 1e6 * one, rtol=1e-9)
    assert not none.any()


@every_order
def test_the_dense_matrix_of_a_quadratic_is_found_with_its_asymmetry(order):
    matrix = matrix_of(np.linspace(-1, 3, 12))
    found = dense_matrix(difference_operator(FiniteDifference(quadratic(matrix), np.ones(12), order=order)))
    assert np.allclose(found.matrix, matrix, rtol=0, atol=1e-8)
    assert found.asymmetry < 1e-8


def test_a_step_that_is_too_large_shows_in_the_spread():
    quartic = CallableObjective(lambda x: float(np.sum(x**4)), lambda x: 4 * x**3, size=2)
    chosen = FiniteDifference(quartic, [1.0, 2.0])
    given = FiniteDifference(quartic, [1.0, 2.0], order="central", step=0.5)
    assert np.allclose(chosen.products(np.eye(2)), np.diag([12.0, 48.0]), rtol=1e-8)
    apart = np.abs(given.products(np.eye(2)) - np.diag([12.0, 48.0])).max()
    assert 0.1 < apart <= 3 * given.seen.spread


def relu_at(distance: float) -> NetworkObjective:
    """One ReLU unit on one example, whose pre-activation is `distance`, and a target of 5."""
    return NetworkObjective(
        build_model(
            layers=[([[distance]], [0.0]), ([[1.0]], [0.0])],
            activation="relu", loss="mse", x_train=[[1.0]], y_train=[[5.0]],
        ),
        threads=1,
    )  # fmt: skip


def test_a_kink_in_reach_is_seen_and_cured_by_a_smaller_step():
    objective = relu_at(1e-3)
    unit = np.eye(4)[:1]
    difference = FiniteDifference(objective, objective.model.theta, step=1e-2)
    found = difference.products(unit)
    assert (difference.seen.crossed, difference.seen.cured) == (1, 1)
    assert np.allclose(found, objective.hvps(objective.model.theta, unit), rtol=0, atol=1e-8)


def test_a_kink_at_the_point_itself_is_reported_and_the_step_not_shrunk_into_a_larger_error():
    objective = relu_at(0.0)
    unit = np.eye(4)[:1]
    difference = FiniteDifference(objective, objective.model.theta, step=1e-2)
    found = difference.products(unit)
    assert (difference.seen.crossed, difference.seen.cured) == (1, 0)
    # A jump of 10 in the slope over twice the step: wrong, and said to be, but no worse.
    assert np.abs(found).max() < 2000
    assert difference.kinks.units() == ["relu1 unit 0"]


def test_without_kinks_none_are_counted():
    model = CASES["mse"].model
    difference = FiniteDifference(NetworkObjective(model, threads=1), model.theta, step=0.1)
    difference.products(np.eye(model.size)[:3])
    assert not difference.kinks.there
    assert difference.seen.crossed == 0


@pytest.mark.parametrize("at", [[0.0, 0.0], [1.0, 1.0], [0.3, -2.0]])
def test_values_alone_give_the_hessian_of_a_black_box(at):
    found = hessian_from_values(CallableObjective(lambda w: (1 - w[0] * w[1]) ** 2, size=2), at)
    exact = np.stack([toy().hvp(at, row) for row in np.eye(2)])
    apart = np.linalg.norm(found.matrix - exact)
    assert apart < 1e-5
    assert apart <= 3 * found.spread + 1e-10


def test_values_alone_give_the_hessian_of_a_network():
    model = CASES["linear_regression"].model
    objective = NetworkObjective(model, threads=1)
    found = hessian_from_values(objective, model.theta)
    exact = objective.hvps(model.theta, np.eye(model.size))
    assert np.allclose(found.matrix, exact, rtol=0, atol=1e-5 * np.abs(exact).max())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"order": "sixth"}, "choose central, fourth, richardson"),
        ({"step": 0.0}, "expected a positive number"),
        ({"theta": [np.nan, 0.0]}, "expected finite numbers, found nan at \\[0\\]"),
        ({"theta": [1.0]}, "expected 2 parameters"),
    ],
)
def test_what_cannot_be_asked_is_refused(wrong, message):
    asked = {"theta": [1.0, 1.0], **wrong}
    with pytest.raises(InputError, match=message):
        FiniteDifference(toy(), asked.pop("theta"), **asked)


def test_a_function_without_gradient_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"take landscape\.complete"):
        FiniteDifference(CallableObjective(lambda w: float(w @ w), size=2), [0.0, 0.0])
