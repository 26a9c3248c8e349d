"""Between two solutions of XOR: the saddle at the top of the lowest path is certified, and an independent computation confirms it."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.connection import connect
from landscape.connection.descents import descend_from
from landscape.model import Model, build_model
from landscape.objective import NetworkObjective, complete

X, Y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 0.0])
DECAY = 1e-3


def solution(start: int) -> Model:
    """Train two sigmoid units on XOR, to the end; weight decay leaves no flat direction."""
    rng = np.random.default_rng(start)
    model = build_model(
        layers=[(rng.standard_normal((2, 2)), rng.standard_normal(2)), (rng.standard_normal((2, 1)), np.zeros(1))],
        activation="sigmoid", loss="binary_cross_entropy", weight_decay=DECAY, x_train=X, y_train=Y[:, None],
    )  # fmt: skip
    objective = complete(NetworkObjective(model, "train", threads=1))
    return model.with_theta(descend_from(objective, model.theta)["theta"])


def loss(theta):
    """Give the loss with its weight decay, for complex θ too."""
    weights, bias, last, offset = theta[:4].reshape(2, 2), theta[4:6], theta[6:8], theta[8]
    outputs = 1 / (1 + np.exp(-(X @ weights.T + bias))) @ last + offset
    return np.mean(np.log(1 + np.exp(outputs)) - Y * outputs) + 0.5 * DECAY * np.sum(theta**2)


def gradient(theta):
    """Differentiate it by complex steps, which lose no digit."""
    return np.array([np.imag(loss(theta + 1e-30j * row)) / 1e-30 for row in np.eye(9)])


def hessian(theta):
    """Differentiate the gradient by differences."""
    return np.array(
        [(gradient(theta + 1e-5 * row) - gradient(theta - 1e-5 * row)) / 2e-5 for row in np.eye(9)]
    )


def test_two_solutions_of_xor_are_joined_over_a_certified_saddle():
    models = [solution(0), solution(1)]
    record = connect(models, band=True, threads=1)
    saddle, theta = record.highest["saddle"], record.series["saddle.0-1.theta"]
    # Both solve it, are minima that lie apart, and are not one function.
    for model in models:
        assert np.linalg.norm(gradient(model.theta)) < 1e-7
        assert np.linalg.eigvalsh(hessian(model.theta)).min() > 1e-3
    assert [end["train_accuracy"] for end in record.report["ends"]] == [1.0, 1.0]
    assert abs(loss(models[0].theta) - loss(models[1].theta)) > 1e-3
    # The pass: no slope, and one direction alone leads down.
    assert (saddle["certified"], saddle["index"], saddle["joins"]) == (True, 1, True)
    assert {side["to"] for side in saddle["sides"]} == {0, 1}
    assert np.linalg.norm(gradient(theta)) < 1e-14
    values = np.linalg.eigvalsh(hessian(theta))
    assert values[0] == pytest.approx(saddle["eigenvalue"], rel=1e-6)
    assert values[0] < -1e-2 < 1e-4 < values[1]
    assert saddle["height"] == pytest.approx(loss(theta), rel=1e-13)
    assert saddle["above"] == pytest.approx(
        loss(theta) - max(loss(model.theta) for model in models), rel=1e-9
    )
