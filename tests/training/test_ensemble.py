"""Many runs at once are the same runs one by one, whatever is kept of them."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.training import initialize, train, train_many
from tests.scanning.examples import small_model

MODEL = small_model(examples=45, test=20)
GRID = {"optimizer": ["sgd", "amsgrad"], "learning_rate": [0.01, 0.1], "batch_size": [7, 45], "seed": [0, 1]}


@pytest.fixture(scope="module")
def many():
    return train_many(MODEL, **GRID, init="he", steps=30, looks=4, keep="theta", dtype="float64", threads=2)


def test_a_run_has_the_bits_that_it_has_alone(many):
    assert len(many.recipes) == 16
    for number in (0, 5, 15):
        recipe = many.recipes[number]
        alone = train(
            MODEL, init="he", optimizer=recipe.optimizer, learning_rate=recipe.learning_rate, steps=30,
            batch_size=recipe.batch_size, seed=recipe.seed, dtype="float64", history=4,
        )  # fmt: skip
        np.testing.assert_array_equal(many.theta[number], alone.theta)
        np.testing.assert_array_equal(many.path[number, -1], alone.theta)
        np.testing.assert_array_equal(many.path[number, 0], initialize(MODEL, "he", recipe.seed))
        for name in ("train_loss", "test_loss", "test_accuracy", "gradient_norm"):
            assert many.losses[name][number, [0, -1]].tolist() == alone.history[name][[0, -1]].tolist()


def test_threads_do_not_change_a_bit(many):
    one = train_many(MODEL, **GRID, init="he", steps=30, looks=4, dtype="float64", threads=1)
    np.testing.assert_array_equal(one.theta, many.theta)


def test_projections_are_those_of_the_paths(many):
    directions = np.random.default_rng(0).standard_normal((2, MODEL.size))
    kept = train_many(
        MODEL, **GRID, init="he", steps=30, looks=4, keep="projected", directions=directions, dtype="float64"
    )
    away = many.path - MODEL.theta
    coordinates = away @ np.linalg.pinv(directions)
    np.testing.assert_allclose(kept.projected, coordinates, rtol=1e-10)
    np.testing.assert_allclose(
        kept.distance, np.linalg.norm(away - coordinates @ directions, axis=2), rtol=1e-10
    )
    assert kept.path is None


def test_equal_epochs_are_more_steps_for_smaller_batches():
    found = train_many(MODEL, batch_size=[9, 45], epochs=2, looks=3, dtype="float64")
    assert found.step.tolist() == [[0, 5, 10], [0, 1, 2]]


def test_a_run_that_diverges_leaves_the_others_alone():
    rng = np.random.default_rng(0)
    from landscape.model import build_model

    x = rng.standard_normal((20, 3))
    model = build_model(layers=[(np.ones((3, 1)), np.zeros(1))], loss="mse", x_train=x, y_train=x[:, :1])
    found = train_many(model, learning_rate=[0.1, 1e3], steps=400, looks=5, dtype="float64", keep="theta")
    assert found.diverged[0] == -1
    assert 0 < found.diverged[1] < 400
    assert np.isfinite(found.theta).all()
    assert np.isnan(found.losses["train_loss"][1, -1])
    assert np.isnan(found.path[1, -1]).all()
    assert found.losses["train_loss"][0, -1] < 1e-6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": []}, "at least one run"),
        ({"keep": "all"}, "projected"),
        ({"keep": "projected"}, "directions"),
        ({"weight_decay": [0.1, 0.2]}, "one penalty"),
        ({"starts": np.zeros((2, 3))}, "starts"),
    ],
)
def test_bad_input_is_named(settings, message):
    with pytest.raises(InputError, match=message):
        train_many(MODEL, steps=2, dtype="float64", **settings)
