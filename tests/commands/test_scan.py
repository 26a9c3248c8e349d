"""`landscape scan`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from landscape.commands import main
from landscape.model import save_model
from landscape.records import Scan
from tests.scanning.examples import small_model

FAST = ("--points", "5", "--no-figure", "--threads", "1")
# Short steps, and a save after each, so that a kill may fall into one.
EAGER = """
import sys
from landscape.commands import main
from landscape.objective import sweep
from landscape.records import keeper
sweep.STEP_WORK = 1e8
keeper.SAVE_SECONDS = 0.02
keeper.SAVE_PART = 1.0
main(sys.argv[1:])
"""
LONG = ("--points", "61", "--no-figure", "--threads", "1", "--split", "train")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with `m.npz` in it."""
    monkeypatch.chdir(tmp_path)
    save_model(small_model(), tmp_path / "m.npz")
    return tmp_path


@pytest.fixture
def run(folder, capsys):
    """Run the command in the folder: exit status, stdout, stderr."""

    def run(*arguments, model="m.npz"):
        with pytest.raises(SystemExit) as end:
            main(["scan", model, *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def content(path):
    record = Scan.load(path)
    return replace(record, seconds=0.0)


def test_a_record_and_figures_are_named_after_the_model_in_the_working_directory(run, folder):
    status, out, err = run("--points", "5")
    assert status == 0
    figures = sorted(path.name for path in folder.glob("m.scan.*.png"))
    assert {"m.scan.points5.contour.png", "m.scan.points5.surface.png"} <= set(figures)
    assert Scan.load(folder / "m.scan.points5.npz").finished
    assert all(name in err for name in ["m.scan.points5.npz", *figures])
    assert "m.scan" not in out


def test_people_get_a_table_with_centre_extremes_and_the_check(run):
    _, out, _ = run(*FAST)
    labels = [line.split("  ")[0] for line in out.splitlines()]
    assert labels == [
        "scan",
        "axis 1",
        "axis 2",
        "check",
        "center, train",
        "center, test",
        "minimum",
        "maximum",
        "surface",
        "diverged",
        "time",
    ]
    assert "have the norms of the network's rows" in out
    assert "cosine of the directions" in out
    assert "parameters that do not move" in out


def test_json_is_one_strict_object_with_the_keys_of_the_contract(run):
    _, out, _ = run(*FAST, "--json")
    summary = json.loads(out, parse_constant=pytest.fail)
    assert {"center", "minimum", "maximum", "diverged", "cosine", "points", "seconds"} <= set(summary)
    assert {"points_per_second", "files", "check", "directions"} <= set(summary)
    assert summary["center"].keys() == {"train", "test"}
    assert summary["points"] == 25
    assert summary["files"] == ["m.scan.points5.npz"]
    assert summary["check"]["filter_deviation"] < 1e-14
    assert summary["cosine"] == pytest.approx(summary["check"]["cosine"], abs=1e-14)


def test_quiet_says_nothing_on_stderr(run):
    assert run(*FAST, "--quiet", "--json", "--examples", "90")[2] == ""


def test_output_names_the_files_with_or_without_the_suffix(run, folder):
    (folder / "sub").mkdir()
    run(*FAST, "--output", "sub/a")
    run(*FAST, "--output", "sub/b.npz")
    assert sorted(path.name for path in (folder / "sub").iterdir()) == ["a.npz", "b.npz"]


@pytest.mark.parametrize("figure_format", ["svg", "pdf"])
def test_figures_may_have_other_formats(run, folder, figure_format):
    run("--points", "5", "--dimensions", "1", "--figure-format", figure_format)
    assert list(folder.glob(f"m.scan.*.{figure_format}"))


def test_one_and_three_dimensions_have_one_and_three_axes(run, folder):
    for dimensions in (1, 3):
        run(*FAST, "--dimensions", str(dimensions), "--output", f"d{dimensions}")
        assert len(Scan.load(folder / f"d{dimensions}.npz").axes) == dimensions


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--direction", "sideways"], "random, gradient, principal, eigen, between"),
        (["--direction", "missing.npz"], "missing.npz"),
        (["--normalize", "weights"], "filter, layer, none, found 'weights'"),
        (["--split", "validation"], "train, test, both"),
        (["--dtype", "float16"], "float32, float64, found 'float16'; did you mean 'float64'?"),
        (["--points", "0"], "no points"),
        (["--points", "5x5x5"], "3 axes"),
        (["--span", "2:1"], "range"),
        (["--span", "0"], "range"),
        (["--span", "nan"], "range"),
        (["--span", "1", "--span", "1", "--span", "1"], "3 spans"),
        (["--dimensions", "4"], "a whole number from 1 to 3"),
        (["--direction", "between"], "--to"),
        (["--to", "m.npz"], "between"),
        (["--direction", "between", "--to", "missing.npz"], "missing.npz"),
        (["--direction", "between", "--to", "m.npz"], "same parameters"),
        (["--output", "missing/r"], "no folder"),
        (["--output", ""], "names no file"),
        (["--output", "m"], "never overwritten"),
        (["--save-directions", "m.npz"], "so it is not overwritten"),
        (["--save-directions", "missing/d.npz"], "no folder"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_bad_usage_ends_with_2_and_one_sentence_and_writes_nothing(run, folder, arguments, told):
    status, out, err = run("--no-figure", *arguments)
    assert status == 2
    assert out == ""
    assert told in err
    assert "Error: " in err.splitlines()[-1]
    assert [path.name for path in folder.iterdir()] == ["m.npz"]


def test_principal_of_a_file_without_checkpoints_is_refused(run, folder):
    save_model(replace(small_model(), checkpoints=None, checkpoint_steps=None), folder / "n.npz")
    status, _, err = run("--direction", "principal", model="n.npz")
    assert status == 2
    assert "checkpoints" in err


def test_a_model_that_is_not_there_is_refused(run):
    status, _, err = run(model="missing.npz")
    assert status == 2
    assert "missing.npz" in err


def test_saved_directions_give_the_same_surface(run, folder):
    run(*FAST, "--save-directions", "d.npz", "--output", "first")
    run(*FAST, "--direction", "d.npz", "--output", "second")
    first, second = Scan.load(folder / "first.npz"), Scan.load(folder / "second.npz")
    assert np.array_equal(first.values["train_loss"], second.values["train_loss"])
    assert first.settings["normalize"] == "filter"
    assert second.settings["normalize"] == "none"


def test_a_span_for_each_axis(run, folder):
    run(*FAST, "--span", "0.5", "--span=-1:3")
    axes = Scan.load(folder / "m.scan.points5.span0.5-span-1to3.npz").axes
    assert [(axis[0], axis[-1]) for axis in axes] == [(-0.5, 0.5), (-1.0, 3.0)]


def test_auto_says_what_it_chose(run):
    _, _, err = run(*FAST, "--span", "auto")
    assert "axis 1: span -" in err
    assert "(auto)" in err


def test_what_fills_the_second_axis_is_said(run):
    _, _, err = run(*FAST, "--direction", "gradient")
    assert "the other axis is random, orthogonal to 'gradient'" in err


def test_captured_variance_is_said(run):
    _, _, err = run(*FAST, "--direction", "principal")
    assert "captured variance" in err


def test_the_same_command_again_computes_nothing_and_says_so(run, folder):
    first = run(*FAST, "--json")[1]
    before = (folder / "m.scan.points5.npz").read_bytes()
    status, out, err = run(*FAST, "--json")
    assert status == 0
    assert json.loads(out) == json.loads(first)
    assert "finished already" in err
    assert (folder / "m.scan.points5.npz").read_bytes() == before


def test_other_settings_are_refused_unless_fresh(run, folder):
    run(*FAST, "-o", "r")
    status, _, err = run(*FAST, "--span", "2", "-o", "r")
    assert status == 2
    assert "span" in err
    assert "--fresh" in err
    assert run(*FAST, "--span", "2", "-o", "r", "--fresh")[0] == 0
    assert Scan.load(folder / "r.npz").axes[0][0] == -2.0


def test_a_refused_scan_keeps_no_directions(run, folder):
    assert run(*FAST, "-o", "r")[0] == 0
    status, _, err = run(*FAST, "--span", "2", "-o", "r", "--save-directions", "d.npz")
    assert status == 2
    assert err.count("\n") == 1
    assert not (folder / "d.npz").exists()


def start(folder, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", EAGER, "scan", "m.npz", *LONG, *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process):
    out, err = process.communicate()
    return process.returncode, out, err


@pytest.fixture
def long_folder(folder):
    """The model has so many examples that a scan takes a second or two."""
    save_model(small_model(examples=10_000), folder / "m.npz")
    return folder


def wait_for(path, process):
    """Wait for the first save."""
    while not path.exists() and process.poll() is None:
        time.sleep(0.005)


def test_a_scan_killed_at_random_moments_ends_with_the_bytes_of_an_unbroken_one(long_folder):
    assert finish(start(long_folder, "--output", "whole"))[0] == 0
    moments, path = random.Random(0), long_folder / "broken.npz"
    kills = 0
    while kills < 3:
        process = start(long_folder, "--output", "broken")
        wait_for(path, process)
        # The first one at once, while there is the most left to do.
        time.sleep(moments.uniform(0, 0.5) if kills else 0.0)
        process.kill()
        kills += finish(process)[0] == -signal.SIGKILL
        if path.exists() and Scan.load(path).finished:
            break
    assert kills
    status, _, err = finish(start(long_folder, "--output", "broken"))
    assert status == 0, err
    assert content(path) == content(long_folder / "whole.npz")
    assert sorted(found.name for found in long_folder.iterdir()) == ["broken.npz", "m.npz", "whole.npz"]


def test_ctrl_c_ends_with_130_a_file_that_loads_and_a_sentence(long_folder):
    path = long_folder / "m.scan.points61.train.npz"
    process = start(long_folder)
    wait_for(path, process)
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)
    assert status == 130
    assert out == ""
    assert "the same command goes on from there" in err
    assert "Traceback" not in err
    assert not Scan.load(path).finished
    status, _, err = finish(start(long_folder))
    assert status == 0
    assert "resuming at" in err
    assert Scan.load(path).finished


def test_a_full_disk_in_the_middle_ends_with_1_one_line_and_the_last_good_record(long_folder):
    path = long_folder / "m.scan.points61.train.npz"
    process = start(long_folder)
    wait_for(path, process)
    process.send_signal(signal.SIGINT)
    finish(process)
    before = path.read_bytes()
    limit = len(before) // 2

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    status, out, err = finish(start(long_folder, preexec_fn=small_files))
    assert status == 1, err
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("Error: ")
    assert path.read_bytes() == before
