"""Hessians that are known on paper: regressions, and the lecture's network."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.curvature import analyze_hessian, dense_matrix, hessian_operator
from landscape.model import build_model
from landscape.objective import NetworkObjective
from tests.curvature.matrices import matrix_of, quadratic, toy

RNG = np.random.default_rng(5)
X = RNG.standard_normal((23, 4))
ONES = np.hstack([X, np.ones((23, 1))])


def dense(model):
    return dense_matrix(hessian_operator(NetworkObjective(model), model.theta)).matrix


def regression(out, loss, y):
    weight, bias = RNG.standard_normal((out, 4)), RNG.standard_normal(out)
    return build_model(layers=[(weight, bias)], loss=loss, x_train=X, y_train=y)


def outputs(model):
    weight, bias = model.parameters.values()
    return X @ weight.T + bias


def test_linear_regression_is_twice_the_second_moment_of_the_inputs():
    model = regression(1, "mse", RNG.standard_normal((23, 1)))
    assert np.allclose(dense(model), 2 / 23 * ONES.T @ ONES, rtol=0, atol=1e-13)


def test_logistic_regression_weights_it_by_the_variance_of_the_labels():
    model = regression(1, "binary_cross_entropy", RNG.integers(0, 2, (23, 1)))
    p = 1 / (1 + np.exp(-outputs(model)))
    assert np.allclose(dense(model), (ONES * p * (1 - p)).T @ ONES / 23, rtol=0, atol=1e-13)


def test_softmax_regression_is_a_mean_of_kronecker_products():
    model = regression(3, "cross_entropy", RNG.integers(0, 3, 23))
    z = outputs(model)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    blocks = np.einsum("nc,cd->ncd", p, np.eye(3)) - np.einsum("nc,nd->ncd", p, p)
    expected = np.einsum("ncd,ni,nj->cidj", blocks, ONES, ONES) / 23
    # θ has the weights of all classes first, then their biases.
    order = np.r_[[5 * c + i for c in range(3) for i in range(4)], [5 * c + 4 for c in range(3)]]
    assert np.allclose(dense(model), expected.reshape(15, 15)[np.ix_(order, order)], rtol=0, atol=1e-13)


def test_softmax_regression_has_the_flat_directions_of_equal_shifts():
    model = regression(3, "cross_entropy", RNG.integers(0, 3, 23))
    found = analyze_hessian(model, all=True)
    assert np.count_nonzero(np.abs(found.eigenvalues) < 1e-12) == 5
    assert found.eigenvalues[5] > 1e-6


def test_weight_decay_shifts_every_eigenvalue():
    model = build_model(
        layers=[(RNG.standard_normal((1, 4)), np.zeros(1))], loss="mse", x_train=X,
        y_train=np.ones((23, 1)), weight_decay=0.3,
    )  # fmt: skip
    assert np.allclose(dense(model), 2 / 23 * ONES.T @ ONES + 0.3 * np.eye(5), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("at", "expected"), [((0.0, 0.0), [-2.0, 2.0]), ((1.0, 1.0), [0.0, 4.0])])
@pytest.mark.parametrize("method", ["exact", "finite-difference"])
def test_the_toy_network_is_a_saddle_at_the_origin_and_a_degenerate_minimum_in_the_valley(
    at, expected, method
):
    found = analyze_hessian(toy(), at, all=True, method=method)
    assert np.allclose(found.eigenvalues, expected, rtol=0, atol=1e-8)
    assert np.all(np.abs(found.eigenvalues - expected) <= found.errors + 1e-14)


def test_the_inertia_of_a_quadratic_is_what_it_was_made_with():
    values = np.r_[np.full(7, -0.5), np.zeros(5), np.full(8, 1e-3), np.linspace(1, 2, 6)]
    found = analyze_hessian(quadratic(matrix_of(values)), np.zeros(26), all=True)
    certain = [np.count_nonzero(sign * found.eigenvalues > found.errors + 1e-12) for sign in (1, -1)]
    assert certain == [14, 7]
