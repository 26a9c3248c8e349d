"""What a recorder takes at each update: a loss as a number, at little cost, and nothing that holds on to a graph."""

from __future__ import annotations

import gc
import time
import weakref

import numpy as np
import pytest

import landscape
from landscape import InputError
from tests.torch.recording import data, network

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


def test_losses_are_detached_and_no_graph_is_kept(tmp_path):
    module, (x, y) = network(), data()
    recorder = landscape.Recorder(
        tmp_path / "run.npz", module, "cross_entropy", (x, y), announce=lambda _: None
    )
    hidden = module[0](x)
    known = weakref.ref(hidden)
    loss = F.cross_entropy(module[3](hidden.relu()), y)
    recorder.step(loss=loss)
    del hidden, loss
    gc.collect()
    assert known() is None
    recorder.close()


def test_no_number_is_asked_for_at_a_step(tmp_path, monkeypatch):
    """On a device, reading a number would wait for all work submitted before."""
    asked = []
    monkeypatch.setattr(torch.Tensor, "is_cpu", False, raising=False)
    monkeypatch.setattr("landscape.recording.series.PATIENCE", np.inf)
    module, (x, y) = network(), data()
    recorder = landscape.Recorder(
        tmp_path / "run.npz", module, "cross_entropy", (x, y), announce=lambda _: None
    )
    loss = F.cross_entropy(module(x), y)
    for name in ("item", "tolist", "__float__", "cpu", "numpy"):
        was = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor, name, lambda self, *a, was=was, name=name: (asked.append(name), was(self, *a))[1]
        )
    for _ in range(320):
        recorder.step(loss=loss)
    assert set(asked) <= {"tolist"}
    assert len(asked) == 3
    recorder.close()


def test_on_the_cpu_a_loss_is_taken_at_once_so_that_changes_in_place_are_none(tmp_path):
    said: list[str] = []
    total = torch.zeros(())
    with landscape.Recorder(
        tmp_path / "run.npz", network(), "cross_entropy", data(), announce=said.append
    ) as recorder:
        for _ in range(100):
            total += 1
            recorder.step(loss=total)
        recorder.step(loss=torch.zeros(2))
    assert len(said) == 1
    found = landscape.load_model(tmp_path / "run.npz").history
    assert (found["train_loss"][:100] == found["step"][:100]).all()
    assert np.isnan(found["train_loss"][100])


def test_a_loss_on_a_device_that_is_changed_in_place_is_copied_from_then_on(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "is_cpu", False, raising=False)
    said: list[str] = []
    total = torch.zeros(())
    with landscape.Recorder(
        tmp_path / "run.npz", network(), "cross_entropy", data(), announce=said.append
    ) as recorder:
        for _ in range(100):
            total += 1
            recorder.step(loss=total)
    assert "is changed in place" in said[1]
    found = landscape.load_model(tmp_path / "run.npz").history
    assert found["train_loss"][-1] == 100
    assert (found["train_loss"][found["step"] >= 33] == found["step"][found["step"] >= 33]).all()


def test_a_step_that_the_optimizer_left_out_is_no_update(tmp_path):
    with landscape.Recorder(
        tmp_path / "run.npz", network(), "cross_entropy", data(), announce=lambda _: None
    ) as recorder:
        recorder.step(loss=1.0)
        recorder.step(loss=float("inf"), updated=False)
        recorder.evaluate(loss=0.5, accuracy=0.9, auc=0.7)
        recorder.step(loss=0.25)
    found = landscape.load_model(tmp_path / "run.npz").history
    assert found["step"].tolist() == [1, 2]
    assert found["train_loss"].tolist() == [1.0, 0.25]
    assert found["validation_loss"].tolist()[0] == 0.5
    assert found["other.auc"].tolist()[0] == 0.7


def test_a_value_that_is_no_number_is_refused_at_once(tmp_path):
    recorder = landscape.Recorder(
        tmp_path / "run.npz", network(), "cross_entropy", data(), announce=lambda _: None
    )
    with pytest.raises(InputError, match=r"loss: expected one number a step, found a Tensor of shape \[60\]"):
        recorder.step(loss=torch.ones(60))
    recorder.close()
    with pytest.raises(InputError, match="closed"):
        recorder.step(loss=1.0)


def test_many_steps_cost_little(tmp_path):
    """A loose bound on the time of a core; benchmarks/recorder.py measures it."""
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    loss = F.cross_entropy(module(data()[0]), data()[1])
    recorder = landscape.Recorder(
        tmp_path / "run.npz", module, "cross_entropy", data(), optimizer, announce=lambda _: None
    )
    began = time.process_time()
    for _ in range(100_000):
        recorder.step(loss=loss)
    assert time.process_time() - began < 100_000 * 30e-6
    assert len(recorder.checkpoint_steps) <= 128
    found = recorder.close()
    assert found.checkpoint_steps[0] == 0
    assert found.checkpoint_steps[-1] == 100_000
    assert len(found.checkpoints) <= 128
    assert len(found.history["step"]) == 100_000
