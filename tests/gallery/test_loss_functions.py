"""Squared error behind a softmax is flat where cross-entropy is steep, on the same network."""

from __future__ import annotations

import numpy as np
import pytest

import landscape
from landscape.gallery.loss_functions import LOSSES, START, digits_under, three_outputs
from landscape.objective import NetworkObjective


@pytest.mark.parametrize("outputs", [START, (1.0, -2.0), (0.0, 0.0)])
def test_both_losses_of_three_outputs_have_their_closed_forms(outputs):
    p = 1 / (1 + np.exp(outputs[1] - outputs[0]))
    # Of Σ (target − probability)² = 2 (1 − p)², and of −log p.
    values = {LOSSES[0]: 2 * (1 - p) ** 2, LOSSES[1]: -np.log(p)}
    slopes = {LOSSES[0]: -4 * p * (1 - p) ** 2, LOSSES[1]: p - 1}
    for loss in LOSSES:
        model = three_outputs(loss).with_theta(np.array([*outputs, -1000.0]))
        objective = NetworkObjective(model, dtype="float64")
        assert objective.value(model.theta) == pytest.approx(values[loss], rel=1e-12)
        gradient = objective.gradient(model.theta)
        assert gradient == pytest.approx([slopes[loss], -slopes[loss], 0.0], rel=1e-12)


def test_the_digits_network_is_the_same_under_both_losses():
    first, second = map(digits_under, LOSSES)
    assert first.theta.tolist() == second.theta.tolist()
    assert first.theta.tolist() == landscape.load_model(landscape.bundled_path("digits")).theta.tolist()
