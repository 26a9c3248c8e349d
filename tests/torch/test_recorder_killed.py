"""What a recorded run leaves where its process was killed, and how a loop goes on with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import landscape
from landscape import InputError
from tests.torch.recording import data, loop, network, record

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


KILLED = """
import sys, os, signal, torch
import landscape
from tests.torch.recording import network, loop, data, Branching
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
        [sys.executable, "-c", KILLED.format(module=module), path], cwd=root, capture_output=True, check=False
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


def test_a_killed_run_of_an_opaque_network_loads(tmp_path):
    killed(tmp_path / "run.npz", "Branching()")
    found = landscape.load_opaque(tmp_path / "run.npz")
    assert found.checkpoint_steps[-1] == 96
    assert (found.theta == found.checkpoints[-1]).all()
    assert found.training["history_loss"] == "batch"
