"""Patterns of units: the referee's signs, at every tile, and none where the loss is smooth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.objective.patterns import KINKED, KinkPatterns
from tests import reference
from tests.cases import CASES

KINKED_CASES = ("ragged_257_relu", "relu", "leaky_relu", "elu_alpha", "mae", "huber_delta")
POOLED_CASES = ("lenet", "maxpool_padded", "maxpool_first")
SMOOTH_CASES = ("mse", "deep", "logistic_regression")


def expected(model, theta):
    """Count the positive pre-activations, and the residuals beyond the loss's kinks, by the referee."""
    x, y = reference.examples(model, "train", None)
    values = reference.forward(model, theta, x)
    signs = [np.asarray(values[n.inputs[0]] > 0).ravel() for n in model.nodes if n.op in KINKED]
    if model.loss in ("mae", "huber"):
        delta = model.delta if model.loss == "huber" else 0.0
        residuals = values[model.nodes[-1].name] - y.reshape(values[model.nodes[-1].name].shape)
        signs += [(residuals > delta).ravel(), (residuals < -delta).ravel()]
    return sum(int(part.sum()) for part in signs), sum(part.size for part in signs)


@pytest.mark.parametrize("name", [name for name in KINKED_CASES if name in CASES])
def test_the_signs_are_the_referees(name):
    model = CASES[name].model
    patterns = KinkPatterns(NetworkObjective(model, threads=1))
    found = patterns.at(model.theta)
    assert patterns.there
    assert (int(found.sum()), found.size) == expected(model, model.theta)


@pytest.mark.parametrize(
    ("node", "kinks"),
    [
        ({"op": "relu6"}, (0.0, 6.0)),
        ({"op": "hardswish"}, (-3.0, 3.0)),
        ({"op": "clip_below", "least": 0.25}, (0.25,)),
        ({"op": "softshrink", "threshold": 0.5}, (-0.5, 0.5)),
    ],
)
def test_a_pattern_changes_where_a_function_of_many_kinks_has_one(node, kinks):
    # One unit whose input is θ itself, since the example is 1.
    head = [{"name": "a", "op": "dense"}, {"name": "f", **node}, {"name": "b", "op": "dense"}]
    weights = {"a.weight": np.ones((1, 1)), "b.weight": np.ones((1, 1))}
    one = np.ones((1, 1))
    model = build_model(nodes=head, parameters=weights, loss="mse", x_train=one, y_train=one)
    patterns = KinkPatterns(NetworkObjective(model, threads=1))
    grid = np.linspace(-7, 7, 57) + 0.01
    found = np.array([patterns.at([place, 1.0]) for place in grid])
    changed = (found[1:] != found[:-1]).any(axis=1)
    crossed = [any(low <= kink < high for kink in kinks) for low, high in pairwise(grid)]
    assert changed.tolist() == crossed


@pytest.mark.parametrize("name", SMOOTH_CASES)
def test_a_smooth_loss_has_no_pattern(name):
    model = CASES[name].model
    patterns = KinkPatterns(NetworkObjective(model, threads=1))
    assert not patterns.there
    assert patterns.at(model.theta).size == 0


@pytest.mark.parametrize("name", POOLED_CASES)
def test_each_pooled_window_has_one_largest_pixel(name):
    model = CASES[name].model
    patterns = KinkPatterns(NetworkObjective(model, threads=1))
    values = reference.forward(model, model.theta, reference.examples(model, "train", None)[0])
    windows = sum(values[node.name].size for node in model.nodes if node.op == "maxpool2d")
    signs = sum(int((values[n.inputs[0]] > 0).sum()) for n in model.nodes if n.op in KINKED)
    assert patterns.there
    assert int(patterns.at(model.theta).sum()) == windows + signs
