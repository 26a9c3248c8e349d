"""Training normalizes by its batches and has the running statistics follow them; all else is as without normalization."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import load_model
from landscape.objective import as_one_batch
from landscape.training import DivergenceError, Recipe, train, train_many
from tests import reference
from tests.cases import CASES
from tests.networks import network
from tests.training import twins

COMMON = {"dtype": "float64", "threads": 1}
FIRST = CASES["batchnorm_first"].model


def twin(model, recipe):
    """Give the referee's θ after the recipe's steps, each on a batch that is normalized by itself."""
    whole = as_one_batch(model)

    def gradient(theta, step):
        rows = twins.batch(recipe, step, model.examples("train"))
        return reference.gradient(whole, theta, rows=rows)

    *_, last = islice(twins.descend(recipe, model.theta, gradient), recipe.steps + 1)
    return last


def followed(model, recipe, momentum=0.1):
    """Give the statistics of a normalization of the data themselves: averages over the batches, of an unbiased variance."""
    mean, variance = (np.asarray(model.buffers[f"b.running_{name}"], np.float64) for name in ("mean", "var"))
    for step in range(recipe.steps):
        x = model.data["x_train"][twins.batch(recipe, step, model.examples("train"))].astype(np.float64)
        mean = (1 - momentum) * mean + momentum * x.mean(axis=0)
        variance = (1 - momentum) * variance + momentum * x.var(axis=0, ddof=1)
    return mean, variance


@pytest.mark.parametrize(
    "name", ["batchnorm_of_features", "conv_batchnorm", "batch_statistics_frozen", "resnet"]
)
def test_a_training_is_the_referees_on_batches_that_are_normalized_by_themselves(name):
    model = CASES[name].model
    settings = {
        "optimizer": "heavy_ball",
        "learning_rate": 0.01,
        "batch_size": 4 if name != "resnet" else 6,
        "steps": 5,
    }
    if name in ("batchnorm_of_features", "batch_statistics_frozen"):
        settings["batch_size"] = 13
    done = train(model, **settings, **COMMON)
    moved = np.linalg.norm(done.theta - model.theta)
    assert np.linalg.norm(done.theta - twin(model, Recipe(**settings))) < 1e-6 * moved


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adam"},
        {"optimizer": "sam"},
        {"optimizer": "sgd", "replacement": True},
        {"batch_size": 41},
    ],
    ids=str,
)
def test_running_statistics_are_averages_over_the_batches_whatever_the_optimizer(settings):
    settings = {"batch_size": 9, "steps": 7} | settings
    done = train(FIRST, **settings, **COMMON)
    mean, variance = followed(FIRST, Recipe(**settings))
    np.testing.assert_allclose(done.buffers["b.running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(done.buffers["b.running_var"], variance, rtol=1e-12)


def test_the_momentum_is_the_nodes_own():
    model = network("b batchnorm 5 momentum=0.5 | fc1 dense 5 3", 5, 3)(np.random.default_rng(1))
    done = train(model, batch_size=9, steps=3, **COMMON)
    mean, _ = followed(model, Recipe(batch_size=9, steps=3), momentum=0.5)
    np.testing.assert_allclose(done.buffers["b.running_mean"], mean, rtol=1e-12)


@pytest.mark.parametrize("name", ["batchnorm_of_features", "batch_statistics"])
def test_the_history_is_of_the_network_as_the_file_says_it_normalizes(name):
    done = train(CASES[name].model, batch_size=12, steps=4, history=2, checkpoints=2, **COMMON)
    start = done.with_buffers(done.checkpoint_buffers[0])
    assert done.history["train_loss"][0] == pytest.approx(
        reference.loss(start, done.checkpoints[0]), rel=1e-12
    )
    assert done.history["train_loss"][1] == pytest.approx(reference.loss(done, done.theta), rel=1e-12)
    norm = np.linalg.norm(reference.gradient(done, done.theta))
    assert done.history["gradient_norm"][1] == pytest.approx(norm, rel=1e-10)
    np.testing.assert_array_equal(done.checkpoint_buffers[1], np.concatenate([*done.buffers.values()]))


def test_a_training_cut_and_resumed_has_the_bits_of_an_unbroken_one_buffers_among_them(tmp_path):
    settings = {"optimizer": "adam", "batch_size": 9, "history": 2, "checkpoints": 2} | COMMON
    whole = train(FIRST, steps=12, **settings)
    train(FIRST, steps=5, output=tmp_path / "cut.npz", **settings)
    train(FIRST, steps=12, output=tmp_path / "cut.npz", **settings)
    found = load_model(tmp_path / "cut.npz")
    np.testing.assert_array_equal(found.theta, whole.theta)
    np.testing.assert_array_equal(found.constants, whole.constants)
    np.testing.assert_array_equal(found.checkpoint_buffers[-1], whole.checkpoint_buffers[-1])


def test_a_drawn_start_has_the_running_statistics_of_a_new_network():
    settings = {"init": "he", "steps": 3, "batch_size": 12, "dtype": "float64"}
    done = train(FIRST, **settings, history=2, checkpoints=2)
    assert done.checkpoint_buffers[0].tolist() == [0.0] * 5 + [1.0] * 5
    many = train_many(FIRST, **settings, looks=2)
    np.testing.assert_array_equal(many.end(FIRST, 0).constants, done.constants)
    assert many.losses["train_loss"][0, 0] == done.history["train_loss"][0]


def test_runs_at_once_have_statistics_of_their_own():
    rates = [0.01, 0.3]
    model = CASES["batchnorm_of_features"].model
    many = train_many(model, learning_rate=rates, batch_size=12, steps=6, looks=2, dtype="float64", threads=2)
    for run, rate in enumerate(rates):
        alone = train(model, learning_rate=rate, batch_size=12, steps=6, history=2, **COMMON)
        np.testing.assert_array_equal(many.theta[run], alone.theta)
        np.testing.assert_array_equal(many.end(model, run).constants, alone.constants)
        assert many.losses["train_loss"][run, -1] == alone.history["train_loss"][-1]
    assert np.any(many.buffers[0] != many.buffers[1])


def test_a_run_that_diverges_keeps_the_statistics_of_its_last_finite_step():
    mse = network("b batchnorm 3 | fc1 dense 3 2 | fc2 dense 2 1", 3, 1, loss="mse", n=12)
    model = mse(np.random.default_rng(2))
    settings = {"learning_rate": 1e3, "batch_size": 4, "history": 2, "checkpoints": 0} | COMMON
    with pytest.raises(DivergenceError) as caught:
        train(model, steps=100, **settings)
    before = train(model, steps=caught.value.step, **settings)
    np.testing.assert_array_equal(caught.value.model.constants, before.constants)


def test_a_batch_of_one_example_is_refused_where_it_has_no_variance():
    for size, words in ((1, "a batch of 1"), (8, "leave one alone")):
        with pytest.raises(InputError, match=words):
            train(FIRST, batch_size=size, **COMMON)
    train(CASES["conv_batchnorm"].model, batch_size=1, steps=1, **COMMON)
    train(FIRST, batch_size=8, replacement=True, steps=1, **COMMON)


def test_without_normalization_a_model_is_its_own_one_batch():
    model = CASES["batchnorm_first"].model
    assert as_one_batch(model).nodes[0].attributes["batch_size"] == model.examples("train")
    plain = replace(model, nodes=model.nodes[1:])
    assert as_one_batch(plain).nodes == plain.nodes
