"""Scans of models with the real engine: the right numbers, in every way of asking."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numba
import numpy as np
import pytest

from landscape.errors import InputError
from landscape.model import save_model
from landscape.objective import CallableObjective, CompiledObjective, NetworkObjective
from landscape.scanning import scan
from tests.scanning.examples import small_model

CHOICES = {"points": "5x3", "dtype": "float64", "threads": 1}


def thetas(record):
    return [record.center + np.asarray(at) @ record.directions for at in product(*record.axes)]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-12)])
def test_every_quantity_is_the_objectives_at_every_point_of_both_splits(dtype, tolerance):
    model = small_model(weight_decay=0.01)
    record = scan(model, **{**CHOICES, "dtype": dtype})
    assert set(record.values) == {"train_loss", "train_accuracy", "test_loss", "test_accuracy"}
    for split in ("train", "test"):
        objective = NetworkObjective(model, split, dtype="float64", threads=1)
        expected = [objective.evaluate(theta) for theta in thetas(record)]
        found = {name: record.values[f"{split}_{name}"].reshape(-1) for name in ("loss", "accuracy")}
        assert np.allclose(found["loss"], [e.loss for e in expected], rtol=tolerance, atol=0)
        assert np.abs(found["accuracy"] - [e.accuracy for e in expected]).max() <= 1 / 90 + 1e-12
        assert np.allclose(record.penalty.reshape(-1), [e.penalty for e in expected], rtol=1e-12, atol=0)


def test_the_centre_of_the_grid_is_the_model_itself():
    record = scan(small_model(), **CHOICES)
    for split, of in record.center_values.items():
        assert record.values[f"{split}_loss"][2, 1] == pytest.approx(of["loss"], rel=1e-13)
        assert record.values[f"{split}_accuracy"][2, 1] == of["accuracy"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_thread_and_two_give_the_same_bits(dtype):
    one = scan(small_model(), points=7, dtype=dtype, threads=1)
    two = scan(small_model(), points=7, dtype=dtype, threads=2)
    assert replace(one, seconds=0.0) == replace(two, seconds=0.0)


def test_the_seed_decides_the_directions():
    first, again, other = (scan(small_model(), **CHOICES, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.directions, again.directions)
    assert not np.array_equal(first.directions, other.directions)


def rescaled(model):
    scales = {"fc1.weight": 10.0, "fc1.bias": 10.0, "fc2.weight": 0.1}
    factors = [np.full(slot.stop - slot.start, scales.get(slot.name, 1.0)) for slot in model.layout]
    return model.with_theta(model.theta * np.concatenate(factors))


def test_filter_normalized_surfaces_do_not_change_when_relu_layers_are_rescaled():
    model = small_model()
    before, after = scan(model, **CHOICES), scan(rescaled(model), **CHOICES)
    for name in before.values:
        assert np.allclose(before.values[name], after.values[name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("normalize", ["layer", "none"])
def test_other_surfaces_do_change_when_relu_layers_are_rescaled(normalize):
    model = small_model()
    before = scan(model, **CHOICES, normalize=normalize)
    after = scan(rescaled(model), **CHOICES, normalize=normalize)
    change = np.abs(before.values["train_loss"] - after.values["train_loss"]).max()
    assert (change > 1e-3) == (normalize == "none")


def test_between_two_models_the_ends_are_the_models(tmp_path):
    model, other = small_model(), small_model().with_theta(small_model(seed=1).theta)
    save_model(other, tmp_path / "other.npz")
    record = scan(
        model, direction="between", to=tmp_path / "other.npz", dimensions=1, points=5, dtype="float64"
    )
    assert (record.axes[0][0], record.axes[0][-1]) == (0.0, 1.0)
    for theta, end in ((model.theta, 0), (other.theta, -1)):
        expected = NetworkObjective(model, "train", dtype="float64").evaluate(theta)
        assert record.values["train_loss"][end] == pytest.approx(expected.loss, rel=1e-12)
    assert record.settings["directions"] == ["to other.npz"]


def test_along_minus_the_gradient_the_loss_falls_first():
    record = scan(
        small_model(), direction="gradient", dimensions=1, span="-0.01:0.01", points=3, dtype="float64"
    )
    assert np.all(np.diff(record.values["train_loss"]) > 0)


def test_principal_directions_reach_the_checkpoints():
    model = small_model()
    record = scan(model, direction="principal", dimensions=3, points=2, dtype="float64")
    coordinates = (model.checkpoints - model.theta) @ np.linalg.pinv(record.directions)
    assert np.abs(coordinates).max() == pytest.approx(1.0)


def test_a_subset_is_the_seeds_and_has_errors():
    model = small_model()
    part = scan(model, **CHOICES, examples=50, seed=1)
    assert set(part.errors) == set(part.values)
    assert part.settings["examples"] == {"train": 50, "test": 50}
    assert all(np.all(error > 0) for name, error in part.errors.items() if name.endswith("loss"))
    again, other = scan(model, **CHOICES, examples=50, seed=1), scan(model, **CHOICES, examples=51, seed=1)
    assert np.array_equal(part.values["train_loss"], again.values["train_loss"])
    assert not np.array_equal(part.values["train_loss"], other.values["train_loss"])


def test_the_error_of_a_subset_says_how_far_the_whole_is():
    model = small_model(examples=3000)
    whole = scan(model, **CHOICES, split="train")
    ratios = []
    for seed in range(20):
        part = scan(model, **CHOICES, split="train", examples=200, direction=whole.directions, seed=seed)
        distance = part.values["train_loss"] - whole.values["train_loss"]
        ratios.append(distance / part.errors["train_loss"])
    assert 0.6 < np.sqrt(np.mean(np.square(ratios))) < 1.5


def test_a_subset_as_large_as_the_data_is_the_data_and_says_so():
    plans = []
    record = scan(small_model(), **CHOICES, examples=90, planned=plans.append)
    assert record.settings["examples"] == {"train": 90}
    assert set(record.errors) == {"train_loss", "train_accuracy"}
    assert plans[0].notes == ("test: using all 90 examples, since 90 were asked for",)


@pytest.mark.parametrize(("split", "expected"), [("train", ["train"]), ("test", ["test"])])
def test_a_split_is_computed_alone_where_asked(split, expected):
    record = scan(small_model(), **CHOICES, split=split)
    assert record.settings["splits"] == expected
    assert list(record.center_values) == expected


def test_without_test_data_both_is_train_and_test_is_refused():
    model = small_model(test=0)
    assert set(scan(model, **CHOICES).values) == {"train_loss", "train_accuracy"}
    with pytest.raises(InputError, match="no test data"):
        scan(model, **CHOICES, split="test")


def test_models_of_other_shapes_have_nothing_between():
    wide = small_model()
    layers = [(np.ones((6, 4)), np.zeros(4)), (np.ones((4, 3)), np.zeros(3))]
    from landscape.model import build_model

    other = build_model(layers=layers, x_train=wide.data["x_train"], y_train=wide.data["y_train"])
    with pytest.raises(InputError, match=r"\[4, 6\], expected \[16, 6\]"):
        scan(wide, direction="between", to=other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda model: replace(model, weight_decay=0.1), "another model"),
        (lambda model: model.with_theta(np.nextafter(model.theta, 9)), "another model"),
        (lambda model: replace(model, training={"optimizer": "adam"}), "training in the header"),
        (
            lambda model: replace(model, data={**model.data, "y_train": model.data["y_train"][::-1]}),
            "other data",
        ),
    ],
)
def test_whatever_changes_in_the_model_or_its_data_changes_the_key(tmp_path, change, message):
    model, output = small_model(), tmp_path / "r.npz"
    scan(model, **CHOICES, output=output)
    with pytest.raises(InputError, match=message):
        scan(change(model), **CHOICES, output=output)


@pytest.mark.parametrize(
    "changed", [{"dtype": "float32"}, {"split": "train"}, {"examples": 40}, {"include_bias": True}]
)
def test_whatever_changes_the_numbers_changes_the_key(tmp_path, changed):
    output = tmp_path / "r.npz"
    scan(small_model(), **CHOICES, output=output)
    with pytest.raises(InputError, match="other settings"):
        scan(small_model(), **{**CHOICES, **changed}, output=output)


def test_a_compiled_function_of_the_users_is_scanned_at_every_point():
    @numba.njit
    def toy(theta):
        return (1.0 - theta[0] * theta[1]) ** 2

    record = scan(CompiledObjective(toy, size=2), center=np.zeros(2), direction=np.eye(2), points=21, span=2)
    first, second = np.meshgrid(*record.axes, indexing="ij")
    assert np.allclose(record.values["train_loss"], (1.0 - first * second) ** 2, rtol=1e-14, atol=1e-14)
    assert record.center_values == {"train": {"loss": 1.0}}


def test_callables_are_scanned_like_networks_shapes_and_gradient_included():
    model = small_model(test=0)
    network = NetworkObjective(model, "train", dtype="float64", threads=1)
    plain = CallableObjective(network.value, network.gradient, size=model.size)
    shapes = [slot.shape for slot in model.layout]
    for choice in ({"normalize": "filter"}, {"direction": "gradient"}):
        expected = scan(model, **CHOICES, **choice)
        found = scan(plain, center=model.theta, shapes=shapes, points="5x3", **choice)
        assert np.allclose(found.directions, expected.directions, rtol=1e-9, atol=1e-12)
        assert np.allclose(found.values["train_loss"], expected.values["train_loss"], rtol=1e-9)


def test_threads_are_not_of_the_key(tmp_path):
    first = scan(small_model(), **CHOICES, output=tmp_path / "r.npz")
    assert scan(small_model(), **{**CHOICES, "threads": 2}, output=tmp_path / "r.npz") == first
