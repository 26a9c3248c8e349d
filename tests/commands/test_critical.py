"""`landscape critical`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from landscape.commands import main
from landscape.critical import analysis, search
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


@pytest.mark.parametrize("arguments", [(), ("--no-polish",)])
def test_a_point_that_is_not_critical_is_an_answer(run, tmp_path, arguments):
    model = xor()
    save_model(model.with_theta(np.random.default_rng(3).standard_normal(model.size)), tmp_path / "far.npz")
    status, out, err = run(*arguments, "--output", "judged", *FAST, model="far.npz")
    assert status == 0
    assert "Error" not in err
    assert "kind              not critical" in out
    assert "a Newton step would remove" in out
    assert ("no critical point was found within" in out) == (arguments == ())
    record = Critical.load(tmp_path / "judged.npz")
    assert record.verdict["kind"] == record.verdict["given"]["kind"] == "not critical"
    assert np.array_equal(record.theta, load_model("far.npz").theta)


def test_the_radius_is_asked_for_by_an_option(run, tmp_path):
    save_model(toy_network(0.3, -0.3), tmp_path / "beside.npz")
    narrow = json.loads(run("--json", "--radius", "0.1", *FAST, model="beside.npz")[1])
    wide = json.loads(run("--json", "--radius", "1", "--fresh", *FAST, model="beside.npz")[1])
    assert narrow["kind"] == narrow["given"]["kind"] == wide["given"]["kind"] == "not critical"
    assert wide["kind"] == "saddle"
    assert narrow["polish"]["distance"] <= 0.1 < wide["polish"]["distance"]


def test_a_search_that_finds_nothing_says_so_and_is_an_answer(run, monkeypatch):
    monkeypatch.setattr(search, "CRITICAL", -1.0)
    status, out, err = run("--search", "2", *FAST, model="xor.npz")
    assert status == 0
    assert "none of 2 starts reached a critical point" in out
    assert "Error" not in err


def test_no_escape_from_a_minimum_is_said_and_nothing_written(run, tmp_path):
    save_model(toy_network(1, 1), tmp_path / "valley.npz")
    status, _, err = run("--escape", "out.npz", *FAST, model="valley.npz")
    assert status == 1
    assert "no escape was found from this point (degenerate minimum)" in err
    assert not (tmp_path / "out.npz").exists()


def test_the_model_is_never_the_escape(run, tmp_path):
    (tmp_path / "link.npz").symlink_to(tmp_path / "toy.npz")
    os.link(tmp_path / "toy.npz", tmp_path / "hard.npz")
    before = (tmp_path / "toy.npz").read_bytes()
    for name in ("toy.npz", "./toy.npz", "link.npz", "hard.npz"):
        for more in ((), ("--fresh",)):
            status, out, err = run("--escape", name, *more, *FAST)
            assert (status, out) == (2, "")
            assert "an input of this command" in err
    assert (tmp_path / "toy.npz").read_bytes() == before
    assert not (tmp_path / "toy.critical.npz").exists()


def test_an_escape_replaces_an_earlier_one_of_the_same_model_and_nothing_else(run, tmp_path):
    assert run("--escape", "freed.npz", *FAST)[0] == 0
    assert run("--escape", "freed.npz", *FAST)[0] == 0
    freed = (tmp_path / "freed.npz").read_bytes()
    for name, content in (("notes.npz", b"mine"), ("xor.npz", (tmp_path / "xor.npz").read_bytes())):
        (tmp_path / name).write_bytes(content)
        status, out, err = run("--escape", name, *FAST)
        assert (status, out) == (2, "")
        assert "--fresh to replace it" in err
        assert (tmp_path / name).read_bytes() == content
    assert run("--escape", "notes.npz", "--fresh", *FAST)[0] == 0
    assert (tmp_path / "notes.npz").read_bytes() == freed
    # The same network at another point, with its own record: the escape there is of the other one.
    save_model(toy_network(0.001, 0), tmp_path / "toy.npz")
    status, _, err = run("--escape", "freed.npz", "--output", "second", *FAST)
    assert status == 2
    assert (tmp_path / "freed.npz").read_bytes() == freed


def test_escape_and_record_are_two_files(run, tmp_path):
    status, _, err = run("--escape", "toy.critical.npz", *FAST)
    assert status == 2
    assert "written twice" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--search", "0"), "whole number from 1"),
        (("--search", "2", "--escape", "out.npz"), "leave --escape"),
        (("--search", "2", "--radius", "1"), "--radius and --no-polish out"),
        (("--radius", "0"), "radius"),
        (("--radius", "nan"), "radius"),
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
