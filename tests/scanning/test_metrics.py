"""Metrics in scans: columns beside the loss, taken up where a scan was cut short, part of what a record is known by."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import landscape
from landscape.commands import main
from landscape.errors import InputError
from landscape.model import build_model, save_model
from landscape.objective import NetworkObjective, metric_sweep
from landscape.records import Scan, keeper
from landscape.scanning import scan
from tests.scanning.examples import small_model

CHOICES = {"points": 3, "dtype": "float64", "threads": 1, "metrics": ["top2", "mean_iou"]}


def test_a_record_has_the_metrics_of_both_splits_with_errors_and_the_models_own():
    model = small_model()
    record = scan(model, **CHOICES, examples=60, seed=4)
    for split in ("train", "test"):
        objective = NetworkObjective(model, split, threads=1, examples=60, seed=4, metrics=CHOICES["metrics"])
        there = objective.evaluate(record.center + record.axes[0][0] * record.directions[0])
        for name in CHOICES["metrics"]:
            assert record.values[f"{split}_{name}"][0, 1] == pytest.approx(there.metrics[name], rel=1e-12)
            error = record.errors[f"{split}_{name}"][0, 1]
            assert error == pytest.approx(there.metric_errors[name], rel=1e-9)
            assert record.center_values[split][name] == objective.evaluate(model.theta).metrics[name]
    assert record.settings["metrics"] == CHOICES["metrics"]
    assert set(record.summary()["center"]["test"]) == {"loss", "accuracy", "top2", "mean_iou"}


def test_the_loss_is_that_of_a_scan_without_metrics_to_the_bit():
    plain = scan(small_model(), **{**CHOICES, "metrics": ()})
    record = scan(small_model(), **CHOICES)
    assert "metrics" not in plain.settings
    for name, column in plain.values.items():
        assert record.values[name].tobytes() == column.tobytes()


class StopError(Exception):
    """Stands for a kill: nothing is saved after it."""


@pytest.mark.parametrize("stop", [0, 4, 8])
def test_a_scan_that_was_cut_short_ends_with_the_bytes_of_an_unbroken_one(tmp_path, monkeypatch, stop):
    monkeypatch.setattr(keeper, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(keeper, "SAVE_PART", np.inf)
    whole = scan(small_model(), **CHOICES)
    point_of = metric_sweep.point_of

    def stopping(center, directions, axes, number):
        if number == stop:
            raise StopError
        return point_of(center, directions, axes, number)

    monkeypatch.setattr(metric_sweep, "point_of", stopping)
    path = tmp_path / "s.npz"
    with pytest.raises(StopError):
        scan(small_model(), **CHOICES, output=path)
    partial = Scan.load(path)
    assert not partial.finished
    assert partial.share < 1
    monkeypatch.setattr(metric_sweep, "point_of", point_of)
    assert replace(scan(small_model(), **CHOICES, output=path), seconds=0.0) == replace(whole, seconds=0.0)


def test_other_metrics_are_another_scan(tmp_path):
    path = tmp_path / "s.npz"
    scan(small_model(), **CHOICES, output=path)
    with pytest.raises(InputError, match="metrics"):
        scan(small_model(), **{**CHOICES, "metrics": "top1"}, output=path)
    objective = NetworkObjective(small_model(), threads=1, metrics="top1")
    record = scan(objective, center=small_model().theta, points=3, direction="random")
    assert set(record.values) == {"train_loss", "train_accuracy", "train_top1"}
    assert record.settings["metrics"] == ["top1"]
    np.testing.assert_array_equal(record.values["train_top1"], record.values["train_accuracy"])


def test_on_the_way_to_another_model_both_ends_have_their_own():
    one = small_model()
    other = one.with_theta(small_model(seed=1).theta)
    record = scan(
        one, direction="between", to=other, dimensions=1, points=3, dtype="float64", threads=1, metrics="top2"
    )
    assert record.end_values["test"]["top2"] == pytest.approx(record.values["test_top2"][-1], abs=1e-12)


def test_what_has_no_metrics_is_refused():
    with pytest.raises(InputError, match="metrics go with the quantity loss, found curvature"):
        scan(small_model(), points=3, quantity="curvature", metrics="top2")
    objective = NetworkObjective(small_model(), threads=1)
    with pytest.raises(InputError, match="an objective has its own metrics: choose them where it is made"):
        scan(objective, center=small_model().theta, points=3, metrics=["top2"])


def ended(*words):
    """Run a command to its good end."""
    with pytest.raises(SystemExit) as status:
        main(words)
    assert status.value.code == 0


def test_the_command_names_its_record_after_them_and_says_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_model(small_model(), "m.npz")
    words = (
        "scan",
        "m.npz",
        "--points",
        "3",
        "--dimensions",
        "1",
        "--threads",
        "1",
        "--metric",
        "top2",
        "--metric",
        "macro_f1",
    )
    ended(*words, "--quiet")
    assert "top2 0." in capsys.readouterr().out
    assert set(landscape.load_record("m.scan.1d.points3.top2-macro_f1.npz").values) >= {
        "train_top2",
        "test_macro_f1",
    }
    assert (tmp_path / "m.scan.1d.points3.top2-macro_f1.curves.png").exists()
    ended(*words, "--json", "--quiet")
    assert set(json.loads(capsys.readouterr().out)["center"]["train"]) == {
        "loss",
        "accuracy",
        "top2",
        "macro_f1",
    }


def test_the_command_refuses_in_one_line_what_the_loss_does_not_have(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x = np.eye(3)
    save_model(build_model(layers=[(x, np.zeros(3))], loss="mse", x_train=x, y_train=x), "m.npz")
    with pytest.raises(SystemExit) as status:
        main(["scan", "m.npz", "--metric", "top5"])
    assert status.value.code == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "no metric 'top5' of the loss mse: choose mean_absolute_error, " in told
    (tmp_path / "made.py").write_text("def make(): ...\n")
    with pytest.raises(SystemExit):
        main(["scan", "made.py:make", "--metric", "top5"])
    assert "--metric: is for a model's file; with FILE.py:NAME it is chosen" in capsys.readouterr().err
