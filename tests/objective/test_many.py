"""Many points or vectors at once are the same as each alone."""

from __future__ import annotations

import numpy as np
import pytest

from tests import reference
from tests.cases import CASES
from tests.engine import (
    TOLERANCE,
    VALUE_TOLERANCE,
    distance,
    every_case,
    every_dtype,
    objective,
    points,
    vectors,
)

COUNT = 3


@every_dtype
@every_case
def test_values_are_the_referees(name, dtype):
    case = CASES[name]
    thetas = points(case, COUNT)
    expected = [reference.value(case.model, theta) for theta in thetas]
    assert np.allclose(objective(name, dtype).values(thetas), expected, rtol=VALUE_TOLERANCE[dtype], atol=0)


@every_dtype
@every_case
def test_gradients_are_the_referees(name, dtype):
    case = CASES[name]
    thetas = points(case, COUNT)
    for found, theta in zip(objective(name, dtype).gradients(thetas), thetas, strict=True):
        assert distance(found, reference.gradient(case.model, theta)) <= TOLERANCE[dtype]


@every_dtype
@every_case
def test_products_are_the_referees(name, dtype):
    case = CASES[name]
    theta, many = case.model.theta, vectors(case, COUNT)
    for found, v in zip(objective(name, dtype).hvps(theta, many), many, strict=True):
        assert distance(found, reference.hvp(case.model, theta, v)) <= TOLERANCE[dtype]


@every_dtype
@pytest.mark.parametrize("name", ["several_tiles", "skip_relu", "sequence_mse", "one_example", "odd_widths"])
@pytest.mark.parametrize("count", [1, 2, 37])
def test_company_does_not_change_a_bit(name, count, dtype):
    case, engine = CASES[name], objective(name, dtype)
    thetas, many = points(case, count), vectors(case, count)
    values, gradients = engine.values(thetas), engine.gradients(thetas)
    products = engine.hvps(thetas[0], many)
    last = count - 1
    assert values[last] == engine.values(thetas[last:])[0] == engine.value(thetas[last])
    assert np.array_equal(gradients[last], engine.gradients(thetas[last:])[0])
    assert np.array_equal(gradients[last], engine.gradient(thetas[last]))
    assert np.array_equal(products[last], engine.hvps(thetas[0], many[last:])[0])
    assert np.array_equal(products[last], engine.hvp(thetas[0], many[last]))


@every_dtype
def test_no_points_give_no_rows(dtype):
    case, engine = CASES["chain_tanh"], objective("chain_tanh", dtype)
    none = np.empty((0, case.model.size))
    assert engine.values(none).shape == (0,)
    assert engine.gradients(none).shape == none.shape
    assert engine.hvps(case.model.theta, none).shape == none.shape
