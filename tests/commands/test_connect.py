"""`landscape connect` and `landscape align`: what they print and write, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import landscape
from landscape.commands import main
from landscape.model import load_model, save_model
from landscape.records import load_record
from tests.alignment.test_align import planted
from tests.cases import CASES
from tests.connection.test_networks import A, B, network


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, model in (("a", A), ("b", B), ("c", network(3)), ("turned", planted(A, 2))):
        save_model(model, f"{name}.npz")
    return tmp_path


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(words))
    return int(end.value.code or 0)


def test_connect_writes_a_record_and_a_figure_and_says_so_in_json(folder, capsys):
    assert run("connect", "a.npz", "b.npz", "--align", "--json", "--threads", "1") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["record"] == "connection"
    assert told["connected"] in ("connected", "barrier", "not resolved")
    assert told["barrier"].keys() == {"value", "error", "at"}
    assert told["files"] == ["a.connect.align.to-b.npz", "a.connect.align.to-b.paths.png"]
    assert all((folder / name).exists() for name in told["files"])
    record = load_record("a.connect.align.to-b.npz")
    assert record.summary()["barrier"] == told["barrier"]
    assert run("connect", "a.npz", "b.npz", "--align", "--json", "--threads", "1") == 0
    captured = capsys.readouterr()
    assert "was finished already" in captured.err
    assert json.loads(captured.out)["barrier"] == told["barrier"]


def test_the_table_names_the_ends_the_barriers_and_what_is_left_out(folder, capsys):
    assert run("connect", "a.npz", "b.npz", "--points", "5", "--no-figure", "--quiet") == 0
    text = capsys.readouterr().out
    for words in (
        "a.npz",
        "b.npz",
        "above the line between",
        "above the higher end",
        "any plane that can be drawn",
    ):
        assert words in " ".join(text.split())


def test_align_writes_a_model_that_computes_the_same(folder, capsys):
    assert run("align", "a.npz", "turned.npz", "-o", "back.npz", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["agreement"] <= 1e-12
    assert told["distance_after"] == 0.0 < told["distance_before"]
    assert np.array_equal(load_model("back.npz").theta, A.theta)
    assert run("align", "a.npz", "turned.npz", "-o", "back.npz") == 2
    assert "--fresh" in capsys.readouterr().err


def test_a_plane_through_three_models_marks_them_and_the_curves(folder, capsys):
    assert (
        run(
            "connect",
            "a.npz",
            "b.npz",
            "c.npz",
            "--curve",
            "bezier",
            "--points",
            "5",
            "-o",
            "three",
            "--quiet",
        )
        == 0
    )
    plane = ("scan", "a.npz", "--direction", "plane", "--to", "b.npz", "--to", "c.npz", "--dtype", "float64")
    assert run(*plane, "--points", "5", "--overlay", "three.npz", "-o", "plane") == 0
    assert "out of the plane" in capsys.readouterr().err
    record = load_record("plane.npz")
    marks = {mark["name"]: mark for mark in record.settings["marks"]}
    assert marks["θ"]["at"] == [0.0, 0.0]
    assert marks["b.npz"]["at"] == pytest.approx([1.0, 0.0])
    for name, model in (("θ", A), ("b.npz", B), ("c.npz", network(3))):
        at = np.asarray(marks[name]["at"])
        assert np.allclose(record.center + at @ record.directions, model.theta)
        own = next(
            end
            for end in load_record("three.npz").report["ends"]
            if end["name"] == (name if name != "θ" else "a.npz")
        )
        assert marks[name]["loss"] == pytest.approx(own["train_loss"], rel=1e-12)
    assert np.allclose(np.linalg.norm(record.directions, axis=1), np.linalg.norm(B.theta - A.theta))
    assert abs(record.directions[0] @ record.directions[1]) < 1e-9
    assert len(record.settings["overlays"]) == 3
    # The surface has the same marks as the map.
    labels = [str(line.get_label()) for line in landscape.plot_surface(record).lines]
    assert all(
        any(label.startswith(name) for label in labels) for name in ("b.npz", "c.npz", "mean of the 3")
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["connect", "a.npz"], "Missing argument"),
        (["connect", "a.npz", "a.npz"], "a.npz: is given twice"),
        (["connect", "a.npz", "gone.npz"], "gone.npz"),
        (["connect", "a.npz", "b.npz", "--curve", "bezir"], "did you mean 'bezier'"),
        (["connect", "a.npz", "b.npz", "--curve", "bezier", "--recompute-statistics"], "needs batch normalization"),
        (["connect", "a.npz", "b.npz", "--recompute-statistics"], "--recompute-statistics: is for --curve"),
        (["connect", "a.npz", "b.npz", "--pivots", "9"], "--pivots: is for --band, which is not given"),
        (["connect", "a.npz", "b.npz", "--matching", "activations"], "--matching: is for --align"),
        (["connect", "a.npz", "b.npz", "--band", "--bends", "1"], "--bends: is for --curve"),
        (["connect", "a.npz", "b.npz", "-o", "b"], "b.npz"),
        (["align", "a.npz", "a.npz"], "nothing between them"),
        (["align", "a.npz", "turned.npz", "-o", "a.npz"], "a.npz"),
        (["scan", "a.npz", "--direction", "plane", "--to", "b.npz"], "needs the two models"),
        (["scan", "a.npz", "--direction", "between", "--to", "b.npz", "--to", "c.npz"], "'plane' only"),
        (["scan", "a.npz", "--overlay", "b.npz"], "give --direction plane"),
        (["scan", "a.npz", "--direction", "plane", "--to", "b.npz", "--to", "b.npz"], "on one line"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_a_line(folder, capsys, words, message):
    assert run(*words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert len(captured.err.strip().splitlines()) == 1


def test_a_plane_says_where_statistics_that_move_along_leave_no_loss():
    model = CASES["batchnorm_of_features"].model
    rng = np.random.default_rng(0)
    others = [
        replace(
            model.with_theta(model.theta + rng.standard_normal(model.size)),
            buffers={key: array * factor if "var" in key else array for key, array in model.buffers.items()},
        )
        for factor in (0.05, 4.0)
    ]
    said: list[str] = []
    record = landscape.scan(model, direction="plane", to=others, points=5, announce=said.append)
    assert np.isnan(record.values["train_loss"]).any()
    assert "a running variance may come below zero" in " ".join(said)
