"""The parts of a diagnosis against closed forms and against the objective."""

from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis.architectures import Chain, chain_of, larger, rebuilt, simpler
from landscape.diagnosis.examples import scores
from landscape.diagnosis.experiments import standardized
from landscape.diagnosis.linear import fit_linear
from landscape.diagnosis.recipe import training_of
from landscape.diagnosis.shift import affine_closes, label_closes, two_sample
from landscape.diagnosis.state import dead_share, identical_units
from landscape.diagnosis.thresholds import Thresholds, thresholds_of
from landscape.diagnosis.vetoes import (
    bounded_floor,
    contradiction_of_log,
    contradictions,
    out_of_range,
    shared_rows,
    vetoes,
)
from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.training import initialize


def network(loss: str = "cross_entropy", width: int = 4, outputs: int = 3, **changes):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((30, 2))
    targets = {
        "cross_entropy": rng.integers(0, outputs, 30),
        "binary_cross_entropy": (x[:, :outputs] > 0).astype(float),
    }
    y = targets.get(loss, rng.standard_normal((30, outputs)))
    layers = [
        (rng.standard_normal((2, width)), rng.standard_normal(width)),
        (rng.standard_normal((width, outputs)), np.zeros(outputs)),
    ]
    splits = {"x_train": x, "y_train": y, "x_test": x[:7], "y_test": y[:7]}
    return build_model(layers=layers, loss=loss, **(splits | changes))


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "mse", "mae", "huber"])
def test_the_examples_losses_average_to_the_objectives(loss):
    model = network(loss, outputs=3 if loss == "cross_entropy" else 2)
    found, objective = scores(model, "train"), NetworkObjective(model).evaluate(model.theta)
    assert found.mean == pytest.approx(objective.loss, rel=1e-12)
    if objective.accuracy is not None:
        assert found.accuracy == pytest.approx(objective.accuracy, abs=1e-12)


def test_standardized_inputs_and_the_rewritten_layer_are_the_same_function():
    x = np.random.default_rng(0).standard_normal((30, 2)) * [1.0, 500.0] + [3.0, 0.0]
    model = network(x_train=x, x_test=x[:7])
    moved = standardized(model)
    assert moved is not None
    assert np.allclose(moved.data["x_train"].mean(axis=0), 0, atol=1e-6)
    assert NetworkObjective(moved).value(moved.theta) == pytest.approx(
        NetworkObjective(model).value(model.theta), rel=1e-5
    )
    assert standardized(network()) is None


def test_the_linear_fit_is_least_squares_and_stands_at_the_logistic_minimum():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((40, 2))
    target = x @ np.array([[1.0], [-2.0]]) + 0.5
    model = network("mse", outputs=1, x_train=x, y_train=target, x_test=x, y_test=target)
    assert np.allclose(fit_linear(model, x, target), [[1.0], [-2.0], [0.5]])
    labels = rng.integers(0, 3, 40)
    classes = network(x_train=x, y_train=labels, x_test=x, y_test=labels)
    weights = fit_linear(classes, x, labels)
    logits = np.c_[x, np.ones(40)] @ weights
    given = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.abs(np.c_[x, np.ones(40)].T @ (given - np.eye(3)[labels]) / 40).max() < 1e-4


def test_a_chain_is_read_and_rebuilt_and_its_neighbours_are_simpler_or_larger():
    model = network(width=8)
    chain = chain_of(model)
    assert chain == Chain((8,), "relu", ())
    again = rebuilt(model, chain)
    assert (again.size, again.loss, chain_of(again)) == (model.size, model.loss, chain)
    assert {name: c.hidden for name, c in simpler(Chain((8, 8), "tanh", ())).items()} == {
        "shallower": (8,),
        "narrower": (4, 4),
    }
    assert {name: c.hidden for name, c in larger(chain).items()} == {
        "wider": (32,), "wider and deeper": (32, 32), "deeper": (8, 8),
    }  # fmt: skip
    assert larger(replace(chain, activation=""))["with activations"].activation == "relu"


def test_units_that_are_dead_or_all_alike_are_seen():
    model = network(width=4)
    theta = model.theta.copy()
    assert dead_share(NetworkObjective(model))[0] < 1
    theta[8:12] = -1e3
    assert dead_share(NetworkObjective(model.with_theta(theta))) == (1.0, model.nodes[1].name)
    assert identical_units(model) == ""
    assert identical_units(model.with_theta(np.full(model.size, 0.01))) == model.nodes[0].name
    assert identical_units(model.with_theta(initialize(model, "he", 0))) == ""


def test_a_softmax_over_one_unit_and_a_sigmoid_against_large_targets_are_broken():
    nodes = [{"name": "fc", "op": "dense"}, {"name": "out", "op": "softmax"}]
    x = np.linspace(-1, 1, 20)[:, None]
    given = {
        "parameters": {"fc.weight": np.ones((1, 1)), "fc.bias": np.zeros(1)},
        "loss": "mse",
        "x_train": x,
    }
    model = build_model(nodes=nodes, y_train=(x > 0).astype(float), **given)
    found, here = vetoes(model, scores(model, "train"), 0.25, Thresholds(), 0)
    assert ([veto.subtype for veto in found], here) == (["constant-output"], True)
    nodes[1]["op"] = "sigmoid"
    assert (
        out_of_range(build_model(nodes=nodes, y_train=np.full((20, 1), 10.0), **given), Thresholds()).value
        == 1.0
    )
    assert (
        out_of_range(build_model(nodes=nodes, y_train=(x > 0).astype(float), **given), Thresholds()) is None
    )


def test_a_second_softmax_bounds_the_loss_from_below():
    nodes = [{"name": "fc", "op": "dense"}, {"name": "out", "op": "softmax"}]
    x = np.eye(2)
    parameters = {"fc.weight": 1e3 * np.eye(2), "fc.bias": np.zeros(2)}
    model = build_model(nodes=nodes, parameters=parameters, loss="cross_entropy", x_train=x, y_train=[0, 1])
    assert NetworkObjective(model).value(model.theta) == pytest.approx(bounded_floor(model), rel=1e-12)
    assert out_of_range(model, Thresholds()).subtype == "output-range"


def test_the_same_input_with_other_targets_and_shared_examples_are_counted():
    x = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 3.0]])
    assert contradictions(x, np.array([0, 1, 0])) == 1
    assert contradictions(x, np.array([0, 0, 1])) == 0
    assert shared_rows(x, np.array([[2.0, 3.0], [4.0, 5.0]])) == 1


def test_a_log_contradicts_parameters_whose_loss_it_does_not_end_with():
    model = replace(network(), history={"step": np.array([0, 9]), "train_loss": np.array([1.0, 0.2])})
    assert contradiction_of_log(model, 0.2, 0.0, 1.0) == ""
    assert "0.2" in contradiction_of_log(model, 0.9, 0.0, 1.0)
    assert contradiction_of_log(replace(model, training={"history_loss": "batch"}), 0.9, 0.0, 1.0) == ""


def test_a_classifier_tells_samples_apart_only_where_they_differ():
    rng = np.random.default_rng(4)
    one, two = rng.standard_normal((2, 300, 3))
    auc, p = two_sample(one, two, 0)
    assert (auc < 0.6, p > 0.05) == (True, True)
    assert two_sample(one, 3 * two, 0)[0] > 0.7, "a scale shows in the squares"
    assert two_sample(one, two + 2, 0) == pytest.approx((1.0, 0.005), abs=0.05)


def test_a_factor_of_the_test_inputs_is_undone_and_other_shares_of_labels_are_reweighted():
    rng = np.random.default_rng(5)
    y = np.arange(400) % 2
    x = rng.standard_normal((400, 2)) + 2 * np.stack([y, -y], axis=1)
    layers = [(np.array([[-1.0, 1.0], [1.0, -1.0]]), np.array([2.0, -2.0]))]
    splits = {"x_train": x, "y_train": y, "x_validation": x, "y_validation": y}
    scaled = build_model(layers=layers, loss="cross_entropy", x_test=40 * x + 3, y_test=y, **splits)
    assert affine_closes(scaled, "validation", "test") > 0.9
    biased = [(layers[0][0], layers[0][1] + [3.0, -3.0])]
    ones = np.flatnonzero(y)
    few = np.r_[ones, np.flatnonzero(y == 0)[:10]]
    shifted = build_model(layers=biased, loss="cross_entropy", x_test=x[few], y_test=y[few], **splits)
    assert label_closes(shifted, "validation", "test") > 0.8


def test_a_recipe_is_read_from_the_file_and_options_go_before_it():
    model = replace(
        network(),
        training={
            "optimizer": "adam",
            "learning_rate": 0.5,
            "betas": (0.8, 0.99),
            "steps": 70,
            "batch_size": 8,
        },
    )
    found = training_of(model, {"learning_rate": 0.25, "optimizer": None}, 3)
    recipe = found.recipe
    assert (recipe.learning_rate, recipe.momentum, recipe.beta2, recipe.batch_size, recipe.seed) == (
        0.25,
        0.8,
        0.99,
        8,
        3,
    )
    assert (found.spent, found.missing) == (70, ())
    with pytest.raises(InputError, match="optimizer"):
        training_of(model, {"optimizer": "magic"}, 0)


def test_thresholds_are_changed_by_name():
    assert thresholds_of({"large": 0.3}) == Thresholds(large=0.3)
    for wrong in ({"huge": 1.0}, {"large": -1.0}, {"large": "x"}):
        with pytest.raises(InputError, match="threshold"):
            thresholds_of(wrong)
