"""`landscape hessian`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.commands import main
from landscape.curvature import work
from landscape.files import read_archive, write_archive
from landscape.model import save_model
from landscape.records import Hessian
from tests.scanning.examples import small_model

FAST = ("--threads", "1", "--no-figure")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with `m.npz` in it: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    save_model(small_model(), tmp_path / "m.npz")

    def run(*arguments, model="m.npz"):
        with pytest.raises(SystemExit) as end:
            main(["hessian", model, *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_a_record_and_figures_are_named_after_model_and_command(run, tmp_path):
    status, out, err = run("--by-node", "--density", "--accuracy", "0.3", "--top", "3")
    stem = "m.hessian.top3.density.accuracy0.3.by-node"
    names = {f"{stem}.{end}" for end in ("npz", "spectrum.png", "nodes.png", "vectors.png")}
    assert status == 0
    assert {path.name for path in tmp_path.iterdir()} == {"m.npz", *names}
    assert all(name in err for name in names)
    assert "largest 3" in out
    assert "node fc2" in out


def test_json_is_one_object_of_the_contract_and_nothing_else(run):
    status, out, err = run("--top", "2", "--bottom", "1", "--trace", "--method", "both", "--json", *FAST)
    told = json.loads(out)
    assert status == 0
    assert len(told["eigenvalues"]) == 3
    assert told["finite_difference"]["value"] < 1e-6
    assert {"trace", "products", "orthogonality", "files"} <= told.keys()
    assert "wrote m.hessian.both.top2.bottom1.trace.npz" in err


def test_quiet_says_nothing_on_stderr(run):
    assert run("--top", "1", "--quiet", *FAST)[2] == ""


def test_all_counts_the_signs_and_says_the_memory(run):
    _, out, err = run("--all", *FAST)
    assert "negative beyond the error" in out
    assert "MB for the dense Hessian of 355 parameters" in err


def test_output_names_the_files_and_a_finished_record_is_not_overwritten(run, tmp_path):
    assert run("--top", "1", "--output", "c.npz", *FAST)[0] == 0
    status, _, err = run("--top", "2", "--output", "c", *FAST)
    assert status == 2
    assert "--fresh" in err
    assert run("--top", "2", "--output", "c", "--fresh", *FAST)[0] == 0
    assert len(Hessian.load(tmp_path / "c.npz").eigenvalues) == 2


def test_the_test_split_has_another_hessian(run):
    train, test = (
        json.loads(run("--top", "1", "--split", split, "--json", "--output", split, *FAST)[1])
        for split in ("train", "test")
    )
    assert train["eigenvalues"] != test["eigenvalues"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--top", "0"), "at least one eigenvalue"),
        (("--top", "356"), "at most 355"),
        (("--node", "fc9"), "fc1, fc2, fc3"),
        (("--all", "--top", "2"), "leave --top"),
        (("--output", ""), "names no file"),
        (("--method", "guess"), "finite-difference"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(run, arguments, words):
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err


def test_a_model_that_is_not_finite_is_refused_by_the_name_of_its_array(run, tmp_path):
    members = read_archive(tmp_path / "m.npz")
    members["fc2.weight"] = np.full_like(members["fc2.weight"], np.nan)
    write_archive(tmp_path / "bad.npz", members)
    status, _, err = run(model="bad.npz")
    assert status == 2
    assert "fc2.weight" in err
    assert "landscape diagnose" in err


def test_a_dense_hessian_that_does_not_fit_is_exit_2_with_the_size_and_the_way_out(run, monkeypatch):
    monkeypatch.setattr("landscape.curvature.dense.available_memory", lambda: 10**5)
    status, _, err = run("--all")
    assert status == 2
    assert "GB are free: use --top and --bottom" in err


def test_a_search_that_does_not_converge_is_exit_1_with_what_was_found(run, tmp_path, monkeypatch):
    monkeypatch.setattr("landscape.curvature.eigen.SMALL", 8)
    whole = work.eigenpairs
    monkeypatch.setattr(work, "eigenpairs", lambda *a, **k: whole(*a, **{**k, "max_products": 1}))
    status, out, err = run("--bottom", "40", "--json", *FAST)
    assert status == 1
    assert "converged within 1 products" in err
    told = json.loads(out)
    assert told["converged"] is False
    assert len(told["eigenvalues"]) < 40
    assert Hessian.load(tmp_path / "m.hessian.bottom40.npz").status


def test_ctrl_c_is_exit_130(run, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "eigenpairs", interrupted)
    status, _, err = run("--top", "1")
    assert status == 130
    assert "nothing was written" in err


def test_plot_draws_the_record_again(run, tmp_path):
    assert run("--top", "2", *FAST)[0] == 0
    with pytest.raises(SystemExit) as end:
        main(["plot", "m.hessian.top2.npz", "--figure-format", "svg", "--quiet"])
    assert not end.value.code
    assert (tmp_path / "m.hessian.top2.spectrum.svg").exists()
