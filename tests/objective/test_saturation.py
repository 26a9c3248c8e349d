"""Where one share of a softmax is almost all, derivatives keep their digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.model import Model
from landscape.objective import NetworkObjective
from tests.networks import network
from tests.saturation import CASES, GAPS, WIDE, expected, farthest, places, planted

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


def tied_tokens(seed: int) -> Model:
    """Attention over four tokens of which the first three are one and the same: none of them has more than a third."""
    model = network(f"a attention {WIDE} heads=1", (4, WIDE), (4, WIDE), loss="mse", n=1)(
        np.random.default_rng(seed)
    )
    x = np.array(model.data["x_train"])
    x[:, 1:3] = x[:, :1]
    return replace(model, data=dict(model.data) | {"x_train": x})


def tied_classes(seed: int) -> Model:
    """A softmax over four logits of which the first three are one and the same."""
    model = CASES["softmax"].build(np.random.default_rng(seed))
    theta = model.theta.copy()
    for slot in model.layout:
        if slot.name in CASES["softmax"].names:
            rows = theta[slot.start : slot.stop].reshape(4, -1)
            rows[1:3] = rows[0]
    return model.with_theta(theta)


@pytest.mark.parametrize("wanted", GAPS)
@pytest.mark.parametrize(("name", "tied"), [("attention", tied_tokens), ("softmax", tied_classes)])
def test_logits_that_share_the_lead_alike_cost_no_digits(name, tied, wanted):
    case = CASES[name]
    models = (tied(seed) for seed in range(1000))
    model = next(m for m in models if (case.logits(m, m.theta).argmax(axis=-1) < 3).all())
    theta, logits = model.theta.copy(), case.logits(model, model.theta)
    theta[places(model, case, case.scaled)] *= wanted / np.ptp(logits, axis=-1).min()
    where = places(model, case, case.rows)
    vector = np.zeros(model.size)
    vector[where] = np.random.default_rng(3).standard_normal(len(where))
    gradient, product = expected(model, theta, vector)
    engine = NetworkObjective(model)
    assert farthest(engine.gradient(theta)[where], gradient[where]) <= CLOSE
    assert farthest(engine.hvp(theta, vector)[where], product[where]) <= CLOSE
