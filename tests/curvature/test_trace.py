"""Estimates agree with what they estimate within a few of their own standard errors, and are exact where they can."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.curvature import frobenius, hessian_diagonal, hutch_plus_plus, hutchinson
from landscape.errors import InputError
from tests.curvature.matrices import matrix_named, matrix_of, operator_of

NAME = "a wide range"
TRUE = {
    "hutchinson": (hutchinson, np.trace),
    "hutch++": (hutch_plus_plus, np.trace),
    "frobenius": (frobenius, np.linalg.norm),
}
every_estimate = pytest.mark.parametrize("name", TRUE)


@every_estimate
@pytest.mark.parametrize("seed", range(5))
def test_the_error_covers_the_truth(name, seed):
    estimate, true = TRUE[name]
    truth = true(matrix_named(NAME))
    found = estimate(operator_of(matrix_named(NAME)), 120, seed=seed)
    assert abs(found.value - truth) < 4 * found.error
    assert 0 < found.error < 0.3 * abs(truth)


@pytest.mark.parametrize("name", ["hutchinson", "frobenius"])
def test_the_standard_error_is_the_spread_over_seeds(name):
    estimate, _ = TRUE[name]
    found = [estimate(operator_of(matrix_named(NAME)), 30, seed=seed) for seed in range(40)]
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.4)


def test_hutch_plus_plus_beats_hutchinson_where_few_eigenvalues_rule():
    few = operator_of(matrix_of(np.r_[np.full(20, 10.0), np.full(480, 1e-3)]))
    assert hutch_plus_plus(few, 120).error < 1e-2 * hutchinson(few, 120).error


@pytest.mark.parametrize("estimate", [hutch_plus_plus, frobenius])
def test_as_many_products_as_rows_give_the_exact_value(estimate):
    values = np.array([-2.0, 0.0, 1.0, 1.0, 5.0, 7.0, 7.0])
    found = estimate(operator_of(matrix_of(values)), 20)
    truth = values.sum() if estimate is hutch_plus_plus else np.linalg.norm(values)
    assert found.value == pytest.approx(truth, abs=1e-12)
    assert found.error == 0


def test_the_diagonal_is_within_its_errors_and_exact_with_enough_products():
    truth = np.diagonal(matrix_named(NAME))
    value, error = hessian_diagonal(operator_of(matrix_named(NAME)), 200, seed=1)
    assert np.mean(np.abs(value - truth) < 3 * error) > 0.97
    exact, nothing = hessian_diagonal(operator_of(matrix_named(NAME)), 700)
    assert np.allclose(exact, truth, rtol=0, atol=1e-12)
    assert not nothing.any()


@pytest.mark.parametrize("estimate", [hutchinson, hutch_plus_plus, frobenius, hessian_diagonal])
def test_one_product_is_refused_since_no_error_follows_from_it(estimate):
    with pytest.raises(InputError, match="at least"):
        estimate(operator_of(matrix_named(NAME)), 1)


def test_a_different_block_size_changes_nothing(monkeypatch):
    before = hutchinson(operator_of(matrix_named(NAME)), 50).value
    monkeypatch.setattr("landscape.curvature.trace.BLOCK", 7)
    assert hutchinson(operator_of(matrix_named(NAME)), 50).value == pytest.approx(before, rel=1e-12)
