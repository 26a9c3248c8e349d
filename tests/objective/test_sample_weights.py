"""Weights of examples: a whole number counts an example so many times, and only their proportions matter."""

from dataclasses import replace

import numpy as np
import pytest

from landscape.diagnosis import diagnose
from landscape.errors import InputError
from landscape.model import build_model, load_model, save_model
from landscape.model.summary import summarize
from landscape.objective import NetworkObjective
from landscape.objective.constant import constant_loss
from landscape.objective.fisher import fisher_products
from landscape.objective.targets import unsupported_loss
from landscape.training import train
from tests.cases import CASES

NAMES = (
    "chain_relu", "mse", "mae", "huber_delta", "binary_three_outputs", "binary_soft", "class_weights", "smoothing_and_weights",
    "soft_targets", "kl_divergence", "multi_margin", "squared_margin", "binary_weights", "image_weights", "ignored_labels",
    "poisson", "poisson_rate", "hinge_embedding", "output_loss", "focal", "sequence_mse",
)  # fmt: skip
CLOSE = {"rtol": 1e-11, "atol": 1e-13}


def counted(name):
    """A case whose examples count 0 to 3 times, and the same with the examples repeated."""
    model = CASES[name].model
    rng = np.random.default_rng(7)
    x, y = model.data["x_train"], model.data["y_train"]
    counts = rng.integers(0, 4, len(x))
    weighted = replace(model, data={"x_train": x, "y_train": y, "sample_weight_train": counts.astype(float)})
    repeated = {key: np.repeat(model.data[key], counts, axis=0) for key in ("x_train", "y_train")}
    return weighted, replace(model, data=repeated)


def objectives(name):
    return [NetworkObjective(model, threads=1) for model in counted(name)]


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_counts_an_example_so_many_times(name):
    weighted, repeated = objectives(name)
    theta = weighted.model.theta
    vector = np.random.default_rng(3).standard_normal(theta.size)
    assert weighted.value(theta) == pytest.approx(repeated.value(theta), rel=1e-12)
    np.testing.assert_allclose(weighted.gradient(theta), repeated.gradient(theta), **CLOSE)
    np.testing.assert_allclose(weighted.hvp(theta, vector), repeated.hvp(theta, vector), **CLOSE)
    assert constant_loss(weighted) == pytest.approx(constant_loss(repeated), rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_proportions_of_weights_matter(name):
    model, _ = counted(name)
    more = {key: 7 * array if key.startswith("sample") else array for key, array in model.data.items()}
    one, other = (NetworkObjective(given, threads=1) for given in (model, replace(model, data=more)))
    assert one.value(model.theta) == pytest.approx(other.value(model.theta), rel=1e-13)
    np.testing.assert_allclose(one.gradient(model.theta), other.gradient(model.theta), **CLOSE)


@pytest.mark.parametrize("name", ["mse", "class_weights"])
def test_scans_matrices_and_steps_take_weights_as_repetitions(name):
    models = counted(name)
    direction = np.random.default_rng(5).standard_normal((1, models[0].size))
    losses, matrices, moved = [], [], []
    for model in models:
        objective = NetworkObjective(model, threads=1)
        sweep = objective.sweep(model.theta, direction, (np.linspace(-1, 1, 5),))
        for step in range(sweep.steps):
            sweep.run(step)
        losses.append(sweep.finish()["loss"])
        matrices.append(fisher_products(objective, model.theta, direction))
        whole = len(model.data["x_train"])
        moved.append(
            train(
                model, steps=3, batch_size=whole, learning_rate=0.1, seed=1, threads=1, dtype="float64"
            ).theta
        )
    for one, other in (losses, matrices, moved):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_refuses_weights_by_name(name):
    assert "weights of examples" in " ".join(unsupported_loss(counted(name)[0]))


def test_weights_are_kept_in_the_file_and_stand_in_a_bare_one(tmp_path):
    x, weights = np.arange(6.0).reshape(3, 2), np.array([1.0, 0.0, 2.0])
    model = build_model(
        layers=[(np.eye(2), np.zeros(2))], loss="mse", x_train=x, y_train=x + 1, arrays={"sample_weight_train": weights}
    )  # fmt: skip
    save_model(model, tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert again.data["sample_weight_train"].tolist() == weights.tolist()
    assert again.data_fingerprint() == model.data_fingerprint()
    assert summarize(again)["data"]["train"]["weighted"] is True


BAD = {
    "one for each number": (np.ones((3, 2)), "expected 3 numbers, one an example"),
    "too few": (np.ones(2), "expected 3 numbers, one an example"),
    "words": (np.array(["a", "b", "c"]), "expected 3 numbers, one an example"),
    "below zero": (np.array([1.0, -1.0, 1.0]), "from 0, found -1.0 in example 1"),
    "no number": (np.array([1.0, 1.0, np.nan]), "found nan in example 2"),
    "nothing counts": (np.zeros(3), "expected one above 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_weights_that_are_none_are_refused(name):
    weights, words = BAD[name]
    with pytest.raises(InputError, match=words) as caught:
        build_model(
            layers=[(np.eye(2), np.zeros(2))], loss="mse", x_train=np.ones((3, 2)), y_train=np.ones((3, 2)),
            arrays={"sample_weight_train": weights},
        )  # fmt: skip
    assert str(caught.value).startswith("sample_weight_train: ")


def test_weights_without_their_examples_and_a_diagnosis_with_weights_are_refused():
    x = np.ones((3, 2))
    given = {"layers": [(np.eye(2), np.zeros(2))], "loss": "mse", "x_train": x, "y_train": x}
    with pytest.raises(InputError, match="missing x_test"):
        build_model(**given, arrays={"sample_weight_test": np.ones(3)})
    with pytest.raises(InputError, match="sample_weight_train"):
        diagnose(build_model(**given, arrays={"sample_weight_train": np.ones(3)}), budget="quick")
