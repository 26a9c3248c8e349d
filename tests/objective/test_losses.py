"""Losses with options: training, the best constant predictor, examples one by one, subsets, what a GPU refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from landscape import NetworkObjective, train
from landscape.critical.frame import bounds_of
from landscape.errors import InputError
from landscape.model import build_model
from landscape.objective.constant import constant_loss
from landscape.objective.examples import score_outputs
from landscape.objective.fisher import fisher_products
from landscape.objective.patterns import KinkPatterns
from landscape.objective.targets import unsupported_loss
from tests import reference
from tests.cases import CASES

NAMES = (
    "class_weights", "smoothing_and_weights", "soft_targets", "kl_divergence", "multi_margin", "squared_margin", "binary_weights", "binary_soft",
    "poisson", "poisson_rate", "hinge_embedding", "focal", "image_labels", "image_weights", "image_binary",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_examples_one_by_one_add_up_to_the_loss(name):
    model = CASES[name].model
    objective = NetworkObjective(model)
    outputs, targets = np.asarray(objective.outputs(model.theta)), np.asarray(model.data["y_train"])
    loss, hit = score_outputs(model, outputs, targets)
    counts = objective.sample.made.counts(targets)
    found = objective.evaluate(model.theta)
    assert np.average(loss, weights=counts) == pytest.approx(found.loss, rel=1e-12)
    assert (hit is None) == (found.accuracy is None)
    if hit is not None:
        assert np.average(hit, weights=counts) == pytest.approx(found.accuracy, rel=1e-12)


@pytest.mark.parametrize(
    "name", sorted(set(NAMES) - {"hinge_embedding", "image_labels", "image_weights", "image_binary"})
)
def test_the_best_constant_predictor_is_a_minimum_over_constant_outputs(name):
    case = CASES[name].model
    y, output = np.asarray(case.data["y_train"]), case.nodes[-1].shape
    model = build_model(
        nodes=[{"name": "b", "op": "dense"}],
        parameters={"b.weight": np.zeros((output[-1], 1)), "b.bias": np.ones(output[-1])},
        loss=case.loss,
        loss_options=case.loss_options.given(),
        x_train=np.zeros((len(y), 1)),
        y_train=y,
    )
    objective = NetworkObjective(model)

    def loss(bias: np.ndarray) -> float:
        return float(
            objective.value(
                np.concatenate(
                    [np.zeros(output[-1]), np.maximum(bias, 1e-6) if case.loss == "poisson_rate" else bias]
                )
            )
        )

    starts = [np.full(output[-1], 0.5), np.linspace(0, 1, output[-1]), np.linspace(1, -1, output[-1])]
    least = min(minimize(loss, start, method="Powell", tol=1e-12).fun for start in starts)
    assert constant_loss(objective) == pytest.approx(least, rel=1e-5, abs=1e-7)


def test_a_loss_of_distances_has_the_best_distance_of_all():
    model = CASES["hinge_embedding"].model
    y = np.asarray(model.data["y_train"])
    apart, margin = np.mean(y < 0, axis=0), model.loss_options.margin
    assert constant_loss(NetworkObjective(model)) == pytest.approx(
        np.mean(margin * np.minimum(apart, 1 - apart))
    )


@pytest.mark.parametrize(
    "name", ["smoothing_and_weights", "binary_weights", "image_weights", "squared_margin"]
)
def test_a_step_of_training_is_one_of_plain_descent(name):
    model = CASES[name].model
    n = model.examples("train")
    done = train(model, optimizer="gd", learning_rate=0.1, batch_size=n, steps=1, dtype="float64", history=1)
    expected = model.theta - 0.1 * reference.gradient(model, model.theta)
    assert np.allclose(done.theta, expected, rtol=1e-10, atol=1e-12)


def test_weights_of_a_batch_are_divided_by_their_mean_over_all_examples():
    x, y = np.array([[1.0], [2.0], [3.0]]), np.array([0, 1, 1])
    layers = [(np.array([[0.3], [-0.2]]), np.zeros(2))]
    model = build_model(layers=layers, x_train=x, y_train=y, loss_options={"class_weights": [1, 4]})
    losses = score_outputs(model, NetworkObjective(model).outputs(model.theta), y)[0]
    plain = np.log(1 + np.exp([-0.5, 1.0, 1.5]))
    assert np.allclose(losses, plain * np.array([1, 4, 4]) / 3)
    assert NetworkObjective(model).value(model.theta) == pytest.approx(np.average(plain, weights=[1, 4, 4]))


def test_a_subset_estimates_the_weighted_loss_of_all():
    model = CASES["class_weights"].model
    whole = NetworkObjective(model).value(model.theta)
    part = NetworkObjective(model, examples=30, seed=1).evaluate(model.theta)
    assert abs(part.loss - whole) < 4 * part.loss_error
    assert 0 < part.loss_error < 1


def test_patterns_see_the_kinks_of_margins_and_pairs():
    for name, count in (("multi_margin", 41 * 3), ("hinge_embedding", 41 * 2)):
        model = CASES[name].model
        patterns = KinkPatterns(NetworkObjective(model))
        assert patterns.there
        assert patterns.at(model.theta).size == count


def test_only_sure_targets_bring_the_loss_near_to_zero():
    found = {name: bounds_of(NetworkObjective(CASES[name].model)) for name in NAMES}
    assert found["class_weights"] == (0.0, None) == found["image_labels"] == found["binary_weights"]
    assert found["multi_margin"] == (None, 0.0)
    for name in (
        "smoothing_and_weights",
        "soft_targets",
        "binary_soft",
        "poisson",
        "hinge_embedding",
        "kl_divergence",
    ):
        assert found[name] == (None, None)


@pytest.mark.parametrize("name", ["focal", "hinge_embedding", "multi_margin", "poisson_rate"])
def test_what_is_no_likelihood_has_no_fisher_matrix(name):
    model = CASES[name].model
    with pytest.raises(InputError, match=f"'fisher': there is none for the loss {model.loss}"):
        fisher_products(NetworkObjective(model), model.theta, model.theta[None], matrix="fisher")


@pytest.mark.parametrize(
    "name", ["class_weights", "soft_targets", "kl_divergence", "poisson", "binary_weights"]
)
def test_where_the_curvature_does_not_depend_on_the_target_it_is_the_fisher_matrix(name):
    model = CASES[name].model
    objective, vector = NetworkObjective(model), np.ones((1, model.size))
    ours = [fisher_products(objective, model.theta, vector, matrix=m) for m in ("fisher", "gauss-newton")]
    assert np.array_equal(*ours)


def test_a_gpu_refuses_what_it_has_no_kernel_for_by_name():
    def told(name):
        return unsupported_loss(CASES[name].model)

    assert told("class_weights") == ["the loss 'cross_entropy' with class_weights"]
    assert told("soft_targets") == ["the loss 'cross_entropy' with label_smoothing and soft targets"]
    assert told("binary_weights") == ["the loss 'binary_cross_entropy' with pos_weight and element_weights"]
    assert told("multi_margin")[0].startswith("the loss 'multi_margin'")
    assert told("kl_divergence") == ["the loss 'kl_divergence'"]
    assert told("poisson") == told("image_labels") == told("hinge_embedding") == []
