"""A subset drawn by a seed: which examples it has, and what it says about the rest."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from landscape.model import build_model
from landscape.objective import NetworkObjective
from tests import reference
from tests.cases import CASES
from tests.engine import VALUE_TOLERANCE, every_dtype, vectors
from tests.objective.test_determinism import assert_same_bits, run

NAMES = [
    "chain_tanh",
    "mse",
    "sequence_cross_entropy",
    "ignored_labels",
    "binary_three_outputs",
    "loss_scale",
]
EXAMPLES, SUBSET = 41, 17


@cache
def rows_of(examples: int, seed: int) -> np.ndarray:
    """Find which of 41 examples a subset has: their absolute losses are powers of two, so the sum tells."""
    model = build_model(
        layers=[(np.ones((1, 1)), np.zeros(1))],
        loss="mae",
        x_train=2.0 ** np.arange(EXAMPLES)[:, None],
        y_train=np.zeros((EXAMPLES, 1)),
    )
    total = round(NetworkObjective(model, examples=examples, seed=seed).value([1.0, 0.0]) * examples)
    return np.array([row for row in range(EXAMPLES) if total >> row & 1])


@pytest.mark.parametrize("examples", [1, 2, SUBSET, 40])
def test_a_subset_has_as_many_examples_as_asked_each_once(examples):
    assert all(len(rows_of(examples, seed)) == examples for seed in range(5))


def test_seeds_choose_different_examples():
    assert len({rows_of(SUBSET, seed).tobytes() for seed in range(10)}) == 10


def test_every_example_is_equally_likely():
    counts = np.bincount(np.concatenate([rows_of(SUBSET, seed) for seed in range(300)]), minlength=EXAMPLES)
    expected, share = 300 * SUBSET / EXAMPLES, SUBSET / EXAMPLES
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected * (1 - share))


@every_dtype
@pytest.mark.parametrize("name", NAMES)
def test_loss_accuracy_and_their_standard_errors_are_the_referees(name, dtype):
    model = CASES[name].model
    found = NetworkObjective(model, dtype=dtype, examples=SUBSET, seed=3).evaluate(model.theta)
    expected = reference.evaluate(model, model.theta, rows=rows_of(SUBSET, 3))
    tolerance = 10 * VALUE_TOLERANCE[dtype]
    assert found.loss == pytest.approx(expected.loss, rel=tolerance)
    assert found.loss_error == pytest.approx(expected.loss_error, rel=tolerance)
    if expected.accuracy is None:
        assert found.accuracy is None
        assert found.accuracy_error is None
    else:
        assert found.accuracy == pytest.approx(expected.accuracy, rel=1e-14)
        assert found.accuracy_error == pytest.approx(expected.accuracy_error, rel=1e-9)


@every_dtype
@pytest.mark.parametrize("name", ["chain_tanh", "sequence_cross_entropy"])
def test_derivatives_are_of_the_subset(name, dtype):
    case, rows = CASES[name], rows_of(SUBSET, 3)
    theta, v = case.model.theta, vectors(case, 1)[0]
    engine = NetworkObjective(case.model, dtype=dtype, examples=SUBSET, seed=3)
    tolerance = VALUE_TOLERANCE[dtype] * 10
    gradient = reference.gradient(case.model, theta, rows=rows)
    product = reference.hvp(case.model, theta, v, rows=rows)
    assert np.linalg.norm(engine.gradient(theta) - gradient) <= tolerance * np.linalg.norm(gradient)
    assert np.linalg.norm(engine.hvp(theta, v) - product) <= tolerance * np.linalg.norm(product)


@every_dtype
@pytest.mark.parametrize("name", ["chain_tanh", "ignored_labels", "mse"])
def test_a_sweep_of_a_subset_has_standard_errors(name, dtype):
    case = CASES[name]
    engine, axis = (
        NetworkObjective(case.model, dtype=dtype, examples=SUBSET, seed=3),
        np.array([-0.5, 0.0, 1.0]),
    )
    directions = vectors(case, 1)
    sweep = engine.sweep(case.model.theta, directions, (axis,))
    found = run(sweep)
    assert "loss.error" in sweep.names
    for k, alpha in enumerate(axis):
        theta = case.model.theta + alpha * directions[0]
        expected = reference.evaluate(case.model, theta, rows=rows_of(SUBSET, 3))
        assert found["loss"][k] == pytest.approx(expected.loss, rel=10 * VALUE_TOLERANCE[dtype])
        assert found["loss.error"][k] == pytest.approx(expected.loss_error, rel=10 * VALUE_TOLERANCE[dtype])


@pytest.mark.parametrize("examples", [EXAMPLES, EXAMPLES + 1, 10**9])
def test_a_subset_of_everything_is_everything(examples):
    case = CASES["chain_tanh"]
    arguments = (case.model.theta, vectors(case, 1), (np.linspace(-1, 1, 3),))
    whole = NetworkObjective(case.model)
    same = NetworkObjective(case.model, examples=examples)
    assert same.evaluate(case.model.theta) == whole.evaluate(case.model.theta)
    assert_same_bits(run(same.sweep(*arguments)), run(whole.sweep(*arguments)))


def test_the_error_of_one_example_is_unknown():
    case = CASES["chain_tanh"]
    assert np.isnan(NetworkObjective(case.model, examples=1).evaluate(case.model.theta).loss_error)


@pytest.mark.parametrize("name", ["ragged_257", "ignored_labels"])
def test_standard_errors_are_as_large_as_the_errors(name):
    model = CASES[name].model
    count = len(model.data["x_train"]) // 2
    whole = NetworkObjective(model).evaluate(model.theta)
    drawn = [NetworkObjective(model, examples=count, seed=seed).evaluate(model.theta) for seed in range(200)]
    for quantity in ("loss", "accuracy"):
        errors = np.array([getattr(e, quantity) - getattr(whole, quantity) for e in drawn])
        claimed = np.sqrt(np.mean([getattr(e, f"{quantity}_error") ** 2 for e in drawn]))
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(claimed, rel=0.2)
