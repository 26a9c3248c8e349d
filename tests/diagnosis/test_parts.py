"""The parts of a diagnosis against closed forms and against the objective."""

import math
from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis.architectures import Chain, chain_of, rebuilt
from landscape.diagnosis.curvature import by_matrix, by_products
from landscape.diagnosis.ensembles import BUDGETS, Laboratory
from landscape.diagnosis.linear import fit_linear
from landscape.diagnosis.networks import Activations, Network, not_possible
from landscape.diagnosis.recipe import training_of
from landscape.diagnosis.remedies import REMEDIES
from landscape.diagnosis.shift import affine_closes, label_closes, two_sample
from landscape.diagnosis.standardized import standardized
from landscape.diagnosis.state import dead_share, first_rank, identical_units
from landscape.diagnosis.thresholds import Thresholds, thresholds_of
from landscape.diagnosis.vetoes import (
    contradiction_of_log,
    contradictions,
    out_of_range,
    vetoes,
)
from landscape.diagnosis.widths import scaled
from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.objective.examples import scores
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
    assert hidden("simpler", Chain((8, 8), "tanh", ())) == {
        "linear": (),
        "shallower": (8,),
        "narrower": (4, 4),
    }
    assert hidden("larger", chain) == {"wider": (32,), "wider and deeper": (32, 32), "deeper": (8, 8)}
    plain = replace(chain, activation="")
    assert hidden("larger", plain) == {"with activations": (32,)}
    assert Activations().chain(plain).activation == "relu"


def hidden(kind: str, chain: Chain) -> dict[str, tuple[int, ...]]:
    """The hidden widths of the networks of a kind that there are beside a chain."""
    rows = {
        r.label: r.change.chain(chain) for r in REMEDIES if r.kind == kind and isinstance(r.change, Network)
    }
    return {name: found.hidden for name, found in rows.items() if found is not None}


def laboratory(model) -> Laboratory:
    return Laboratory(model, training_of(model, {}, 0), Thresholds(), BUDGETS["standard"], None)


def image_network(**changes):
    """Convolutions with a normalization and a skip, and a dense layer at the end."""
    nodes = [
        {"name": "c1", "op": "conv2d", "padding": 1}, {"name": "n1", "op": "batchnorm"}, {"name": "r1", "op": "relu"},
        {"name": "c2", "op": "conv2d", "padding": 1}, {"name": "a", "op": "add", "inputs": ["c2", "r1"]},
        {"name": "f", "op": "flatten"}, {"name": "out", "op": "dense"},
    ]  # fmt: skip
    shapes = {
        "c1.weight": (4, 1, 3, 3), "c1.bias": (4,), "n1.weight": (4,), "n1.bias": (4,), "n1.running_mean": (4,), "n1.running_var": (4,),
        "c2.weight": (4, 4, 3, 3), "c2.bias": (4,), "out.weight": (3, 36), "out.bias": (3,),
    }  # fmt: skip
    x = np.random.default_rng(0).standard_normal((5, 1, 3, 3))
    parameters = {key: np.ones(shape) for key, shape in shapes.items()}
    return build_model(
        **{
            "nodes": nodes,
            "parameters": parameters,
            "loss": "cross_entropy",
            "x_train": x,
            "y_train": [0, 1, 2, 0, 1],
        }
        | changes
    )


def test_twice_the_channels_go_through_norms_skips_and_flattening():
    wide = scaled(image_network(), 2)
    found = {key: array.shape for key, array in wide.parameters.items()}
    assert found["c1.weight"] == (8, 1, 3, 3)
    assert (found["n1.weight"], found["c2.weight"], found["out.weight"]) == ((8,), (8, 8, 3, 3), (3, 72))
    assert wide.nodes[-1].shape == (3,)
    lab = laboratory(image_network())
    assert [r.label for r in REMEDIES if r.kind in ("simpler", "larger") and r.change.model(lab)] == [
        "narrower",
        "wider",
    ]
    assert not_possible(lab.model) == ["depth: the network is no plain chain of dense layers"]


def test_a_width_that_cannot_be_changed_is_named_with_the_reason():
    x = np.eye(3)
    nodes = [{"name": "fc", "op": "dense"}, {"name": "r", "op": "relu"}, {"name": "a", "op": "add", "inputs": ["r", "input"]},
             {"name": "out", "op": "dense"}]  # fmt: skip
    parameters = {"fc.weight": np.ones((3, 3)), "out.weight": np.ones((2, 3))}
    model = build_model(
        nodes=nodes, parameters=parameters, loss="cross_entropy", x_train=x, y_train=[0, 1, 0]
    )
    assert "joins a hidden layer with one of fixed width" in scaled(model, 2)
    assert any(line.startswith("twice the width: node 'a' (add)") for line in not_possible(model))


def test_the_condition_that_the_gradient_sees_is_that_of_least_squares():
    """Of a quadratic with curvatures 2 and 200 and a gradient along both alike: 200·(1/2 + 1/200)/2, and λ₁/λ_k."""
    x = np.diag([1.0, 10.0])
    y = x @ np.array([[1.0], [0.1]])
    line = build_model(layers=[(np.zeros((2, 1)), None)], loss="mse", x_train=x, y_train=y)
    objective = NetworkObjective(line)
    gradient = objective.gradient(line.theta)
    assert gradient[1] / gradient[0] == pytest.approx(10.0)
    weights = gradient**2 / np.sum(gradient**2)
    curvature = by_matrix(objective, gradient, 1.0, line.theta)
    assert curvature.condition == pytest.approx(float(100 * weights @ [1.0, 0.01]), rel=1e-4)
    assert curvature.spread == pytest.approx(100.0)
    whole = by_products(objective, gradient, 1.0, Thresholds(), line.theta)
    assert whole.condition == pytest.approx(curvature.condition, rel=1e-4)


def test_the_weight_decay_of_adamw_is_its_own_and_kept_in_comparisons_by_adam():
    model = replace(network(), training={"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.5})
    training = training_of(model, {}, 0)
    assert training.recipe.weight_decay == 0.5
    lab = Laboratory(model, training, Thresholds(), BUDGETS["quick"], None)
    assert lab.adam(1e-3, 10, 0, 8).weight_decay == 0.5
    plain = training_of(replace(model, training={"optimizer": "sgd", "weight_decay": 0.5}), {}, 0)
    assert plain.recipe.weight_decay is None


def test_units_that_are_dead_or_all_alike_are_seen():
    model = network(width=4)
    theta = model.theta.copy()
    assert dead_share(NetworkObjective(model))[0] < 1
    theta[8:12] = -1e3
    assert dead_share(NetworkObjective(model.with_theta(theta))) == (1.0, model.nodes[1].name)
    assert identical_units(model) == ""
    assert identical_units(model.with_theta(np.full(model.size, 0.01))) == model.nodes[0].name
    assert identical_units(model.with_theta(initialize(model, "he", 0))) == ""
    assert (first_rank(model), first_rank(model.with_theta(np.full(model.size, 0.01)))) == ((2, 2), (1, 2))


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
    far = build_model(nodes=nodes, y_train=np.linspace(5, 10, 20)[:, None], **given)
    constant = float(np.var(np.linspace(5, 10, 20)))
    assert out_of_range(far, 50.0, constant, Thresholds()).value == pytest.approx(
        np.mean((np.linspace(5, 10, 20) - 1) ** 2)
    )
    assert (
        out_of_range(
            build_model(nodes=nodes, y_train=(x > 0).astype(float), **given), 0.2, 0.25, Thresholds()
        )
        is None
    )


def test_a_second_softmax_bounds_the_loss_from_below():
    nodes = [{"name": "fc", "op": "dense"}, {"name": "out", "op": "softmax"}]
    x = np.eye(2)
    parameters = {"fc.weight": 1e3 * np.eye(2), "fc.bias": np.zeros(2)}
    model = build_model(nodes=nodes, parameters=parameters, loss="cross_entropy", x_train=x, y_train=[0, 1])
    loss = NetworkObjective(model).value(model.theta)
    assert loss == pytest.approx(math.log(1 + 1 / math.e), rel=1e-12)
    assert out_of_range(model, loss, math.log(2), Thresholds()).value == pytest.approx(loss, rel=1e-12)


def test_the_same_input_with_other_targets_is_counted():
    x = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 3.0]])
    assert contradictions(x, np.array([0, 1, 0])) == 1
    assert contradictions(x, np.array([0, 0, 1])) == 0


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
