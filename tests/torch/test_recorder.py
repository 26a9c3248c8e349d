"""A training loop of PyTorch leaves a model file: its θ is the importer's to the bit, whatever ended the loop."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import landscape
from landscape import InputError
from landscape.commands import main

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = pytest.mark.torch


def data(count: int = 60) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 4, generator=generator)
    return x, (x[:, 0] > 0).long()


def network(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))


class Branching(nn.Module):
    """What no importer takes: a choice by the values of all examples."""

    def __init__(self):
        super().__init__()
        self.fc, self.scale = nn.Linear(4, 2), nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.fc(x) * self.scale if float(x.sum()) > 0 else self.fc(x)


def loop(recorder: Any, module: Any, optimizer: Any, steps: int, after: Any = None) -> None:
    x, y = data()
    for step in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(module(x), y)
        loss.backward()
        optimizer.step()
        recorder.step(loss=loss)
        if after is not None:
            after(step)


def record(path: Path, steps: int = 40, module: Any = None, **choices: Any) -> tuple[Any, Any, Any]:
    module = network() if module is None else module
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01, weight_decay=1e-3)
    choices = {"optimizer": optimizer, "announce": lambda sentence: None} | choices
    with landscape.Recorder(path, module, nn.CrossEntropyLoss(), data(), **choices) as recorder:
        loop(recorder, module, optimizer, steps)
    return recorder, module, optimizer


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


KILLED = """
import sys, os, signal, torch
import landscape
from tests.torch.test_recorder import network, loop, data, Branching
module = {module}
optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
recorder = landscape.Recorder(sys.argv[1], module, "cross_entropy", data(), optimizer, keep=8)
loop(recorder, module, optimizer, 100)
torch.save(module.state_dict(), sys.argv[1] + ".pt")
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(path: Path, module: str) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED.format(module=module), path], cwd=root, capture_output=True, timeout=300
    )
    assert done.returncode == -9, done.stderr.decode()


@pytest.fixture(scope="module")
def after_kill(tmp_path_factory):
    """What a killed run leaves, once for the tests that look at it."""
    folder = tmp_path_factory.mktemp("killed")
    killed(folder / "run.npz", "network()")
    return folder


def test_a_killed_run_leaves_a_file_that_loads_with_checkpoints_and_log(tmp_path, after_kill):
    path = tmp_path / "run.npz"
    shutil.copytree(after_kill, tmp_path, dirs_exist_ok=True)
    found = landscape.load_model(path)
    assert found.checkpoint_steps.tolist() == list(range(0, 97, 8))
    assert found.history["step"].tolist() == list(range(1, len(found.history["step"]) + 1))
    assert len(found.history["step"]) >= 37
    assert (found.theta == found.checkpoints[-1]).all()
    again = tmp_path / "folded.npz"
    landscape.save_model(found, again)
    assert np.array_equal(landscape.load_model(again).checkpoints, found.checkpoints)
    # Moved without its folder, it says what is missing.
    path.rename(tmp_path / "elsewhere.npz")
    (tmp_path / "run.npz.recording").rename(tmp_path / "other")
    with pytest.raises(InputError, match=r"no folder .*run\.npz\.recording"):
        landscape.load_model(tmp_path / "elsewhere.npz")


def test_a_killed_run_is_gone_on_with(tmp_path, after_kill):
    path = tmp_path / "run.npz"
    shutil.copytree(after_kill, tmp_path, dirs_exist_ok=True)
    module = network()
    module.load_state_dict(torch.load(f"{path}.pt", weights_only=True))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    with pytest.raises(InputError, match="resume=True continues it, fresh=True"):
        landscape.Recorder(path, module, "cross_entropy", data(), optimizer)
    with landscape.Recorder(
        path, module, "cross_entropy", data(), optimizer, keep=8, resume=True, announce=lambda _: None
    ) as recorder:
        begun = recorder.updates
        assert 96 <= begun <= 100
        loop(recorder, module, optimizer, 20)
    found = landscape.load_model(path)
    steps = found.history["step"].tolist()
    # What had not become numbers when the process was killed is lost.
    assert steps == [*range(1, len(steps) - 19), *range(begun + 1, begun + 21)]
    assert len(steps) >= 57
    assert found.checkpoint_steps[0] == 0
    assert found.checkpoint_steps[-1] == begun + 20
    assert len(found.checkpoints) <= 16
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == []


def test_a_loop_that_went_back_goes_on_from_there(tmp_path):
    path = tmp_path / "run.npz"
    _, module, optimizer = record(path, steps=30, keep=8)
    with landscape.Recorder(
        path, module, "cross_entropy", data(), optimizer, keep=8, resume=17, announce=lambda _: None
    ) as recorder:
        loop(recorder, module, optimizer, 3)
    found = landscape.load_model(path)
    assert found.history["step"].tolist() == list(range(1, 21))
    assert found.checkpoint_steps.tolist() == [0, 4, 8, 12, 16, 20]


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


def test_a_killed_run_of_an_opaque_network_loads(tmp_path):
    killed(tmp_path / "run.npz", "Branching()")
    found = landscape.load_opaque(tmp_path / "run.npz")
    assert found.checkpoint_steps[-1] == 96
    assert (found.theta == found.checkpoints[-1]).all()
    assert found.training["history_loss"] == "batch"


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
    """On a device each such question would wait for all that was asked of it before."""
    asked = []
    monkeypatch.setattr(torch.Tensor, "is_cpu", False, raising=False)
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


def test_wrapped_modules_are_recorded_as_what_is_inside(tmp_path):
    module = network()
    record(tmp_path / "run.npz", module=torch.nn.DataParallel(module), steps=3)
    record(tmp_path / "compiled.npz", module=torch.compile(module, backend="eager"), steps=0)
    plain = landscape.from_torch(module, nn.CrossEntropyLoss(), data())
    for name in ("run.npz", "compiled.npz"):
        found = landscape.load_model(tmp_path / name)
        assert [slot.name for slot in found.layout] == [slot.name for slot in plain.layout]
        assert found.theta.tobytes() == plain.theta.tobytes()


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


def test_a_value_that_is_no_number_is_refused_at_once(tmp_path):
    recorder = landscape.Recorder(
        tmp_path / "run.npz", network(), "cross_entropy", data(), announce=lambda _: None
    )
    with pytest.raises(InputError, match=r"loss: expected one number a step, found a Tensor of shape \[60\]"):
        recorder.step(loss=torch.ones(60))
    recorder.close()
    with pytest.raises(InputError, match="closed"):
        recorder.step(loss=1.0)


def test_the_importer_takes_the_story_too():
    module, (x, y) = network(), data()
    optimizer = torch.optim.AdamW(
        [{"params": module[0].parameters(), "weight_decay": 0.0}, {"params": module[3].parameters()}],
        lr=0.01,
        weight_decay=0.1,
    )
    states = {0: {name: tensor.clone() for name, tensor in module.state_dict().items()}}
    F.cross_entropy(module(x), y).backward()
    optimizer.step()
    states[5] = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    log = {"step": [0, 5], "loss": [0.7, 0.6], "val_loss": [0.7, None], "kl": [1, 2]}
    found = landscape.from_torch(
        module, nn.CrossEntropyLoss(), (x, y), optimizer=optimizer, history=log, checkpoints=states
    )
    assert found.training["optimizer"] == "adamw"
    assert found.weight_decay == 0.0
    assert list(found.history) == ["step", "train_loss", "validation_loss", "other.kl"]
    assert found.checkpoint_steps.tolist() == [0, 5]
    assert (found.checkpoints[1] == found.theta).all()
    # The norm has no state yet, so that not all of θ has some.
    assert set(found.optimizer) == {"step"}


def test_penalties_that_differ_by_group_are_those_of_the_model():
    module, pair = network(), data()
    optimizer = torch.optim.SGD(
        [
            {"params": module[0].parameters(), "weight_decay": 0.5},
            {"params": [*module[1].parameters(), *module[3].parameters()]},
        ],
        lr=0.1,
    )
    found = landscape.from_torch(module, nn.CrossEntropyLoss(), pair, optimizer=optimizer)
    assert found.weight_decay == {"0.weight": 0.5, "0.bias": 0.5}


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (
            {"checkpoints": [{"0.weight": torch.ones(8, 4)}]},
            r"checkpoints\[0\]: is no state_dict of this module: it has no",
        ),
        ({"checkpoints": []}, "expected a list of state_dicts"),
        ({"history": {"loss": [1.0], "acc": [1.0, 2.0]}}, "series of one length"),
        ({"history": {"step": [3, 1], "loss": [1.0, 2.0]}}, "do not go back"),
        ({"history": {"loss": [1.0], "train_loss": [1.0]}}, "expected it once"),
        ({"history": 3}, "expected a mapping such as"),
        (
            {"optimizer": torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)},
            "none of the module's parameters",
        ),
    ],
)
def test_a_story_of_something_else_is_refused(story, words):
    with pytest.raises(InputError, match=words):
        landscape.from_torch(network(), nn.CrossEntropyLoss(), data(), **story)


def test_many_steps_cost_little(tmp_path):
    """A loose bound, for a loaded machine; benchmarks/recorder.py measures it."""
    module = network()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    loss = F.cross_entropy(module(data()[0]), data()[1])
    recorder = landscape.Recorder(
        tmp_path / "run.npz", module, "cross_entropy", data(), optimizer, announce=lambda _: None
    )
    began = time.perf_counter()
    for _ in range(100_000):
        recorder.step(loss=loss)
    assert time.perf_counter() - began < 100_000 * 30e-6
    assert len(recorder.checkpoint_steps) <= 128
    found = recorder.close()
    assert found.checkpoint_steps[0] == 0
    assert found.checkpoint_steps[-1] == 100_000
    assert len(found.checkpoints) <= 128
    assert len(found.history["step"]) == 100_000
