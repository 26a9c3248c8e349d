"""`landscape critical`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.commands import main
from landscape.critical import analysis
from landscape.model import load_model, save_model
from landscape.records import Atlas, Critical
from tests.critical.points import toy_network
from tests.critical.test_search import xor

FAST = ("--threads", "1", "--no-figure")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with a saddle in it: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    save_model(toy_network(0, 0), tmp_path / "toy.npz")
    save_model(xor(), tmp_path / "xor.npz")

    def run(*arguments, model="toy.npz"):
        with pytest.raises(SystemExit) as end:
            main(["critical", model, *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_a_saddle_is_named_drawn_and_left(run, tmp_path):
    status, out, err = run("--escape", "freed.npz")
    names = {f"toy.critical.{figure}.png" for figure in ("escape", "model", "random")}
    assert status == 0
    assert {path.name for path in tmp_path.glob("toy.critical*")} == {"toy.critical.npz", *names}
    assert "kind              saddle" in out
    assert "½λα² predicts -2, the loss changed by -1" in out
    assert "freed.npz" in err
    assert np.prod(load_model("freed.npz").theta) == pytest.approx(1, abs=1e-4)
    status, out, _ = run(*FAST, model="freed.npz")
    assert status == 0
    assert "degenerate minimum" in out


def test_json_is_one_object_of_the_contract(run):
    status, out, _ = run("--json", *FAST)
    told = json.loads(out)
    assert status == 0
    assert told["kind"] == "saddle"
    assert told["inertia"] == [1, 0, 1]
    assert told["files"] == ["toy.critical.npz"]


def test_a_search_writes_the_atlas_and_its_figure(run, tmp_path):
    status, out, err = run("--search", "6", model="xor.npz")
    assert status == 0
    assert Atlas.load(tmp_path / "xor.atlas.search6.npz").finished
    assert (tmp_path / "xor.atlas.search6.atlas.png").exists()
    assert "start 6 of 6" in err
    assert "zero within the error" in out


def test_a_point_that_is_not_critical_is_exit_1_after_polishing_and_0_without(run, tmp_path):
    rng = np.random.default_rng(3)
    model = xor()
    save_model(model.with_theta(rng.standard_normal(model.size)), tmp_path / "far.npz")
    status, out, err = run("--no-polish", *FAST, model="far.npz")
    assert status == 0
    assert "not critical" in out
    save_model(model.with_theta(np.full(model.size, 2.0)), tmp_path / "far.npz")
    status, out, err = run("--fresh", "--json", *FAST, model="far.npz")
    told = json.loads(out)
    assert (status == 1) == (not told["converged"])
    assert ("Error: polishing" in err) == (status == 1)
    assert Critical.load(tmp_path / "far.critical.npz").verdict["kind"] == told["kind"]


def test_no_escape_from_a_minimum_is_said_and_nothing_written(run, tmp_path):
    save_model(toy_network(1, 1), tmp_path / "valley.npz")
    status, _, err = run("--escape", "out.npz", *FAST, model="valley.npz")
    assert status == 1
    assert "no escape was found from this point (degenerate minimum)" in err
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--search", "0"), "whole number from 1"),
        (("--search", "2", "--escape", "out.npz"), "leave --escape"),
        (("--escape", "no/such/folder/out.npz"), "no/such/folder"),
        (("--output", ""), "names no file"),
        (("--split", "test"), "split"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(run, arguments, words, tmp_path):
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err
    assert not list(tmp_path.glob("toy.*.npz"))


def test_ctrl_c_is_exit_130(run, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(analysis, "judge", interrupted)
    status, _, err = run()
    assert status == 130
    assert "nothing was written" in err


def test_plot_draws_the_record_again(run, tmp_path):
    assert run(*FAST)[0] == 0
    with pytest.raises(SystemExit) as end:
        main(["plot", "toy.critical.npz", "--figure-format", "svg", "--quiet"])
    assert not end.value.code
    assert (tmp_path / "toy.critical.model.svg").exists()
