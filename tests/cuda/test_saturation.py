"""Where one share of a softmax is almost all, the kernels of a GPU keep the derivatives' digits, in the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.objective import NetworkObjective
from tests.cuda.conditions import in_simulator
from tests.saturation import CASES, expected, farthest, planted

pytestmark = in_simulator


@pytest.mark.parametrize("wanted", [5.0, 37.0, 100.0])
@pytest.mark.parametrize("name", CASES)
def test_derivatives_keep_their_digits_however_far_the_largest_logit_is_from_the_next(name, wanted):
    model, theta, where = planted(CASES[name], wanted)
    vector = np.zeros(model.size)
    vector[where] = np.random.default_rng(3).standard_normal(len(where))
    gradient, product = expected(model, theta, vector)
    engine = NetworkObjective(model, device="cuda")
    assert farthest(engine.gradient(theta)[where], gradient[where]) <= 1e-10
    assert farthest(engine.hvp(theta, vector)[where], product[where]) <= 1e-10
