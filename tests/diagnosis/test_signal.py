"""What the targets have to do with the inputs, an accuracy that one class alone would have, halves of held-out data, and steps that turn back."""

from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis.baselines import constant_lead, linear_lead, linear_words
from landscape.diagnosis.ensembles import BUDGETS, Laboratory
from landscape.diagnosis.evidence import Evidence
from landscape.diagnosis.gap import Gap
from landscape.diagnosis.imbalance import majority_words
from landscape.diagnosis.learning_curve import linear_error, stopped
from landscape.diagnosis.linear_signal import linear_p
from landscape.diagnosis.recipe import training_of
from landscape.diagnosis.remedies import remedy_of
from landscape.diagnosis.replay import TURNS, replayed, turning
from landscape.diagnosis.signal import Signal, disordered, signal_of
from landscape.diagnosis.subsets import halved
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.verdict import decide
from landscape.model import build_model
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.examples import scores


def straight(x, y, loss="mse", weight=0.0, **data):
    """A network of one layer."""
    outputs = 1 if loss == "mse" else int(np.max(y)) + 1
    layers = [(np.full((x.shape[1], outputs), weight), np.zeros(outputs))]
    return build_model(layers=layers, loss=loss, x_train=x, y_train=y, **data)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_near_inputs_tell_of_targets_until_these_are_permuted_or_sorted_alone(loss):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (400, 2))
    ring = (x**2).sum(axis=1)
    y = ring[:, None] if loss == "mse" else (ring > 0.6).astype(int)
    seen = signal_of(straight(x, y, loss), 0)
    assert seen.tells
    assert seen.alike > 0.9 > seen.chance
    permuted = signal_of(straight(x, rng.permutation(y), loss), 0)
    assert permuted.is_nothing
    assert not permuted.in_order
    alone = signal_of(straight(x, np.sort(y, axis=0), loss), 0)
    assert alone.in_order
    assert "sorted" in " ".join(disordered(alone))
    assert disordered(seen) == disordered(None) == []


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "binary_cross_entropy"])
def test_a_linear_model_tells_more_than_those_of_permuted_targets_where_there_is_a_signal(loss):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((300, 3))
    y = x @ [[1.0], [-2.0], [0.5]] + 0.3 * rng.standard_normal((300, 1))
    if loss != "mse":
        y = (y > 0).astype(int if loss == "cross_entropy" else float)
        y = y.ravel() if loss == "cross_entropy" else y
    for targets, tells in ((y, True), (rng.permutation(y), False)):
        width = 2 if loss == "cross_entropy" else 1
        data = {"x_train": x[:200], "y_train": targets[:200], "x_test": x[200:], "y_test": targets[200:]}
        model = build_model(layers=[(np.zeros((3, width)), np.zeros(width))], loss=loss, **data)
        assert (linear_p(model, "test", 0) <= 0.01) == tells


def test_permuted_targets_of_clusters_tell_nothing_though_guessing_is_beaten_by_whole_clusters():
    """Of tight clusters with permuted labels a linear model gives each one class; among many draws some are right of half of the examples."""
    rng = np.random.default_rng(2)
    centers, classes = 8 * rng.standard_normal((4, 6)), np.arange(400) % 4
    x = centers[classes] + 0.1 * rng.standard_normal((400, 6))
    errors, found = [], []
    for _ in range(20):
        y = np.r_[rng.permutation(classes[:200]), classes[200:]]
        data = {"x_train": x[:200], "y_train": y[:200], "x_test": x[200:], "y_test": y[200:]}
        model = build_model(layers=[(np.zeros((6, 4)), np.zeros(4))], **data)
        lab = Laboratory(model, training_of(model, {}, 0), Thresholds(), BUDGETS["quick"], "test", threads=1)
        errors.append(linear_error(lab, by_loss=False))
        found.append(linear_p(model, "test", 0))
    assert min(errors) < 0.6
    assert sum(p <= 0.01 for p in found) <= 1


def test_sorted_targets_of_sorted_inputs_are_no_fault():
    x = np.linspace(0, 1, 60)[:, None]
    found = signal_of(straight(x, x**2), 0)
    assert found.in_order
    assert disordered(found) == []


def test_no_neighbours_are_looked_for_among_few_examples_or_tokens():
    x = np.ones((9, 1))
    assert signal_of(straight(x, x), 0) is None


def test_held_out_data_at_chance_have_no_signal_only_where_near_examples_tell_nothing():
    gap = Gap(
        base="train", other="validation", loss=2.0, low=1.5, high=2.5, part=1.0, error=0.05, metric="accuracy"
    )
    found = {
        p: decide(
            Evidence(loss=0.01, constant=2.3, validation_gap=gap, signal=Signal(alike=0.1, chance=0.1, p=p))
        )
        for p in (0.5, 0.005)
    }
    assert [(verdict.code, verdict.subtype) for verdict in found.values()] == [
        ("overfitting", "no-signal"),
        ("overfitting", ""),
    ]
    assert "permuted" in " ".join(found[0.5].why)


def test_overfitting_has_to_be_clear_by_two_errors_too():
    gap = Gap(
        base="train",
        other="validation",
        loss=0.03,
        low=0.01,
        high=0.06,
        part=0.116,
        error=0.048,
        metric="loss",
    )
    assert decide(Evidence(loss=0.005, constant=0.28, validation_gap=gap)).code == "healthy"
    assert (
        decide(Evidence(loss=0.005, constant=0.28, validation_gap=replace(gap, error=0.007))).code
        == "overfitting"
    )


@pytest.mark.parametrize(("shift", "words"), [(3.0, "tells examples apart"), (-3.0, "not even the shares")])
def test_an_accuracy_that_is_the_commonest_classs_share_is_two_different_things_by_the_loss(shift, words):
    """The shares alone have a logit of ln(share); one that lies far from it has the same accuracy and a loss above their entropy."""
    y = np.repeat([0, 1], [180, 20])
    x = (0.5 * y + np.random.default_rng(1).uniform(0, 0.5, 200))[:, None]
    layers = [(np.array([[0.0, 1.0 if shift > 0 else 0.0]]), np.array([2.5 if shift > 0 else 0.01, 0.0]))]
    model = build_model(layers=layers, x_train=x, y_train=y)
    entropy = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    said = " ".join(majority_words(model, scores(model, "train", threads=1), entropy))
    assert words in said
    assert "90.0%" in said
    even = build_model(layers=layers, x_train=x, y_train=np.arange(200) % 2)
    assert majority_words(even, scores(even, "train", threads=1), np.log(2)) == []


def test_a_linear_model_that_does_as_well_on_held_out_data_is_warned_of():
    rng = np.random.default_rng(2)
    x, noise = rng.standard_normal((200, 2)), 0.3 * rng.standard_normal((200, 1))
    y = x @ [[1.0], [-2.0]] + noise
    data = {"x_validation": x[100:], "y_validation": y[100:]}
    good = straight(x[:100], y[:100], weight=0.0, **data)
    assert "linear model" in " ".join(linear_words(linear_lead(good, "validation", 1), 5.0))
    assert linear_words(linear_lead(good, None, 1), 5.0) == []


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "binary_cross_entropy"])
def test_the_constant_beside_the_network_is_the_best_one_of_the_training_data(loss):
    """On data with the same targets its loss is the least that a constant has, and a network that puts it out has no lead."""
    y = {
        "mse": np.array([[1.0], [2.0], [6.0]]),
        "cross_entropy": np.array([0, 1, 1]),
        "binary_cross_entropy": np.array([[0.0], [1.0], [1.0]]),
    }[loss]
    bias = {"mse": [3.0], "cross_entropy": np.log([1.0, 2.0]), "binary_cross_entropy": [np.log(2.0)]}[loss]
    x = np.ones((3, 1))
    data = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    model = build_model(layers=[(np.zeros((1, len(bias))), np.array(bias))], loss=loss, **data)
    found = constant_lead(model, "test", 1)
    assert found.copy == pytest.approx(constant_loss(NetworkObjective(model, "train", threads=1)))
    assert found.lead == pytest.approx(0.0, abs=1e-12)
    assert not found.beaten
    assert constant_lead(model, None) is None


def test_early_stopping_is_chosen_on_one_half_of_the_held_out_data_and_scored_on_the_other():
    """Where the first half is best at the second look, the gain is what that look has on the second half, be it a loss."""
    x = np.arange(40.0)[:, None]
    model = straight(x[:20], x[:20], x_validation=x[20:], y_validation=x[20:])
    model = replace(model, training={"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 4, "steps": 9})
    parts = halved(model, "validation", 0)
    assert (parts.examples("validation"), parts.examples("test"), parts.examples("train")) == (10, 10, 20)
    both = np.concatenate([parts.data["x_validation"], parts.data["x_test"]])
    assert sorted(both.ravel()) == sorted(x[20:].ravel())
    lab = Laboratory(
        model, training_of(model, {}, 0), Thresholds(), BUDGETS["standard"], "validation", threads=1
    )
    key = "runs.early stopping"
    lab.kept |= {
        f"{key}.step": np.tile([0.0, 5.0, 9.0], (2, 1)), f"{key}.train_loss": np.ones((2, 3)), f"{key}.labels": np.array(["early stopping"]),
        f"{key}.validation_loss": np.array([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0]]), f"{key}.test_loss": np.array([[0.1, 5.0, 2.0], [0.1, 5.0, 2.0]]),
    }  # fmt: skip
    remedy = remedy_of("early stopping")
    assert stopped(lab, remedy).tolist() == [-3.0, 0.0], (
        "the least loss of the second half, 0.1, is nobody's choice"
    )
    assert remedy.plan(lab).settings["steps"] in (5, 9)


@pytest.mark.parametrize(("rate", "turns"), [(0.4, False), (0.9, True)])
def test_the_last_updates_turn_back_where_the_rate_times_the_curvature_is_above_one(rate, turns):
    """The line y = wx on x = ±1 has the curvature 2, so that steps are multiplied by 1 − 2η: by 0.2, or by −0.8."""
    x = np.array([[1.0], [-1.0]])
    model = build_model(layers=[(np.array([[0.3]]), None)], loss="mse", x_train=x, y_train=x)
    model = replace(model, training={"optimizer": "sgd", "learning_rate": rate, "batch_size": 2, "steps": 50})
    found = replayed(model, training_of(model, {}, 0), "float64", 1)
    assert found == pytest.approx(-1.0 if turns else 1.0)
    assert (found <= TURNS) == turns
    unknown = replace(model, training={})
    assert np.isnan(replayed(unknown, training_of(unknown, {}, 0), "float64", 1))


def test_steps_of_independent_noise_turn_neither_way():
    path = np.cumsum(np.random.default_rng(3).standard_normal((400, 30)), axis=0)
    assert abs(turning(path)) < 0.05
