"""A training does what the referee does, keeps its history, stops when it diverges, and gives the same result after any interruption."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from landscape.errors import InputError
from landscape.machine import cpu_kind
from landscape.model import build_model, load_model, save_model
from landscape.objective import trainer
from landscape.training import DivergenceError, Recipe, initialize, new_model, run, train
from tests import reference
from tests.cases import CASES
from tests.scanning.examples import small_model
from tests.training import twins

MODEL = small_model(examples=45, test=20)
COMMON = {"dtype": "float64", "threads": 1}


def twin(model, recipe):
    """Give the referee's θ after the recipe's steps."""

    def gradient(theta, step):
        rows = twins.batch(recipe, step, model.examples("train"))
        return reference.gradient(model, theta, rows=rows)

    *_, last = islice(twins.descend(recipe, model.theta, gradient), recipe.steps + 1)
    return last


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 7, "steps": 20},
        {"optimizer": "sam", "learning_rate": 0.05, "batch_size": 16, "steps": 6, "clip": 0.5},
        {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 45, "steps": 4, "weight_decay": 0.3},
        {"optimizer": "nesterov", "batch_size": 10, "steps": 8, "replacement": True, "schedule": "cosine", "warmup": 3},
    ],
    ids=lambda settings: settings["optimizer"],
)  # fmt: skip
def test_a_training_is_the_referees(settings):
    recipe = Recipe(**settings)
    model = replace(MODEL, weight_decay=recipe.weight_decay or 0.0)
    done = train(MODEL, **settings, **COMMON)
    np.testing.assert_allclose(done.theta, twin(model, recipe), rtol=1e-9, atol=1e-11)


def test_a_batch_of_several_tiles_is_one_batch(monkeypatch):
    monkeypatch.setattr("landscape.objective.tiles.TILE_BYTES", 1)
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 41, "steps": 5}
    done = train(MODEL, **settings, **COMMON)
    np.testing.assert_allclose(done.theta, twin(MODEL, Recipe(**settings)), rtol=1e-9, atol=1e-11)


def test_other_layers_and_losses_train_too():
    rng = np.random.default_rng(0)
    model = build_model(
        nodes=[
            {"name": "first", "op": "dense"},
            {"name": "bend", "op": "tanh"},
            {"name": "second", "op": "dense"},
            {"name": "norm", "op": "layernorm"},
            {"name": "sum", "op": "add", "inputs": ["norm", "bend"]},
            {"name": "last", "op": "dense"},
        ],
        parameters={
            "first.weight": rng.standard_normal((5, 3)), "second.weight": rng.standard_normal((5, 5)),
            "second.bias": rng.standard_normal(5), "norm.weight": np.ones(5), "norm.bias": np.zeros(5),
            "last.weight": rng.standard_normal((2, 5)), "last.bias": np.zeros(2),
        },
        loss="huber", loss_scale=2.0, weight_decay={"last.weight": 0.1},
        x_train=rng.standard_normal((23, 3)), y_train=rng.standard_normal((23, 2)),
    )  # fmt: skip
    settings = {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 9, "steps": 8}
    done = train(model, **settings, **COMMON)
    np.testing.assert_allclose(done.theta, twin(model, Recipe(**settings)), rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("name", ["conv_padded", "causal_transformer"])
def test_images_and_tokens_train_too(name):
    model = CASES[name].model
    settings = {"optimizer": "adam", "learning_rate": 0.003, "batch_size": 4, "steps": 3}
    done = train(model, **settings, **COMMON)
    moved = np.linalg.norm(done.theta - model.theta)
    assert np.linalg.norm(done.theta - twin(model, Recipe(**settings))) < 1e-6 * moved


def test_the_history_is_that_of_the_whole_data():
    done = train(MODEL, steps=6, history=3, checkpoints=2, weight_decay=0.2, **COMMON)
    assert done.history["step"].tolist() == [0, 3, 6]
    assert done.checkpoint_steps.tolist() == [0, 6]
    for row, theta in zip((0, 2), done.checkpoints, strict=True):
        expected = reference.loss(done, theta), reference.loss(done, theta, "test")
        found = done.history["train_loss"][row], done.history["test_loss"][row]
        assert found == pytest.approx(expected, rel=1e-12)
        norm = np.linalg.norm(reference.gradient(done, theta))
        assert done.history["gradient_norm"][row] == pytest.approx(norm, rel=1e-10)
    assert done.history["learning_rate"].tolist() == [0.01] * 3
    assert done.training["optimizer"] == "sgd"
    assert done.training["history_loss"] == "full"


def test_a_training_cut_anywhere_and_resumed_has_the_bits_of_an_unbroken_one(tmp_path, monkeypatch):
    settings = {"optimizer": "amsgrad", "batch_size": 8, "steps": 40, "history": 5, "checkpoints": 4} | COMMON
    whole, cut = tmp_path / "whole.npz", tmp_path / "cut.npz"
    train(MODEL, output=whole, **settings)
    monkeypatch.setattr(trainer, "FIRST_CHUNK", 7)
    monkeypatch.setattr("landscape.objective.cpu_training.CHUNK_SECONDS", 0.0)

    def stop(share, words):
        if words.split()[0] in ("7", "23", "24"):
            raise KeyboardInterrupt

    for expected in (7, 23, 24):
        if expected > 7:
            monkeypatch.setattr(trainer, "FIRST_CHUNK", 1)
        with pytest.raises(KeyboardInterrupt):
            train(MODEL, output=cut, progress=skipping(stop), **settings)
        assert int(load_model(cut).optimizer["step"]) == expected
    train(MODEL, output=cut, **settings)
    assert same_bits(whole, cut)


def skipping(stop):
    """Leave out the call that says where a run starts."""
    calls = []

    def progress(share, words):
        if calls:
            stop(share, words)
        calls.append(share)

    return progress


def same_bits(one, other):
    with np.load(one) as a, np.load(other) as b:
        return a.files == b.files and all(a[name].tobytes() == b[name].tobytes() for name in a.files)


def test_a_finished_training_is_not_done_again_and_another_is_not_overwritten(tmp_path):
    path, said = tmp_path / "m.npz", []
    settings = {"steps": 5, "output": path} | COMMON
    train(MODEL, **settings)
    before = path.read_bytes()
    train(MODEL, announce=said.append, **settings)
    assert "finished" in said[0]
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="--fresh"):
        train(MODEL, learning_rate=0.5, **settings)
    with pytest.raises(InputError, match="--fresh"):
        train(MODEL.with_theta(MODEL.theta + 1), **settings)
    done = train(MODEL, learning_rate=0.5, fresh=True, **settings)
    assert load_model(path).theta.tolist() == done.theta.tolist()


def test_a_training_that_another_kind_of_cpu_began_says_so(tmp_path):
    path, said = tmp_path / "m.npz", []
    train(MODEL, steps=10, output=path, **COMMON)
    begun = load_model(path)
    assert begun.training["machine"] == cpu_kind()
    save_model(replace(begun, training={**begun.training, "machine": "another, vectors of 16 bytes"}), path)
    longer = train(MODEL, steps=25, output=path, announce=said.append, **COMMON)
    assert said[0].startswith(
        "resuming at 40% what another kind of CPU began (another, vectors of 16 bytes; here "
    )
    assert longer.training["machine"] == f"another, vectors of 16 bytes; then {cpu_kind()}"


def test_a_finished_training_is_extended_to_the_parameters_of_the_longer_one(tmp_path):
    path, said = tmp_path / "m.npz", []
    settings = {"optimizer": "adam", "schedule": "inverse_sqrt", "warmup": 3, "history": 3} | COMMON
    train(MODEL, steps=10, output=path, **settings)
    longer = train(MODEL, steps=25, output=path, announce=said.append, **settings)
    whole = train(MODEL, steps=25, **settings)
    assert said == ["resuming at 40%"]
    assert longer.training == whole.training
    np.testing.assert_array_equal(longer.theta, whole.theta)
    np.testing.assert_array_equal(load_model(path).theta, whole.theta)
    for name in whole.optimizer:
        np.testing.assert_array_equal(longer.optimizer[name], whole.optimizer[name])
    assert set(longer.history["step"]) >= {0, 5, 10, 25}
    with pytest.raises(InputError, match="25 steps done, more than the 20"):
        train(MODEL, steps=20, output=path, **settings)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "one_cycle", "step", "exponential"])
def test_a_schedule_that_depends_on_the_length_is_not_extended_unless_the_length_was_given(
    tmp_path, schedule
):
    path = tmp_path / "m.npz"
    settings = {"schedule": schedule, "output": path} | COMMON
    train(MODEL, steps=10, **settings)
    before = path.read_bytes()
    with pytest.raises(InputError, match=f"'{schedule}' of a run of 20 has other rates"):
        train(MODEL, steps=20, **settings)
    assert path.read_bytes() == before
    train(MODEL, steps=10, schedule_steps=30, fresh=True, **settings)
    longer = train(MODEL, steps=20, schedule_steps=30, **settings)
    whole = train(MODEL, steps=20, schedule_steps=30, **{**settings, "output": None})
    np.testing.assert_array_equal(longer.theta, whole.theta)


def test_what_differs_from_the_training_in_the_way_is_named(tmp_path):
    settings = {"steps": 5, "output": tmp_path / "m.npz"} | COMMON
    train(MODEL, **settings)
    with pytest.raises(InputError, match=r"learning_rate 0\.01 there, 0\.5 here"):
        train(MODEL, learning_rate=0.5, **settings)
    with pytest.raises(InputError, match="other parameters at the start"):
        train(MODEL.with_theta(MODEL.theta + 1), **settings)


def test_a_training_that_diverged_is_not_told_twice(tmp_path):
    x = np.random.default_rng(0).standard_normal((20, 3))
    model = build_model(layers=[(np.ones((3, 1)), np.zeros(1))], loss="mse", x_train=x, y_train=x[:, :1])
    settings = {"learning_rate": 1e3, "batch_size": 20, "steps": 500, "output": tmp_path / "m.npz"} | COMMON
    for _ in range(2):
        with pytest.raises(DivergenceError) as caught:
            train(model, **settings)
        steps = caught.value.model.history["step"].tolist()
        assert len(set(steps)) == len(steps)


def test_a_training_that_diverges_names_the_step_and_keeps_the_last_finite_parameters(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 3))
    model = build_model(layers=[(np.ones((3, 1)), np.zeros(1))], loss="mse", x_train=x, y_train=x[:, :1])
    settings = {"learning_rate": 1e3, "batch_size": 20, "steps": 500} | COMMON
    with pytest.raises(DivergenceError, match="diverged: step") as caught:
        train(model, output=tmp_path / "m.npz", **settings)
    kept, step = caught.value.model, caught.value.step
    assert np.isfinite(kept.theta).all()
    assert kept.history["step"][-1] == step
    np.testing.assert_array_equal(load_model(tmp_path / "m.npz").theta, kept.theta)
    before = train(model, **settings | {"steps": step})
    np.testing.assert_array_equal(before.theta, kept.theta)


def test_dropout_masks_the_training_and_not_the_history():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 4)), rng.standard_normal((6, 1))
    model = build_model(
        nodes=[{"name": "drop", "op": "dropout", "p": 0.5}, {"name": "out", "op": "dense"}],
        parameters={"out.weight": np.ones((1, 4))}, loss="mse", x_train=x, y_train=y,
    )  # fmt: skip
    done = train(model, steps=1, batch_size=6, learning_rate=0.1, seed=3, **COMMON)
    from landscape.kernels.cpu.batches import draw_mask

    mask = np.zeros((4, 6))
    draw_mask(np.uint64(3), 1, 0, 0.5, mask)
    chosen = twins.batch(Recipe(seed=3, batch_size=6), 0, 6)
    dropped = x[chosen] * mask.T
    gradient = 2 * (dropped @ np.ones(4) - y[chosen, 0]) @ dropped / 6
    np.testing.assert_allclose(done.theta, 1 - 0.1 * gradient, rtol=1e-12)
    assert done.history["train_loss"][0] == pytest.approx(np.mean((x.sum(axis=1) - y[:, 0]) ** 2))


def hidden_dropout(p):
    """Six examples through eight ReLU units, some of them dropped, to one output."""
    rng = np.random.default_rng(5)
    return build_model(
        nodes=[
            {"name": "in", "op": "dense"}, {"name": "bend", "op": "relu"}, {"name": "drop", "op": "dropout", "p": p},
            {"name": "out", "op": "dense"},
        ],
        parameters={"in.weight": rng.standard_normal((8, 4)), "out.weight": rng.standard_normal((1, 8))}, loss="mse",
        x_train=rng.standard_normal((6, 4)), y_train=rng.standard_normal((6, 1)),
    )  # fmt: skip


def test_dropout_between_layers_masks_the_units_and_their_gradients():
    from landscape.kernels.cpu.batches import draw_mask
    from landscape.kernels.lowering import lower
    from landscape.program.codes import Op
    from landscape.program.table import Column

    model = hidden_dropout(0.4)
    done = train(model, steps=1, batch_size=6, learning_rate=0.1, seed=3, **COMMON)
    row = int(np.flatnonzero(lower(model, derivatives=True, training=True).rows[:, Column.OP] == Op.MASK)[0])
    mask = np.zeros((8, 6))
    draw_mask(np.uint64(3), row, 0, 0.4, mask)
    chosen = twins.batch(Recipe(seed=3, batch_size=6), 0, 6)
    x, y = model.data["x_train"][chosen], model.data["y_train"][chosen, 0]
    first, last = model.theta[:32].reshape(8, 4), model.theta[32:]
    units = np.maximum(x @ first.T, 0) * mask.T
    error = 2 * (units @ last - y) / 6
    back = (error[:, None] * last) * mask.T * (x @ first.T > 0)
    expected = model.theta - 0.1 * np.concatenate([(back.T @ x).ravel(), error @ units])
    assert 0 < np.count_nonzero(mask) < mask.size
    np.testing.assert_allclose(done.theta, expected, rtol=1e-12)


def test_dropout_of_nothing_changes_nothing_and_that_of_several_tiles_is_that_of_one(monkeypatch):
    settings = {"steps": 4, "batch_size": 5, "learning_rate": 0.05} | COMMON
    none = train(hidden_dropout(0.0), **settings)
    np.testing.assert_allclose(
        none.theta, twin(hidden_dropout(0.0), Recipe(steps=4, batch_size=5, learning_rate=0.05)), rtol=1e-9
    )
    whole = train(hidden_dropout(0.4), **settings)
    assert np.any(whole.theta != none.theta)
    monkeypatch.setattr("landscape.objective.tiles.TILE_BYTES", 1)
    np.testing.assert_allclose(train(hidden_dropout(0.4), **settings).theta, whole.theta, rtol=1e-10)


def test_initializations_have_their_scale():
    model = new_model_of(300, 200)
    for init, scale in (("he", np.sqrt(2 / 300)), ("xavier", np.sqrt(2 / 500)), ("normal", 0.01)):
        weight = initialize(model, init, 1)[: 300 * 200]
        assert weight.std() == pytest.approx(scale, rel=0.02)
        assert abs(weight.mean()) < 5 * scale / np.sqrt(weight.size)
    assert not initialize(model, "zero").any()
    assert np.any(initialize(model, "he", 1) != initialize(model, "he", 2))


def new_model_of(wide, out):
    return build_model(layers=[(np.zeros((wide, out)), np.zeros(out))], loss="mse",
                       x_train=np.zeros((1, wide)), y_train=np.zeros((1, out)))  # fmt: skip


def test_a_new_network_is_made_on_a_file_of_data(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x_train=np.zeros((5, 2, 3), np.uint8), y_train=np.arange(5) % 4)
    model = new_model(path, "6-8-4", activation="tanh")
    assert [node.op for node in model.nodes if node.op != "flatten"] == ["dense", "tanh", "dense"]
    assert model.size == 6 * 8 + 8 + 8 * 4 + 4
    assert model.loss == "cross_entropy"
    with pytest.raises(InputError, match="6 numbers an example"):
        new_model(path, "7-4")
    with pytest.raises(InputError, match="64-32-10"):
        new_model(path, "6-x")
    save_model(model, tmp_path / "m.npz")
    with pytest.raises(InputError, match="init"):
        train(model, init="best", **COMMON)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate: expected more than 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"optimizer": "adm"}, "adagrad_rms"),
        ({"schedule": "cos"}, "inverse_sqrt"),
        ({"steps": 10, "schedule_steps": 5}, "shorter than the run"),
        ({"steps": 10, "warmup": 10}, "warmup"),
        ({"momentum": 1.0}, "momentum"),
        ({"batch_size": 0}, "batch_size"),
        ({"steps": 1, "epochs": 1}, "steps or epochs"),
        ({"epochs": -1}, "epochs"),
        ({"rate": 1.0}, "learning_rate"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        train(MODEL, **settings, **COMMON)


def test_a_start_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="not finite"):
        train(MODEL.with_theta(np.full(MODEL.size, np.inf)), **COMMON)


def test_a_batch_larger_than_the_data_is_all_of_it():
    said = []
    done = train(MODEL, batch_size=1000, steps=2, announce=said.append, **COMMON)
    assert "45 examples" in said[0]
    np.testing.assert_array_equal(done.theta, train(MODEL, batch_size=45, steps=2, **COMMON).theta)


def test_checkpoints_that_do_not_fit_on_the_disk_are_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(run.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000})())
    with pytest.raises(InputError, match="checkpoints take"):
        train(MODEL, output=tmp_path / "m.npz", **COMMON)
    assert not list(tmp_path.iterdir())


def test_a_start_without_a_finite_loss_is_refused_and_nothing_written(tmp_path):
    model = small_model().with_theta(np.full(small_model().size, 1e30))
    with pytest.raises(InputError, match=r"the start: expected a finite training loss, found .* in float32"):
        train(model, steps=5, output=tmp_path / "run.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("steps", [0, 2**60, 10**30, float("nan"), 1.5])
def test_a_number_of_steps_that_cannot_be_counted_is_refused(steps):
    with pytest.raises(InputError, match="steps: expected a whole number from 1"):
        Recipe(steps=steps)


def test_a_new_network_takes_data_by_their_short_names_and_no_more_than_fits(tmp_path):
    x, y = np.random.default_rng(0).standard_normal((9, 2)), np.arange(9) % 3
    np.savez(tmp_path / "data.npz", x=x, y=y, x_scale=np.ones(2))
    assert new_model(tmp_path / "data.npz", "2-4-3").size == 2 * 4 + 4 + 4 * 3 + 3
    with pytest.raises(InputError, match="GiB to make"):
        new_model(tmp_path / "data.npz", "2-1000000000000-3")
