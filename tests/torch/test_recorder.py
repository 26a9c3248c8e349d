"""A training loop of PyTorch leaves a model file: its θ is the importer's to the bit, whatever ended the loop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import landscape
from landscape import InputError
from landscape.commands import main
from tests.torch.recording import Branching, data, loop, network, record

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


def test_theta_is_that_of_the_importer_to_the_bit(tmp_path):
    recorder, module, _ = record(tmp_path / "run.npz")
    loaded = landscape.load_model(tmp_path / "run.npz")
    wanted = landscape.from_torch(module, nn.CrossEntropyLoss(), data(), weight_decay=1e-3)
    assert loaded.theta.tobytes() == wanted.theta.tobytes() == recorder.result.theta.tobytes()
    assert loaded.constants.tobytes() == wanted.constants.tobytes()
    assert loaded.fingerprint() == wanted.fingerprint()
    assert loaded.data_fingerprint() == wanted.data_fingerprint()
    assert loaded.checkpoints.dtype == np.float32
    assert (loaded.checkpoints[-1] == loaded.theta).all()
    assert (loaded.checkpoint_buffers[-1] == wanted.constants.astype(np.float32)).all()


def test_every_checkpoint_is_the_module_of_its_update(tmp_path):
    module, kept = network(), []
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    kept.append({name: tensor.clone() for name, tensor in module.state_dict().items()})
    recorder = landscape.Recorder(
        tmp_path / "run.npz", module, "cross_entropy", data(), optimizer, keep=4, announce=lambda _: None
    )
    states = lambda _: kept.append({name: tensor.clone() for name, tensor in module.state_dict().items()})  # noqa: E731
    loop(recorder, module, optimizer, 21, states)
    found = recorder.close()
    assert found.checkpoint_steps.tolist() == [0, 4, 8, 12, 16, 20, 21]
    wanted = landscape.from_torch(
        module, "cross_entropy", data(), checkpoints=[kept[s] for s in found.checkpoint_steps]
    )
    assert np.array_equal(found.checkpoints, wanted.checkpoints)
    assert np.array_equal(found.checkpoint_buffers, wanted.checkpoint_buffers)


def test_the_file_holds_the_log_and_what_the_optimizer_says(tmp_path):
    _, module, optimizer = record(tmp_path / "run.npz", steps=40)
    found = landscape.load_model(tmp_path / "run.npz")
    assert found.training["optimizer"] == "adam"
    assert found.training["learning_rate"] == 0.01
    assert found.training["betas"] == (0.9, 0.999)
    assert found.training["history_loss"] == "batch"
    assert found.training["steps"] == 40
    assert found.weight_decay == 1e-3
    assert found.history["step"].tolist() == list(range(1, 41))
    assert found.history["learning_rate"].tolist() == [0.01] * 40
    assert (found.history["train_loss"] > 0).all()
    assert found.optimizer["step"] == 40
    first = optimizer.state[module[0].weight]["exp_avg_sq"].numpy()
    assert np.array_equal(found.optimizer["v"][: first.size], first.ravel())


def test_commands_read_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "run.npz")
    for line in (
        ["diagnose", "run.npz", "--budget", "quick", "--json", "--no-figure"],
        ["trajectory", "run.npz", "--points", "3", "--json", "--no-figure"],
    ):
        with pytest.raises(SystemExit) as end:
            main(line)
        assert end.value.code == 0
    first, second = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert first["recipe"]["spent"] == 40
    assert first["assumed"] == {"batch_size": 32}
    assert second["record"] == "trajectory"


def test_a_network_that_cannot_be_imported_is_recorded_as_an_opaque_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    _, module, _ = record(Path("run.npz"), module=Branching(), announce=said.append)
    assert "as an opaque model" in said[0]
    found = landscape.load_opaque("run.npz")
    assert (
        list(found.shapes)
        == [name for name, _ in module.named_parameters()]
        == ["scale", "fc.weight", "fc.bias"]
    )
    vector = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    assert (found.theta == vector).all()
    assert (found.checkpoints[-1] == vector).all()
    module.load_state_dict({name: torch.from_numpy(array) for name, array in found.state_dict(0).items()})
    assert found.history["train_loss"].shape == (40,)
    assert found.training["optimizer"] == "adam"
    assert found.optimizer["m"].shape == (found.size,)
    for command in ("scan", "diagnose", "info", "report", "hessian", "trajectory", "train"):
        with pytest.raises(SystemExit) as end:
            main([command, "run.npz", *(["--budget", "quick"] if command in ("report", "diagnose") else [])])
        assert end.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "is an opaque model" in line
        assert "landscape diagnose --log run.npz" in line


def test_a_module_that_moves_its_tensors_is_followed(tmp_path):
    """Another precision, as another device, leaves the parameters and changes where their numbers lie; so does an assignment."""
    module = network()
    with landscape.Recorder(
        tmp_path / "run.npz", module, "cross_entropy", data(), announce=lambda _: None
    ) as recorder:
        recorder.step()
        module.double()
        with torch.no_grad():
            module[0].weight += 1
        recorder.step()
        module[0].weight = nn.Parameter(torch.zeros(8, 4, dtype=torch.float64))
        module[1].running_mean = torch.ones(8, dtype=torch.float64)
        recorder.step()
    found = landscape.load_model(tmp_path / "run.npz")
    (first,) = [slot for slot in found.layout if slot.name == "0.weight"]
    weights = found.checkpoints[:, first.start : first.stop]
    assert np.array_equal(weights[1], weights[0])
    assert np.allclose(weights[2], weights[0] + 1)
    assert not weights[3].any()
    assert found.checkpoint_buffers[-1][:8].tolist() == [1.0] * 8


class Scaled(nn.Module):
    """A buffer of many numbers from which the forward computes one."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
        self.register_buffer("unused", torch.ones(3))

    def forward(self, x):
        return self.fc(x)


def test_a_buffer_that_no_array_comes_from_and_that_changed_is_named(tmp_path):
    module = Scaled()
    with landscape.Recorder(
        tmp_path / "run.npz", module, "cross_entropy", data(), announce=lambda _: None
    ) as recorder:
        recorder.step()
        module.unused += 1
    assert recorder.result.inferred[-1] == "changed on the way, and as at the start in this model: unused"


def test_checkpoints_of_an_opaque_model_go_with_an_objective(tmp_path):
    _, module, _ = record(tmp_path / "run.npz", module=Branching(), steps=6)
    found = landscape.load_opaque(tmp_path / "run.npz")
    x, y = data()

    def loss(theta):
        torch.nn.utils.vector_to_parameters(torch.tensor(theta, dtype=torch.float32), module.parameters())
        with torch.no_grad():
            return F.cross_entropy(module(x), y).item()

    objective = landscape.CallableObjective(loss, size=found.size)
    drawn = landscape.trajectory(objective, checkpoints=found.checkpoints, points=3)
    assert drawn.values["train_loss"][-1] == pytest.approx(loss(found.theta))
    assert drawn.values["train_loss"][0] > drawn.values["train_loss"][-1]


def test_wrapped_modules_are_recorded_as_what_is_inside(tmp_path):
    module = network()
    record(tmp_path / "run.npz", module=torch.nn.DataParallel(module), steps=3)
    record(tmp_path / "compiled.npz", module=torch.compile(module, backend="eager"), steps=0)
    plain = landscape.from_torch(module, nn.CrossEntropyLoss(), data())
    for name in ("run.npz", "compiled.npz"):
        found = landscape.load_model(tmp_path / name)
        assert [slot.name for slot in found.layout] == [slot.name for slot in plain.layout]
        assert found.theta.tobytes() == plain.theta.tobytes()


def test_a_rate_that_a_schedule_lowers_is_logged_and_the_highest_is_the_rate(tmp_path):
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.2, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 10, gamma=0.1)
    with landscape.Recorder(
        tmp_path / "run.npz", module, "cross_entropy", data(), optimizer, announce=lambda _: None
    ) as recorder:
        loop(recorder, module, optimizer, 20, lambda _: schedule.step())
    found = landscape.load_model(tmp_path / "run.npz")
    assert found.training["learning_rate"] == 0.2
    assert found.training["optimizer"] == "nesterov"
    assert found.training["momentum"] == 0.9
    assert found.history["learning_rate"][0] == 0.2
    assert found.history["learning_rate"][-1] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda given: given.update(optimizer=3), "optimizer: expected one of torch.optim"),
        (lambda given: given.update(keep=0), "keep: expected a whole number from 1"),
        (lambda given: given.update(path=Path("/nowhere/run.npz")), "no folder"),
        (lambda given: given.update(module=nn.Identity()), "no parameters"),
        (lambda given: given.update(module={}), "found none in it"),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_the_training(tmp_path, change, words):
    given = {"path": tmp_path / "run.npz", "module": network(), "optimizer": None, "keep": 4}
    change(given)
    with pytest.raises(InputError, match=words):
        landscape.Recorder(
            given["path"],
            given["module"],
            "cross_entropy",
            data(),
            given["optimizer"],
            given["keep"],
            announce=lambda _: None,
        )
    assert list(tmp_path.iterdir()) == []
