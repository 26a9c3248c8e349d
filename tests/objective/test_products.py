"""Hessian-vector products are exact, linear and symmetric."""

from __future__ import annotations

import numpy as np
import pytest

from tests import reference
from tests.cases import CASES
from tests.engine import TOLERANCE, distance, every_case, every_dtype, objective, points, vectors

# What equals a referee that is linear and symmetric is so itself. Ten cases show that the tolerance hides nothing.
some_cases = pytest.mark.parametrize(
    "name",
    ["chain_gelu", "skip_relu", "layernorm", "softmax_inside", "multiply_gate", "lenet", "resnet", "batch_statistics", "attention", "weight_decay"],
)  # fmt: skip


@every_dtype
@every_case
def test_product_is_the_referees(name, dtype):
    case = CASES[name]
    for theta, v in zip(points(case, 2), vectors(case, 2), strict=True):
        expected = reference.hvp(case.model, theta, v)
        assert distance(objective(name, dtype).hvp(theta, v), expected) <= TOLERANCE[dtype]


@every_case
def test_product_is_the_slope_of_the_engines_gradient(name):
    case = CASES[name]
    theta, v = case.model.theta, vectors(case, 1)[0]
    engine, h = objective(name, "float64"), min(1e-4, reference.margin(case.model, theta) / 100)
    slope = (engine.gradient(theta + h * v) - engine.gradient(theta - h * v)) / (2 * h)
    assert distance(slope, engine.hvp(theta, v)) <= 1e-5


@every_dtype
@some_cases
def test_hessian_is_symmetric(name, dtype):
    case = CASES[name]
    engine, theta = objective(name, dtype), case.model.theta
    u, v = vectors(case, 2)
    hu, hv = engine.hvp(theta, u), engine.hvp(theta, v)
    scale = np.linalg.norm(hu) * np.linalg.norm(v) + np.linalg.norm(hv) * np.linalg.norm(u)
    assert abs(hu @ v - u @ hv) <= TOLERANCE[dtype] * scale


@every_dtype
@some_cases
def test_product_is_linear(name, dtype):
    case = CASES[name]
    engine, theta = objective(name, dtype), case.model.theta
    u, v = vectors(case, 2)
    together = engine.hvp(theta, 2.0 * u - 0.5 * v)
    assert distance(together, 2.0 * engine.hvp(theta, u) - 0.5 * engine.hvp(theta, v)) <= 2 * TOLERANCE[dtype]


@every_dtype
@pytest.mark.parametrize("name", ["chain_gelu", "layernorm", "skip_relu", "weight_decay"])
def test_product_with_nothing_is_nothing(name, dtype):
    case = CASES[name]
    assert not objective(name, dtype).hvp(case.model.theta, np.zeros(case.model.size)).any()


@pytest.mark.parametrize("name", ["linear_regression", "one_input", "huber_delta", "tied_branches"])
def test_columns_of_a_dense_hessian_are_products_with_unit_vectors(name):
    case = CASES[name]
    engine, theta, size = objective(name, "float64"), case.model.theta, case.model.size
    hessian = engine.hvps(theta, np.eye(size))
    expected = np.stack([reference.hvp(case.model, theta, e) for e in np.eye(size)])
    assert np.abs(hessian - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())
    assert np.abs(hessian - hessian.T).max() <= 1e-12 * max(1.0, np.abs(expected).max())
