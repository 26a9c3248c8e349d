"""Data that are cut short while they are in use end the work with one line that names the file, and what was done is kept."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from landscape.commands import main
from landscape.errors import ComputationError
from landscape.model import load_model
from landscape.objective import NetworkObjective, tiles
from landscape.records import Scan
from landscape.scanning import scan
from landscape.training import train

ROWS, HALF = 128, 1200
HEADER = {
    "format": 1,
    "loss": "cross_entropy",
    "nodes": [{"name": "fc", "op": "dense"}],
    "data": {"x_train": "x.npy", "y_train": "y.npy"},
}


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A model with its data beside it, of which one block of a tile each is kept."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.standard_normal((ROWS, 4)).astype(np.float32))
    np.save(tmp_path / "y.npy", rng.integers(0, 3, ROWS))
    weights = {"fc.weight": rng.standard_normal((3, 4)), "fc.bias": np.zeros(3)}
    np.savez(tmp_path / "m.npz", landscape=json.dumps(HEADER), **weights)
    monkeypatch.chdir(tmp_path)
    for name, value in (("BLOCK_BYTES", 1), ("KEPT_BYTES", 0), ("WIDEST", 16), ("NARROWEST", 16)):
        monkeypatch.setattr(tiles, name, value)
    return tmp_path / "m.npz"


def cut(path, name="x.npy"):
    os.truncate(path.parent / name, HALF)


CHOICES = {"points": 3, "span": 1, "dimensions": 1, "dtype": "float64"}


def test_between_two_steps_of_a_scan_what_is_done_is_kept_and_taken_up_when_the_file_is_back(path):
    model, content = load_model(path), (path.parent / "x.npy").read_bytes()
    whole, output = scan(model, **CHOICES), path.parent / "s.npz"

    def progress(share, words):
        if share > 0.2:
            cut(path)

    with pytest.raises(ComputationError, match=r"x\.npy: was cut short while it was in use"):
        scan(load_model(path), **CHOICES, output=output, progress=progress)
    assert int(Scan.load(output).partial["train.step"]) >= 2
    (path.parent / "x.npy").write_bytes(content)
    again = scan(load_model(path), **CHOICES, output=output)
    np.testing.assert_array_equal(again.values["train_loss"], whole.values["train_loss"])


WORK = {
    "a scan": lambda model: scan(model, **CHOICES),
    "a training": lambda model: train(model, steps=2, dtype="float64"),
    "outputs": lambda model: NetworkObjective(model).outputs(model.theta),
    "a subset": lambda model: NetworkObjective(model, examples=40).value(model.theta),
    "a gradient": lambda model: NetworkObjective(model).gradient(model.theta),
    "counts": lambda model: NetworkObjective(model).counts,
    "a hash": lambda model: model.data_fingerprint(),
}


@pytest.mark.parametrize("name", ["x.npy", "y.npy"])
@pytest.mark.parametrize("work", WORK)
def test_between_loading_and_use_it_is_said_which_file_it_was(path, work, name):
    if (work, name) == ("counts", "x.npy"):
        return
    model = load_model(path)
    cut(path, name)
    os.truncate(path.parent / name, 130)
    with pytest.raises(ComputationError, match=rf"{name}: was cut short while it was in use"):
        WORK[work](model)


@pytest.mark.parametrize("command", ["info", "scan", "hessian", "train"])
def test_a_command_ends_with_status_1_and_one_line(path, command, monkeypatch, capsys):
    def load_and_cut(*given, **options):
        model = load_model(*given, **options)
        cut(path)
        return model

    monkeypatch.setattr("landscape.model.load_model", load_and_cut)
    with pytest.raises(SystemExit) as end:
        main([command, str(path)])
    err = capsys.readouterr().err
    assert end.value.code == 1
    assert [line for line in err.splitlines() if "was cut short" in line] == err.splitlines()[-1:]
    assert err.splitlines()[-1].startswith("Error: ")
    assert not list(path.parent.glob("m.*.npz"))
