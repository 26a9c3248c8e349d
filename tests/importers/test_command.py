"""`landscape import`: one file and data in, a model file out, or one line and nothing written."""

from __future__ import annotations

import json

import numpy as np
import pytest

from landscape.commands import main
from landscape.model import load_model
from tests.importers.test_safetensors import DATA, HEADER, WEIGHTS, packed


@pytest.fixture
def run(tmp_path, capsys, monkeypatch):
    """Run the command in a folder with weights and data: exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.safetensors").write_bytes(packed(WEIGHTS))
    (tmp_path / "header.json").write_text(json.dumps(HEADER))
    np.savez("data.npz", **DATA)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["import", *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


def test_a_model_is_written_that_other_commands_read(run):
    status, out, err = run("net.safetensors", "--data", "data.npz", "--header", "header.json")
    assert status == 0
    assert "3 nodes, 40 parameters, loss cross_entropy" in out
    assert "wrote net.npz" in err
    model = load_model("net.npz")
    assert model.weight_decay == 0.1
    assert model.parameters["fc1.weight"].tobytes() == WEIGHTS["fc1.weight"].tobytes()


def test_the_summary_for_programs_has_the_notes_and_the_losses(run):
    status, out, _ = run("net.safetensors", "--data", "data.npz", "-o", "m.npz", "--json", "--quiet")
    summary = json.loads(out)
    assert status == 0
    assert summary["files"] == ["m.npz"]
    assert "no original to compare" in summary["notes"][-1]
    assert summary["losses"]["train"]["loss"] > 0


def test_what_is_there_is_not_overwritten(run, tmp_path):
    (tmp_path / "net.npz").write_bytes(b"mine")
    status, _, err = run("net.safetensors", "--data", "data.npz")
    assert (status, (tmp_path / "net.npz").read_bytes()) == (2, b"mine")
    assert "--fresh" in err
    assert run("net.safetensors", "--data", "data.npz", "--fresh")[0] == 0
    assert load_model("net.npz").size == 40


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("net.pkl", "pickles are not opened"),
        ("net.pt2", "torch.export"),
        ("net.h5", "expected a name that ends in"),
        ("absent.safetensors", "no such file"),
    ],
)
def test_another_kind_of_file_is_one_line_and_nothing_is_written(run, tmp_path, name, word):
    before = sorted(tmp_path.iterdir())
    status, out, err = run(name, "--data", "data.npz")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert word in err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("data", "word"),
    [
        ({"x_train": DATA["x_train"]}, "expected y_train"),
        (DATA | {"z": np.ones(3)}, "'z' is none of"),
        (DATA | {"y_train": np.zeros(5, int)}, "expected 6 targets"),
        (DATA | {"fc1.weight": np.ones(3)}, "none of"),
    ],
)
def test_data_that_do_not_go_with_it_are_refused(run, data, word):
    np.savez("data.npz", **data)
    status, _, err = run("net.safetensors", "--data", "data.npz")
    assert status == 2
    assert word in err
