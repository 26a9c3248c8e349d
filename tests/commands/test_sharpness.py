"""`landscape sharpness`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.commands import main
from landscape.commands import sharpness as command
from landscape.model import save_model
from landscape.records import Sharpness
from landscape.sharpness import MEASURES, Options
from tests.networks import chain
from tests.scanning.examples import small_model

FAST = ("--threads", "1", "--no-figure", "--measure", "lambda_max", "--measure", "fisher_rao")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with `m.npz` and `o.npz` in it: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    save_model(small_model(), tmp_path / "m.npz")
    save_model(small_model(seed=1), tmp_path / "o.npz")
    save_model(chain([5, 7, 3])(np.random.default_rng(0)), tmp_path / "t.npz")

    def run(*arguments, model="m.npz"):
        with pytest.raises(SystemExit) as end:
            main(["sharpness", model, *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_the_commands_names_and_defaults_are_the_tables():
    assert tuple(MEASURES) == command.MEASURES
    given = {option.name: option.default for option in command.command.params}
    defaults = vars(Options())
    assert all(given[name] == value for name, value in defaults.items() if name in given)


def test_a_record_and_a_figure_are_named_after_model_and_command(run, tmp_path):
    status, out, err = run("--measure", "lambda_max", "--compare", "o.npz", "--rescaling-test")
    stem = "m.sharpness.lambda_max.compare-o.rescaling-test"
    assert status == 0
    assert {path.name for path in tmp_path.glob("m.*")} == {
        "m.npz", f"{stem}.npz", f"{stem}.curves.png",
    }  # fmt: skip
    assert "layers rescaled" in out
    assert f"wrote {stem}.npz" in err
    found = Sharpness.load(tmp_path / f"{stem}.npz")
    assert set(found.beside) == {"layer", "neuron", "other"}
    assert set(found.curves) == {"curve", "other_curve"}


def test_json_is_one_object_of_the_contract_and_nothing_else(run):
    status, out, _ = run("--json", "--quiet", *FAST)
    told = json.loads(out)
    assert status == 0
    assert set(told) - {"record", "seconds", "files"} == {"lambda_max", "fisher_rao"}
    assert set(told["lambda_max"]) == {"value", "error", "invariant", "definition"}


def test_a_finished_record_is_not_computed_again_nor_overwritten_by_other_settings(run):
    assert run(*FAST)[0] == 0
    assert "measuring" not in run(*FAST)[2]
    status, _, err = run(*FAST, "--rho", "0.1", "-o", "m.sharpness.lambda_max-fisher_rao")
    assert status == 2
    assert "--fresh" in err
    assert run(*FAST, "--rho", "0.1", "-o", "m.sharpness.lambda_max-fisher_rao", "--fresh")[0] == 0


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        ("m.npz", ("--measure", "flatness"), "flatness"),
        ("m.npz", ("--compare", "none.npz"), "none.npz"),
        ("m.npz", ("--rho", "0"), "--rho"),
        ("t.npz", ("--rescaling-test",), "two trained layers"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(run, model, arguments, words):
    status, out, err = run(*arguments, "--no-figure", model=model)
    assert status == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err
