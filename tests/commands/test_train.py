"""`landscape train`: what it writes, what it prints, how it ends."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.commands import main
from landscape.model import load_model, save_model
from tests.scanning.examples import small_model

FAST = ("--dtype", "float64", "--threads", "1")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with `m.npz` in it: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    save_model(small_model(examples=45, test=20), tmp_path / "m.npz")

    def run(*arguments, model="m.npz"):
        with pytest.raises(SystemExit) as end:
            main(["train", model, *FAST, *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_a_model_with_its_story_is_written(run, tmp_path):
    status, out, err = run("--optimizer", "adam", "--learning-rate", "0.01", "--epochs", "10", "--init", "he")
    model = load_model(tmp_path / "m.train.adam.he.float64.npz")
    assert status == 0
    assert "m.train.adam.he.float64.npz" in err
    assert "train_loss" in out
    assert model.history["train_loss"][-1] < model.history["train_loss"][0]
    assert model.training["init"] == "he"
    assert int(model.optimizer["step"]) == 20


def test_the_summary_is_one_json_object(run):
    status, out, _ = run("--steps", "3", "--json", "--quiet", "-o", "x.npz")
    found = json.loads(out)
    assert status == 0
    assert found["steps"] == 3
    assert found["files"] == ["x.npz"]
    assert found["training"]["learning_rate"] == 0.01


def test_a_new_architecture_is_trained_on_a_file_of_data(run, tmp_path):
    with np.load(tmp_path / "m.npz") as file:
        data = {name: file[name] for name in ("x_train", "y_train")}
    np.savez(tmp_path / "data.npz", **data)
    status, _, _ = run("--architecture", "6-5-3", "--activation", "tanh", "--steps", "2", model="data.npz")
    assert status == 0
    assert load_model(tmp_path / "data.train.6-5-3.float64.tanh.npz").size == 6 * 5 + 5 + 5 * 3 + 3


def test_divergence_ends_with_one_and_leaves_the_last_finite_parameters(run, tmp_path):
    x = np.random.default_rng(0).standard_normal((20, 3))
    np.savez(tmp_path / "line.npz", W=np.ones((3, 1)), b=np.zeros(1), x=x, y=x[:, :1])
    status, out, err = run("--learning-rate", "1000", "--json", model="line.npz")
    assert status == 1
    assert "diverged: step" in err
    assert json.loads(out)["diverged"] > 0
    assert np.isfinite(load_model(tmp_path / "line.train.rate1000.float64.npz").theta).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--learning-rate", "0"), "expected a number above 0, found '0'"),
        (("--optimizer", "adm"), "lion"),
        (("--schedule", "cos"), "cosine"),
        (("--steps", "10", "--schedule-steps", "5"), "shorter"),
        (("--init", "best"), "xavier"),
        (("-o", "no/such/folder/x.npz"), "no/such"),
    ],
)
def test_bad_input_ends_with_two_and_writes_nothing(run, tmp_path, arguments, message):
    status, out, err = run(*arguments)
    assert status == 2
    assert message in err
    assert out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["m.npz"]
