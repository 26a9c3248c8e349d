"""Losses, penalties and accuracies are the referee's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.model import build_model
from landscape.objective import NetworkObjective
from tests import reference
from tests.cases import CASES
from tests.engine import VALUE_TOLERANCE, every_case, every_dtype, objective, points

WITH_TEST_SPLIT = [name for name, case in CASES.items() if "x_test" in case.model.data]


def assert_same_evaluation(found, expected, tolerance):
    assert found.loss == pytest.approx(expected.loss, rel=tolerance)
    assert found.penalty == pytest.approx(expected.penalty, rel=tolerance, abs=0)
    if expected.accuracy is None:
        assert found.accuracy is None
    else:
        assert found.accuracy == pytest.approx(expected.accuracy, rel=1e-14)


@every_dtype
@every_case
def test_evaluation_keeps_the_penalty_beside_the_loss(name, dtype):
    case = CASES[name]
    for theta in points(case, 2):
        found = objective(name, dtype).evaluate(theta)
        assert_same_evaluation(found, reference.evaluate(case.model, theta), VALUE_TOLERANCE[dtype])


@every_dtype
@pytest.mark.parametrize("name", WITH_TEST_SPLIT)
def test_the_test_split_is_evaluated_on_its_own_examples(name, dtype):
    model = CASES[name].model
    found = objective(name, dtype, split="test").evaluate(model.theta)
    assert_same_evaluation(found, reference.evaluate(model, model.theta, "test"), VALUE_TOLERANCE[dtype])


@every_dtype
def test_ties_go_to_the_lowest_class(dtype):
    model = CASES["chain_tanh"].model
    found = NetworkObjective(model, dtype=dtype).evaluate(np.zeros(model.size))
    assert found.accuracy == np.mean(model.data["y_train"] == 0)
    assert found.loss == pytest.approx(np.log(3), rel=VALUE_TOLERANCE[dtype])


@every_dtype
def test_a_binary_logit_of_zero_is_a_zero(dtype):
    model = CASES["binary_three_outputs"].model
    found = NetworkObjective(model, dtype=dtype).evaluate(np.zeros(model.size))
    assert found.accuracy == np.mean(model.data["y_train"] == 0)


@every_dtype
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8, np.int8, np.int64])
def test_binary_targets_may_be_of_any_type_and_flat(kind, dtype):
    model = CASES["binary_one_output"].model
    flat = replace(model, data=model.data | {"y_train": model.data["y_train"][:, 0].astype(kind)})
    assert NetworkObjective(flat, dtype=dtype).value(model.theta) == objective(
        "binary_one_output", dtype
    ).value(model.theta)


@every_dtype
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32])
def test_class_ids_may_be_of_any_integer_type(kind, dtype):
    model = CASES["chain_tanh"].model
    same = replace(model, data=model.data | {"y_train": model.data["y_train"].astype(kind)})
    assert NetworkObjective(same, dtype=dtype).value(model.theta) == objective("chain_tanh", dtype).value(
        model.theta
    )


@every_dtype
def test_confident_logits_neither_overflow_nor_lose_their_loss(dtype):
    x, scale = np.array([[1.0], [-1.0]], np.float32), 3e4
    model = build_model(
        layers=[(np.array([[scale], [-scale]], np.float32), np.zeros(2, np.float32))],
        loss="cross_entropy",
        x_train=x,
        y_train=np.array([1, 1]),
    )
    assert NetworkObjective(model, dtype=dtype).value(model.theta) == pytest.approx(scale, rel=1e-6)


@every_dtype
def test_float64_data_is_not_rounded_before_its_dtype_asks_for_it(dtype):
    model = CASES["mse"].model
    fine = model.data["x_train"].astype(np.float64) * (1 + 1e-9)
    shifted = replace(model, data=model.data | {"x_train": fine})
    found = NetworkObjective(shifted, dtype=dtype).value(model.theta)
    assert found == pytest.approx(reference.value(shifted, model.theta), rel=VALUE_TOLERANCE[dtype])
