"""A user's own training diagnosed by the command `landscape diagnose FILE.py:NAME`, and in a report."""

from __future__ import annotations

import json

import pytest

import landscape
from landscape import InputError
from landscape.diagnosis.own_training import Trainer
from tests.running import run
from tests.torch.own_training import PROGRAM, Descent, objective_of, zeros

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("one_thread")]


def test_the_command_line_takes_the_function_of_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(PROGRAM)
    assert run("diagnose", "net.py:make", "--train", "train", "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["subtype"], told["confidence"]) == (
        "optimization",
        "unfinished",
        "verified",
    )
    assert {file.rpartition("/")[2] for file in told["files"]} == {
        "net.make.diagnose.train-train.npz",
        "net.make.diagnose.train-train.networks.png",
    }
    assert run("diagnose", "net.py:make", "--quiet") == 0
    assert "give train=function" in " ".join(capsys.readouterr().out.split())
    for arguments, message in {
        ("net.py:make", "--train", "trian"): "did you mean 'train'?",
        ("net.py:make", "--threads", "1"): "--threads: is for a model",
        ("model.npz", "--train", "train"): "--train: is for FILE.py:NAME",
    }.items():
        assert run("diagnose", *arguments) == 2
        assert message in capsys.readouterr().err


@pytest.fixture
def trainings(monkeypatch):
    """The trainings that the user's function did, and the number after which Ctrl-C comes."""
    done, stop, call = [], {"after": 10**6}, Trainer.__call__

    def counted(self, changes, seed, theta):
        if len(done) == stop["after"]:
            raise KeyboardInterrupt
        done.append((dict(changes), seed))
        return call(self, changes, seed, theta)

    monkeypatch.setattr(Trainer, "__call__", counted)
    return done, stop


DIAGNOSE = ("diagnose", "net.py:make", "--train", "train", "--quiet")
EDITED = {
    "the function": ("range(30)", "range(31)"),
    "what it is given by default": ("(settings, seed, theta)", "(settings, seed, theta, turns=30)"),
    "a number that it reads": ("RATE = 1e-4", "RATE = 2e-4"),
    "a function that it calls": ("lr=rate", "lr=1.0 * rate"),
}


@pytest.mark.parametrize("edited", EDITED)
def test_trials_of_a_function_that_was_edited_are_not_taken_up(
    edited, trainings, tmp_path, monkeypatch, capsys
):
    done, stop = trainings
    monkeypatch.chdir(tmp_path)
    file, program = (
        tmp_path / "net.py",
        PROGRAM.replace("1e-4", "RATE").replace("torch.optim.SGD(net.parameters(), lr=", "descent(net, "),
    )
    program += "\n\nRATE = 1e-4\n\n\ndef descent(net, rate):\n    return torch.optim.SGD(net.parameters(), lr=rate)\n"
    file.write_text(program)
    stop["after"] = 3
    assert run(*DIAGNOSE) == 130
    stop["after"] = 10**6
    before, after = EDITED[edited]
    assert program.count(before) == 1
    file.write_text(program.replace(before, after))
    assert run(*DIAGNOSE) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "other settings (another text of train, or of what it reads): give --fresh to overwrite it" in said
    assert len(done) == 3
    # What the training does not read may change.
    file.write_text(program.replace("import torch\n", "import torch  # the package\n", 1))
    assert run(*DIAGNOSE) == 0
    resumed = list(done)
    done.clear()
    assert run(*DIAGNOSE) == 0
    assert done == []
    assert run(*DIAGNOSE, "--fresh") == 0
    assert done == resumed


def test_a_report_holds_the_diagnosis_and_every_analysis(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(PROGRAM)
    assert run("report", "net.py:make", "--train", "train", "--budget", "quick", "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    page = (tmp_path / "net.make.report.html").read_text()
    assert told["files"] == ["net.make.report.html"]
    assert "landscape hessian net.py:make --all" in page
    assert "computed by" in page
    assert "no checkpoints of the run were given" in page
    assert "fisher_rao" not in page
    assert run("report", "net.make.npz", "--train", "train") == 2
    assert "--train: is for FILE.py:NAME" in capsys.readouterr().err


def test_a_report_of_an_objective_in_the_library():
    objective = objective_of(zeros())
    train = Descent(objective, {"learning_rate": 1e-4})
    states = [train({}, seed, None)[0].state_dict() for seed in range(1, 5)]
    train.calls.clear()
    found = landscape.make_report(objective, train=train, checkpoints=states, budget="quick")
    assert [section.title for section in found.sections][:2] == ["Verdict", "Why"]
    assert set(found.records) == {"diagnose", "scan", "critical", "hessian", "sharpness", "trajectory"}
    assert train.calls == []
    with pytest.raises(InputError, match="needs a model, or a TorchObjective"):
        landscape.make_report(landscape.CallableObjective(lambda theta: 0.0, size=1))
