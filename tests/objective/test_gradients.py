"""Gradients are the slopes of the engine's own values, and what a penalty or an unused parameter makes of them.

That they are the referee's is tested in `test_many.py`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.objective import NetworkObjective
from tests import reference
from tests.cases import CASES
from tests.engine import TOLERANCE, distance, every_case, every_dtype, objective, vectors


@every_case
def test_gradient_is_the_slope_of_the_engines_value(name):
    case = CASES[name]
    theta, v = case.model.theta, vectors(case, 1)[0]
    engine, h = objective(name, "float64"), min(1e-4, reference.margin(case.model, theta) / 100)
    slope = (engine.value(theta + h * v) - engine.value(theta - h * v)) / (2 * h)
    gradient = engine.gradient(theta)
    assert slope == pytest.approx(gradient @ v, abs=1e-6 * np.linalg.norm(gradient))


@every_dtype
def test_gradient_of_the_test_split_is_that_of_its_examples(dtype):
    model = CASES["skip"].model
    found = objective("skip", dtype, split="test").gradient(model.theta)
    assert distance(found, reference.gradient(model, model.theta, "test")) <= TOLERANCE[dtype]


@every_dtype
def test_parameters_that_reach_no_output_have_the_penaltys_gradient_only(dtype):
    model = CASES["unused_branch"].model
    gradient = objective("unused_branch", dtype).gradient(model.theta)
    for slot in model.layout:
        if slot.node == "unused":
            theta = model.theta[slot.start : slot.stop]
            assert np.allclose(gradient[slot.start : slot.stop], 0.2 * theta, rtol=1e-6)


@every_dtype
@pytest.mark.parametrize("name", ["weight_decay", "weight_decay_map", "loss_scale_and_decay"])
def test_weight_decay_adds_its_multiple_of_theta(name, dtype):
    model = CASES[name].model
    without = NetworkObjective(replace(model, weight_decay=0.0), dtype=dtype).gradient(model.theta)
    added = objective(name, dtype).gradient(model.theta) - without
    assert distance(added, reference.decay(model) * model.theta) <= TOLERANCE[dtype]
