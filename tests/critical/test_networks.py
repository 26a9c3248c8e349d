"""What a network's graph says of a point: invariances, units that do not answer, kinks, the scale of its loss."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from landscape.critical import analyze_critical
from landscape.critical.invariance import (
    BIASES,
    DEAD,
    INPUTS,
    LINEAR,
    RESCALING,
    SATURATION,
    SHIFT,
    invariances,
)
from landscape.critical.kinks import look_for_kinks
from landscape.model import build_model
from landscape.objective import NetworkObjective, complete
from landscape.objective.constant import constant_loss
from landscape.objective.units import crossings, unit_ranges
from tests.critical.points import dead_network
from tests.networks import chain

RNG = np.random.default_rng(7)


def network(activation: str, *, weight_decay: float = 0.0, loss: str = "cross_entropy"):
    """Build 3-4-3 with its last input always 0."""
    x = RNG.standard_normal((30, 3))
    x[:, 2] = 0.0
    labels = RNG.integers(0, 3, 30)
    targets = labels if loss == "cross_entropy" else RNG.standard_normal((30, 3))
    layers = [(RNG.standard_normal((3, 4)), 0.3 * np.ones(4)), (RNG.standard_normal((4, 3)), np.zeros(3))]
    return build_model(
        layers=layers, activation=activation, loss=loss, x_train=x, y_train=targets, weight_decay=weight_decay
    )


@pytest.mark.parametrize(
    ("activation", "loss", "reasons"),
    [
        ("relu", "cross_entropy", {RESCALING, SHIFT, INPUTS}),
        ("relu", "mse", {RESCALING, INPUTS}),
        ("tanh", "cross_entropy", {SHIFT, INPUTS}),
        ("identity", "mse", {LINEAR, BIASES, INPUTS}),
    ],
)
def test_the_loss_is_constant_along_each_invariance(activation, loss, reasons):
    model = network(activation, loss=loss)
    objective = NetworkObjective(model)
    found = invariances(objective, model.theta)
    assert set(found.reasons) == reasons
    gradient = objective.gradient(model.theta)
    sizes = np.linalg.norm(found.directions, axis=1)
    assert np.abs(found.directions @ gradient).max() <= 1e-12 * max(1.0, sizes.max())
    # Moving along the group and not along its tangent: second order in the step.
    step = 1e-4
    for row in found.directions:
        changed = objective.value(model.theta + step * row) - objective.value(model.theta)
        assert abs(changed) <= 100 * step**2


def test_the_tangents_of_linear_maps_are_as_many_as_there_are_maps():
    model = network("identity", loss="mse")
    found = invariances(NetworkObjective(model), model.theta)
    assert found.reasons.count(LINEAR) == 16


def test_a_deep_linear_classifier_at_its_minimum_is_a_degenerate_minimum():
    """Its loss is convex in the product of its layers, and every null vector leaves the product, or all but a shift of the logits."""
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((40, 2)), rng.integers(0, 2, 40)
    single = build_model(
        layers=[(np.zeros((2, 2)), np.zeros(2))], loss="cross_entropy", x_train=x, y_train=labels
    )
    objective = NetworkObjective(single)
    found = minimize(objective.value_and_gradient, single.theta, jac=True, method="L-BFGS-B", tol=1e-14).x
    first = np.vstack([np.eye(2), rng.standard_normal((3, 2))])
    # A right inverse of the first layer, so that the product is the single layer's.
    back = np.hstack([found[:4].reshape(2, 2), np.zeros((2, 3))])
    layers = [(first.T, rng.standard_normal(5)), (back.T, found[4:])]
    deep = build_model(layers=layers, activation="identity", loss="cross_entropy", x_train=x, y_train=labels)
    moved = np.array(deep.theta)
    moved[-2:] -= back @ layers[0][1]
    verdict = analyze_critical(deep.with_theta(moved), surfaces=False).verdict
    assert verdict["kind"] == "degenerate minimum", verdict["reason"]
    assert verdict["inertia"] == [3, 24, 0]
    assert "biases of linear layers" in verdict["reason"]


def test_a_network_that_answers_to_nothing_is_flat_and_its_units_are_named():
    model = build_model(
        layers=[(np.zeros((2, 3)), -np.ones(3)), (np.ones((3, 1)), -np.ones(1))],
        activation="relu",
        loss="mse",
        x_train=RNG.standard_normal((8, 2)),
        y_train=np.arange(8.0)[:, None],
    )
    nodes = [*({"name": n.name, "op": n.op} for n in model.nodes), {"name": "last", "op": "relu"}]
    silent = build_model(
        nodes=nodes,
        parameters=model.parameters,
        loss="mse",
        x_train=model.data["x_train"],
        y_train=model.data["y_train"],
    )
    verdict = analyze_critical(silent, surfaces=False).verdict
    assert verdict["kind"] == "flat to rounding"
    assert "4 units do not answer" in verdict["reason"]
    assert len(verdict["inactive_units"]) == 4


def test_weight_decay_breaks_the_invariances():
    model = network("relu", weight_decay=0.01)
    assert invariances(NetworkObjective(model), model.theta).reasons == ()


def test_dead_units_take_their_weights_with_them_on_both_sides():
    model = dead_network()
    found = invariances(NetworkObjective(model), model.theta)
    assert found.reasons == (DEAD,) * 16
    assert found.inactive == tuple(("relu1", unit) for unit in range(4))


def test_a_saturated_unit_still_speaks_to_the_next_layer():
    model = network("tanh")
    theta = np.array(model.theta)
    theta[12] = 40.0
    found = invariances(NetworkObjective(model), theta)
    assert len(found.inactive) == 1
    assert found.reasons.count(SATURATION) == 4


def test_ranges_are_those_of_the_pre_activations():
    model = network("relu")
    found = unit_ranges(NetworkObjective(model), model.theta)
    weight, bias = (model.parameters[key] for key in list(model.parameters)[:2])
    z = weight @ model.data["x_train"].T + bias[:, None]
    assert np.allclose(found[0].low, z.min(axis=1))
    assert np.allclose(found[0].high, z.max(axis=1))


def test_units_that_change_sides_are_named_with_their_examples():
    model = network("relu")
    objective = NetworkObjective(model)
    other = np.array(model.theta)
    other[12] = -50.0
    named = crossings(objective, model.theta, other[None])
    first = unit_ranges(objective, model.theta)[0]
    assert [(unit.node, unit.unit) for unit in named] == [(first.node, 0)]
    x, (weight, bias) = model.data["x_train"], [model.parameters[key] for key in list(model.parameters)[:2]]
    assert named[0].examples == np.sum(x @ weight[0] + bias[0] > 0)


def absolute_network(first: float):
    """Build |wx| as relu(wx) + relu(−wx) under absolute error to 0: at w = 0 all examples are on the kinks."""
    return build_model(
        nodes=[
            {"name": "in", "op": "dense"},
            {"name": "hidden", "op": "relu"},
            {"name": "out", "op": "dense", "trainable": False},
        ],
        parameters={
            "in.weight": np.array([[first], [-first]]),
            "out.weight": np.ones((1, 2)),
        },
        loss="mae",
        x_train=np.array([[1.0], [2.0]]),
        y_train=np.zeros((2, 1)),
    )


def test_a_point_on_a_kink_is_named_with_its_units_and_has_no_hessian():
    record = analyze_critical(absolute_network(0.0), surfaces=False)
    assert record.verdict["at_kink"]
    assert {unit["node"] for unit in record.verdict["kinks"]} == {"hidden"}
    assert {unit["examples"] for unit in record.verdict["kinks"]} == {2}
    assert record.verdict["kind"] in ("undetermined", "not critical")


def test_beside_a_kink_there_is_none():
    model = absolute_network(0.5)
    found = look_for_kinks(complete(NetworkObjective(model)), model.theta, model.theta[None])
    assert not found.on
    assert found.units == ()


def test_a_relu_network_at_zero_is_undetermined_and_its_units_are_named():
    model = network("relu", loss="mse")
    mean = model.data["y_train"].mean(axis=0)
    record = analyze_critical(model.with_theta(np.r_[np.zeros(28), mean]), surfaces=False)
    assert record.verdict["kind"] == "undetermined"
    assert "second derivatives jump" in record.verdict["reason"]
    assert len(record.verdict["kinks"]) == 4


@pytest.mark.parametrize(
    ("loss", "targets", "expected"),
    [
        ("mse", np.array([[0.0], [2.0]]), 1.0),
        ("mae", np.array([[0.0], [1.0], [5.0]]), 5 / 3),
        ("huber", np.array([[0.0], [1.0]]), 0.125),
        ("binary_cross_entropy", np.array([[0.0], [1.0]]), np.log(2)),
        ("cross_entropy", np.array([0, 1, 1, 1]), -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))),
    ],
)
def test_the_best_constants_loss_is_the_closed_form(loss, targets, expected):
    outputs = 2 if loss == "cross_entropy" else 1
    model = build_model(
        layers=[(np.zeros((1, outputs)), np.zeros(outputs))],
        loss=loss,
        x_train=np.ones((len(targets), 1)),
        y_train=targets,
    )
    assert constant_loss(NetworkObjective(model)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "huber"])
def test_no_bias_does_better_than_the_best_constant(loss):
    model = chain([3, 3], loss=loss, n=25, **({"delta": 0.5} if loss == "huber" else {}))(
        np.random.default_rng(1)
    )
    objective = NetworkObjective(model)
    silent = np.zeros(model.size)
    best = constant_loss(objective)
    biases = np.random.default_rng(2).standard_normal((200, 3))
    values = objective.values(np.c_[np.repeat(silent[None, :9], 200, axis=0), biases])
    assert values.min() >= best - 1e-9
