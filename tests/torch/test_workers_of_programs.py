"""FILE.py:NAME on workers: they run the file, and put together the objective that the command has, or refuse another one."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from landscape.commands import user_file  # noqa: E402
from landscape.records import load_record  # noqa: E402
from landscape.records.keeper import Keeper  # noqa: E402
from landscape.workers import Workers, pickles  # noqa: E402
from tests import running  # noqa: E402
from tests.workers.executors import Crooked, after, lost  # noqa: E402

# The loss is a function that no pickle holds, and the module a class that no worker finds by its name.
PROGRAM = """
import torch

SEED = 0


class Small(torch.nn.Module):
    def __init__(self, width=1):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))

    def forward(self, x):
        return self.layers(x)


def made():
    if SEED is not None:
        torch.manual_seed(SEED)
    x = torch.randn(40, 2)
    return Small(), lambda output, y: ((output - y) ** 2).mean(), (x, x.sum(1, keepdim=True))


def precise():
    import landscape

    return landscape.TorchObjective(*made(), dtype="float64")


def train(settings, seed, theta):
    if settings.get("batch_size", 8) > 8:
        raise NotImplementedError
    if settings.get("learning_rate", 0.001) > 0.9:
        raise FloatingPointError
    _, loss, (x, y) = made()
    torch.manual_seed(seed)
    module = Small()
    if theta is not None:
        torch.nn.utils.vector_to_parameters(torch.tensor(theta, dtype=torch.float32), module.parameters())
    optimizer = torch.optim.SGD(module.parameters(), lr=settings.get("learning_rate", 0.001))
    for _ in range(settings.get("steps", 3)):
        optimizer.zero_grad()
        loss(module(x), y).backward()
        optimizer.step()
    return module.state_dict(), None
"""


@pytest.fixture(autouse=True)
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(PROGRAM, encoding="utf-8")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "nets.py"
    torch.set_num_threads(before)


@contextmanager
def crooked(told, *, mixed=False, maker=None, **faults):
    """Stand in for processes: what is sent is pickled, and what was made anew is made for each work."""
    pickles.Last.header = b""
    with Crooked(1, **faults) as executor:
        yield Workers(executor, mixed=mixed, maker=maker)
        assert executor.given > 1


def run(*arguments: str) -> int:
    return running.run(*arguments, "--quiet", "--no-figure")


COMMANDS = {
    "scan": ["--points", "65x2"],
    "curvature": ["--points", "2", "--quantity", "curvature"],
    "connect": ["other.pt", "--points", "3", "--curve", "bezier"],
    "critical": ["--search", "2"],
    "diagnose": ["--train", "train"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_write_the_record_of_one_machine(name, monkeypatch):
    monkeypatch.setattr("landscape.workers.open_workers", partial(crooked, fault=lost(1)))
    torch.manual_seed(5)
    module = user_file.run(Path("nets.py")).Small()
    torch.save(module.state_dict(), "other.pt")
    monkeypatch.setattr("landscape.critical.search.POLISHING_STEPS", 3)
    function = "precise" if name == "critical" else "made"
    command = ["scan" if name == "curvature" else name, f"nets.py:{function}", *COMMANDS[name]]
    assert run(*command, "-o", "here") == 0
    assert run(*command, "-o", "there", "--workers", "2") == 0
    here, there = load_record("here.npz"), load_record("there.npz")
    ours, theirs = here.arrays(), there.arrays()
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if ours[key].tobytes() != theirs[key].tobytes()] == []
    assert not [key for key in ours if "early" in key]
    assert here.settings == there.settings


def test_a_diagnosis_that_workers_left_goes_on_here_with_their_trainings(monkeypatch):
    monkeypatch.setattr(Keeper, "due", lambda self: True)
    missing = ModuleNotFoundError("No module named 'landscape'", name="landscape")
    monkeypatch.setattr("landscape.workers.open_workers", partial(crooked, fault=after(4, missing)))
    command = ["diagnose", "nets.py:made", "--train", "train"]
    assert run(*command, "-o", "left", "--workers", "2") == 2
    assert any("early" in name for name in load_record("left.npz").arrays())
    assert run(*command, "-o", "left") == 0
    assert run(*command, "-o", "here") == 0
    ours, theirs = load_record("here.npz").arrays(), load_record("left.npz").arrays()
    assert {k: a.tobytes() for k, a in ours.items()} == {k: a.tobytes() for k, a in theirs.items()}


def test_what_is_made_otherwise_on_a_worker_is_refused(program, monkeypatch, capsys):
    program.write_text(PROGRAM.replace("SEED = 0", "SEED = None"), encoding="utf-8")
    monkeypatch.setattr("landscape.workers.open_workers", crooked)
    assert run("scan", "nets.py:made", "--points", "3", "--workers", "2") == 2
    told = capsys.readouterr().err
    assert re.search(r"another one, with another network or other data: set the seeds", told)
    assert told.count("\n") == 1


def test_a_training_that_fails_on_a_worker_fails_where_it_would_here(program, monkeypatch, capsys):
    monkeypatch.setattr("landscape.workers.open_workers", crooked)
    program.write_text(
        PROGRAM.replace("raise NotImplementedError", "raise ZeroDivisionError('no')"), encoding="utf-8"
    )
    told = []
    for more in ([], ["--workers", "2"]):
        assert run("diagnose", "nets.py:made", "--train", "train", "-o", f"a{len(told)}", *more) == 2
        # Without the place, which a process of its own knows.
        told.append(capsys.readouterr().err.partition(" (")[0].strip())
    assert told[0] == told[1]
    assert "train: the function fails with {'batch_size': 40}: ZeroDivisionError: no" in told[0]


def test_workers_without_a_training_are_refused(monkeypatch, capsys):
    monkeypatch.setattr("landscape.workers.open_workers", crooked)
    assert run("diagnose", "nets.py:made", "--workers", "2") == 2
    assert "give train=function (--train NAME)" in capsys.readouterr().err
