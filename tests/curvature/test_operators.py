"""Operators: symmetric, linear, what their names say, and refusing what they cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from landscape.curvature import (
    adam_preconditioner,
    congruence,
    dense_matrix,
    hessian_operator,
    node_indices,
    preconditioned,
    submatrix,
)
from landscape.curvature import dense as dense_module
from landscape.errors import ComputationError, InputError
from landscape.objective import CallableObjective, NetworkObjective
from tests.cases import CASES
from tests.curvature.matrices import matrix_of, operator_of

RNG = np.random.default_rng(2)


NAMES = ("hessian", "node", "preconditioned")


@pytest.fixture(scope="module")
def operators():
    model = CASES["deep"].model
    whole = hessian_operator(NetworkObjective(model, threads=1), model.theta)
    found = (
        whole,
        submatrix(whole, node_indices(model, "fc2")),
        preconditioned(whole, RNG.uniform(0.1, 2, model.size)),
    )
    return dict(zip(NAMES, found, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_product_is_symmetric_and_linear(name, operators):
    operator = operators[name]
    u, v = RNG.standard_normal((2, operator.size))
    assert u @ (operator @ v) == pytest.approx(v @ (operator @ u), rel=1e-10)
    assert np.allclose(operator @ (2 * u - v), 2 * (operator @ u) - operator @ v, rtol=1e-10)
    assert isinstance(operator, LinearOperator)
    assert operator.T is operator


@pytest.mark.parametrize("name", NAMES)
def test_columns_at_once_are_columns_one_by_one(name, operators):
    operator = operators[name]
    columns = RNG.standard_normal((operator.size, 3))
    together = operator @ columns
    assert np.allclose(together, np.stack([operator @ column for column in columns.T], axis=1), rtol=1e-12)


def test_a_nodes_submatrix_is_the_block_of_the_whole(operators):
    model = CASES["deep"].model
    chosen = node_indices(model, "fc2")
    whole, part = (dense_matrix(operators[name]).matrix for name in ("hessian", "node"))
    assert np.allclose(part, whole[np.ix_(chosen, chosen)], rtol=0, atol=1e-15)


def test_a_node_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(InputError, match=r"'fc9' is not in the model: choose fc1, fc2"):
        node_indices(CASES["mse"].model, "fc9")
    with pytest.raises(InputError, match="'act1' has no trainable parameters"):
        node_indices(CASES["mse"].model, "act1")


def test_preconditioning_is_a_congruence():
    matrix, diagonal = matrix_of(np.linspace(-1, 4, 9)), RNG.uniform(0.5, 3, 9)
    found = dense_matrix(preconditioned(operator_of(matrix), diagonal)).matrix
    assert np.allclose(found, matrix / np.sqrt(np.outer(diagonal, diagonal)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("wrong", [[1.0, 0.0], [1.0], [1.0, -1.0], [1.0, np.inf]])
def test_a_preconditioner_that_is_not_positive_is_refused(wrong):
    with pytest.raises(InputError, match="positive numbers"):
        preconditioned(operator_of(np.eye(2)), wrong)


def test_adam_divides_by_the_bias_corrected_root():
    expected = (1 - 0.9**3) * (np.sqrt(np.array([4.0, 0.0]) / (1 - 0.999**3)) + 1e-8)
    assert np.allclose(adam_preconditioner([4.0, 0.0], 3), expected, rtol=1e-14)
    with pytest.raises(InputError, match="at least one step"):
        adam_preconditioner([1.0], 0)


def test_products_are_counted():
    operator = operator_of(np.eye(4))
    operator @ np.ones(4)
    operator @ np.ones((4, 3))
    assert operator.count == 4


def test_a_product_that_is_not_finite_is_a_failed_computation():
    broken = operator_of(np.diag([1.0, np.inf]))
    with pytest.raises(ComputationError, match="not finite"):
        broken @ np.ones(2)


def test_the_spread_of_differences_follows_through_parts_and_congruences():
    matrix = matrix_of(np.array([1.0, -2.0, 5.0]))
    plain = CallableObjective(lambda w: 0.5 * float(w @ matrix @ w), size=3)
    operator = hessian_operator(plain, [0.3, 0.2, 0.1])
    for seen, scale in ((submatrix(operator, [0, 2]), 1.0), (congruence(operator, [1.0, 3.0, 2.0]), 9.0)):
        seen.rows(np.eye(seen.size))
        assert 0.0 < operator.spread < 1e-6
        assert seen.spread == scale * operator.spread
    assert operator.without_spread().spread == 0.0


def test_asymmetry_is_cut_off_and_kept_as_an_error():
    found = dense_matrix(operator_of(np.array([[1.0, 2.0], [0.0, 3.0]])))
    assert found.matrix.tolist() == [[1.0, 1.0], [1.0, 3.0]]
    assert found.asymmetry == pytest.approx(np.sqrt(2))


def test_a_matrix_that_does_not_fit_is_refused_before_any_product(monkeypatch):
    monkeypatch.setattr(dense_module, "available_memory", lambda: 1000)
    operator = operator_of(np.eye(50))
    with pytest.raises(InputError, match="GB are free: use --top and --bottom"):
        dense_matrix(operator)
    assert operator.count == 0
