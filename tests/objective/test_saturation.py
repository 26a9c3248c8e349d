"""Where one share of a softmax is almost all, derivatives keep their digits."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.objective import NetworkObjective
from tests.saturation import CASES, GAPS, expected, farthest, planted

CLOSE = 1e-10


@pytest.mark.parametrize("wanted", GAPS)
@pytest.mark.parametrize("name", CASES)
def test_derivatives_keep_their_digits_however_far_the_largest_logit_is_from_the_next(name, wanted):
    model, theta, where = planted(CASES[name], wanted)
    vector = np.zeros(model.size)
    vector[where] = np.random.default_rng(3).standard_normal(len(where))
    gradient, product = expected(model, theta, vector)
    engine = NetworkObjective(model)
    assert farthest(engine.gradient(theta)[where], gradient[where]) <= CLOSE
    assert farthest(engine.hvp(theta, vector)[where], product[where]) <= CLOSE


@pytest.mark.parametrize("name", ["attention", "softmax", "cross_entropy"])
def test_the_hessian_of_saturated_logits_is_as_symmetric_as_rounding_leaves_it(name):
    model, theta, where = planted(CASES[name], 37.0)
    units = np.eye(model.size)[where]
    hessian = NetworkObjective(model).hvps(theta, units)[:, where]
    assert np.abs(hessian - hessian.T).max() <= CLOSE * np.abs(hessian).max()
