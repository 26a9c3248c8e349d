"""What the rules see of a network: whether it is affine, what it contains, its scales, its copies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis.architectures import Chain
from landscape.diagnosis.ensembles import BUDGETS, Laboratory
from landscape.diagnosis.linear import contains_linear, fitted, linear_model
from landscape.diagnosis.networks import Activations, Shallower
from landscape.diagnosis.recipe import training_of
from landscape.diagnosis.scales import put_back, scale_of, with_scaled_targets
from landscape.diagnosis.state import dead_outputs, identical_units
from landscape.diagnosis.structure import is_affine, without_end
from landscape.diagnosis.thresholds import Thresholds
from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.training import initialize


def images(between: str | None = None, norm: bool = True):
    """Convolutions, averages, a sum and a norm in evaluation, and an activation between them or none."""
    nodes = [{"name": "c1", "op": "conv1d", "padding": 1}]
    nodes += [{"name": "n1", "op": "batchnorm"}] if norm else []
    nodes += [{"name": "r1", "op": between}] if between else []
    last = nodes[-1]["name"]
    nodes += [
        {"name": "c2", "op": "conv1d", "padding": 1}, {"name": "a", "op": "add", "inputs": ["c2", last]},
        {"name": "m", "op": "globalavgpool"}, {"name": "out", "op": "dense"},
    ]  # fmt: skip
    shapes = {
        "c1.weight": (4, 1, 3), "c1.bias": (4,), "n1.weight": (4,), "n1.bias": (4,), "n1.running_mean": (4,), "n1.running_var": (4,),
        "c2.weight": (4, 4, 3), "c2.bias": (4,), "out.weight": (3, 4), "out.bias": (3,),
    }  # fmt: skip
    rng = np.random.default_rng(0)
    parameters = {
        key: np.abs(rng.standard_normal(shape))
        for key, shape in shapes.items()
        if norm or not key.startswith("n1")
    }
    data = {"x_train": rng.standard_normal((9, 1, 8)), "y_train": np.arange(9) % 3}
    return build_model(nodes=nodes, parameters=parameters, loss="cross_entropy", **data)


def laboratory(model):
    return Laboratory(model, training_of(model, {}, 0), Thresholds(), BUDGETS["quick"], None, threads=1)


def test_convolutions_averages_sums_and_norms_in_evaluation_are_affine_until_something_bends():
    assert is_affine(images())
    for op in ("relu", "tanh", "leaky_relu"):
        assert not is_affine(images(op))
    bent = Activations().graph(laboratory(images(norm=False)))
    assert [node.op for node in bent.nodes] == [
        "conv1d",
        "relu",
        "conv1d",
        "relu",
        "add",
        "globalavgpool",
        "dense",
    ]
    assert not is_affine(bent)
    assert Activations().graph(laboratory(images("relu"))) is None, "a network that bends lacks no activation"


def test_the_last_activation_is_left_out_and_all_else_is_the_same_function():
    rng = np.random.default_rng(1)
    nodes = [
        {"name": "fc", "op": "dense"},
        {"name": "act", "op": "tanh"},
        {"name": "out", "op": "dense"},
        {"name": "end", "op": "sigmoid"},
    ]
    shapes = {"fc.weight": (5, 2), "fc.bias": (5,), "out.weight": (1, 5), "out.bias": (1,)}
    parameters = {key: rng.standard_normal(shape) for key, shape in shapes.items()}
    data = {"x_train": rng.standard_normal((7, 2)), "y_train": rng.uniform(0, 1, (7, 1))}
    model = build_model(nodes=nodes, parameters=parameters, loss="mse", **data)
    bare = without_end(model)
    ours, theirs = (NetworkObjective(m, threads=1).outputs(m.theta) for m in (model, bare))
    np.testing.assert_allclose(ours, 1 / (1 + np.exp(-np.asarray(theirs))), rtol=1e-12)
    assert without_end(bare) is None
    assert not contains_linear(model), "a linear model behind a sigmoid is no linear model"
    assert fitted(model) is None


def test_a_network_contains_a_shallower_one_only_where_no_narrower_neck_is_left_out():
    assert Shallower().chain(Chain((20, 2, 20), "tanh", ())) is None
    assert Shallower().chain(Chain((20, 20, 20), "tanh", ())).hidden == (20,)
    assert Shallower().chain(Chain((8, 16), "relu", ())).hidden == (8,)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_scaled_targets_are_the_same_function_and_the_same_loss_in_other_units_and_are_put_back(loss):
    rng = np.random.default_rng(2)
    layers = [
        (rng.standard_normal((2, 6)), rng.standard_normal(6)),
        (rng.standard_normal((6, 2)), rng.standard_normal(2)),
    ]
    y = np.stack([500 + 300 * rng.standard_normal(30), -90 + 20 * rng.standard_normal(30)], axis=1)
    x = rng.standard_normal((30, 2))
    model = build_model(
        layers=layers, loss=loss, delta=40.0, x_train=x, y_train=y.astype(np.float64), x_test=x, y_test=y
    )
    moved, scale = with_scaled_targets(model), scale_of(model)
    value = NetworkObjective(model, threads=1).value(model.theta)
    assert scale.factor * NetworkObjective(moved, threads=1).value(moved.theta) == pytest.approx(
        value, rel=1e-5
    )
    back = put_back(model, moved)
    np.testing.assert_allclose(back.theta, model.theta, rtol=1e-9, atol=1e-9)
    assert NetworkObjective(back, threads=1).value(back.theta) == pytest.approx(value, rel=1e-9)
    near = replace(model, data={**model.data, "y_train": rng.standard_normal((30, 2))})
    assert with_scaled_targets(near) is None


def test_the_linear_model_is_written_as_it_was_fitted():
    """Its loss is that of least squares with an intercept on the inputs as they are."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40, 3)) * [1.0, 50.0, 0.01] + [0.0, 300.0, 0.0]
    y = x @ np.array([[1.0, 0.5], [-0.1, 0.0], [30.0, 1.0]]) + rng.standard_normal((40, 2))
    layers = [(rng.standard_normal((3, 5)), np.zeros(5)), (rng.standard_normal((5, 2)), np.zeros(2))]
    made = linear_model(build_model(layers=layers, loss="mse", x_train=x, y_train=y))
    design = np.c_[x, np.ones(40)]
    least = np.mean((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2)
    assert NetworkObjective(made, threads=1).value(made.theta) == pytest.approx(least, rel=1e-4)


def test_copies_among_units_and_filters_are_counted():
    rng = np.random.default_rng(4)
    pairs = np.repeat(rng.standard_normal((4, 2)), 2, axis=0)
    layers = [(pairs.T, np.zeros(8)), (rng.standard_normal((8, 1)), np.zeros(1))]
    data = {"x_train": rng.standard_normal((9, 2)), "y_train": rng.standard_normal((9, 1)), "loss": "mse"}
    assert identical_units(build_model(layers=layers, **data)) == "dense1"
    some = pairs.copy()
    some[:3] += rng.standard_normal((3, 2))
    assert identical_units(build_model(layers=[(some.T, np.zeros(8)), layers[1]], **data)) == ""
    filters = images()
    assert identical_units(filters.with_theta(initialize(filters, "he", 0))) == ""
    assert identical_units(filters.with_theta(np.full(filters.size, 0.1))) == "c1"


def test_outputs_that_a_last_relu_turns_off_for_all_inputs_are_counted():
    nodes = [{"name": "fc", "op": "dense"}, {"name": "end", "op": "relu"}]
    parameters = {"fc.weight": np.ones((3, 1)), "fc.bias": np.array([-9.0, 0.0, -9.0])}
    data = {"x_train": np.linspace(-1, 1, 6)[:, None], "y_train": np.arange(6) % 3, "loss": "cross_entropy"}
    ended = build_model(nodes=nodes, parameters=parameters, **data)
    assert dead_outputs(NetworkObjective(ended, threads=1)) == {"dead_outputs": 2, "outputs": 3}
    bare = without_end(ended)
    assert dead_outputs(NetworkObjective(bare, threads=1)) == {}
