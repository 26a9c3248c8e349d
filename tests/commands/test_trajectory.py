"""`landscape trajectory`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from landscape.commands import main
from landscape.model import save_model
from landscape.records import load_record
from tests.scanning.examples import small_model
from tests.trajectories.test_trajectory import with_checkpoints

FAST = ("--threads", "1", "--points", "5")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with `m.npz` in it: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    save_model(with_checkpoints(), tmp_path / "m.npz")

    def run(*arguments, model="m.npz"):
        with pytest.raises(SystemExit) as end:
            main(["trajectory", model, *FAST, *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_records_and_figures_are_named_after_model_and_command(run, tmp_path):
    status, out, err = run()
    names = {f"m.trajectory.points5{end}" for end in (".npz", ".plane.npz", ".path.png", ".out_of_plane.png")}
    assert status == 0
    assert {path.name for path in tmp_path.iterdir()} == {"m.npz", *names}
    assert all(name in err for name in names)
    assert "of the variance around θ" in out


def test_json_is_one_object_and_quiet_is_quiet(run):
    status, out, err = run("--json", "--quiet", "--no-figure")
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert told["record"] == "trajectory"
    assert len(told["captured"]) == 2
    assert told["files"] == ["m.trajectory.points5.npz", "m.trajectory.points5.plane.npz"]


def test_a_model_without_checkpoints_is_bad_input(run, tmp_path):
    save_model(replace(small_model(), checkpoints=None, checkpoint_steps=None), tmp_path / "none.npz")
    status, _, err = run(model="none.npz")
    assert status == 2
    assert "checkpoints" in err
    assert len(err.splitlines()) == 1


def test_a_fresh_run_is_drawn_as_a_film(run, tmp_path):
    status, out, err = run("--optimizer", "sgd", "--steps", "6", "--animate", "run.gif", "--no-figure")
    assert status == 0
    assert (tmp_path / "run.gif").read_bytes().startswith(b"GIF8")
    assert "7 checkpoints" in out
    assert "run.gif" in err


def test_a_fresh_run_is_kept_beside_the_record_and_gone_on_with(run, tmp_path, monkeypatch):
    from landscape.objective import trainer

    arguments = ("--optimizer", "adam", "--steps", "9", "--no-figure")
    stem = "m.trajectory.points5.adam.steps9"
    before, parts = trainer.Trainer.advance, []
    monkeypatch.setattr(trainer, "FIRST_CHUNK", 2)
    monkeypatch.setattr("landscape.objective.cpu_training.CHUNK_SECONDS", 0.0)

    def press(self, stop, log=None):
        parts.append(stop)
        if len(parts) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return before(self, stop, log)

    monkeypatch.setattr(trainer.Trainer, "advance", press)
    status, _, err = run(*arguments)
    assert status == 130
    assert f"{stem}.run.npz keeps what is done, and the same command goes on from there" in err
    assert run(*arguments)[0] == 0
    cut = load_record(tmp_path / f"{stem}.npz")
    assert run(*arguments, "--output", "whole")[0] == 0
    whole = load_record(tmp_path / "whole.npz")
    assert replace(cut, seconds=0.0) == replace(whole, seconds=0.0)
    assert run(*arguments)[0] == 0
    assert load_record(tmp_path / f"{stem}.npz") == cut
    before = (tmp_path / f"{stem}.run.npz").read_bytes()
    status, _, err = run("--optimizer", "adam", "--steps", "12", "-o", stem)
    assert status == 2
    assert "a run of 9 steps, expected 12" in err
    assert (tmp_path / f"{stem}.run.npz").read_bytes() == before


def test_a_fresh_run_that_diverges_at_once_leaves_no_path_to_draw(run, tmp_path):
    x = np.random.default_rng(0).standard_normal((20, 3))
    np.savez(tmp_path / "line.npz", W=np.ones((3, 1)), b=np.zeros(1), x=x, y=x[:, :1])
    status, _, err = run("--optimizer", "sgd", "--learning-rate", "1000", "--steps", "900", model="line.npz")
    assert status == 1
    assert "before its second checkpoint" in err


def test_a_film_of_another_kind_is_refused_before_the_work(run, tmp_path):
    status, _, err = run("--animate", "run.avi")
    assert status == 2
    assert ".gif or .mp4" in err
    assert not list(tmp_path.glob("m.trajectory*"))


def test_an_initialization_without_an_optimizer_is_refused(run):
    status, _, err = run("--init", "he")
    assert status == 2
    assert "--optimizer" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "m"), ("--direction", "sideways"), ("--direction", "between"), ("--direction", "none.npz"), ("--points", "1"),
        ("--points", "3x3x3"), ("--span", "2:1"), ("--span", "1", "--span", "1", "--span", "1"), ("--split", "test"),
        ("--span", "1:1.0000000000000002"), ("--optimizer", "moon"), ("--init", "moon"), ("--recompute-statistics",), ("--device", "cuda:99"),
        ("--batch-size", "1000", "--recompute-statistics"), ("--batch-size", "1000", "--init", "moon"),
        ("--batch-size", "1000", "--direction", "short.npz"), ("--normalize", "layer", "--direction", "biases.npz"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_before_a_run_is_trained_for_it(
    arguments, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    model = small_model(test=0)
    save_model(model, tmp_path / "m.npz")
    rows = np.zeros((2, model.size))
    for slot in model.layout:
        rows[:, slot.start : slot.stop] = slot.parameter == "bias"
    rows[1, -1] = 2.0
    np.savez(tmp_path / "biases.npz", directions=rows)
    np.savez(tmp_path / "short.npz", directions=np.ones((2, 5)))
    before = {path.name for path in tmp_path.iterdir()}

    def trained(*_, **__):
        raise AssertionError("trained before the refusal")

    monkeypatch.setattr("landscape.training.run.travel", trained)
    with pytest.raises(SystemExit) as end:
        main(["trajectory", "m.npz", "--optimizer", "sgd", "--steps", "3", *arguments])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_run_of_other_settings_in_the_way_is_refused_before_anything_is_said(run, tmp_path):
    arguments = ("--optimizer", "sgd", "--steps", "3", "--output", "r", "--no-figure")
    assert run(*arguments)[0] == 0
    (tmp_path / "r.npz").unlink()
    status, _, err = run(*arguments, "--batch-size", "1000")
    assert status == 2
    assert err.count("\n") == 1
