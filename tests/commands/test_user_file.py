"""`FILE.py:NAME` in the place of MODEL: the user's function makes the objective, and an error in it is told by its own line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from landscape.commands.user_file import functions_in, target_of
from tests.running import run

PROGRAM = """
import numpy as np
import landscape
from beside import SCALE


def bowl():
    objective = landscape.CallableObjective(lambda theta: SCALE * float(theta @ theta), size=2)
    objective.theta = np.array([1.0, 0.0])
    return objective


def nowhere():
    return landscape.CallableObjective(lambda theta: 0.0, size=2)


def broken():
    numbers = [1, 2]
    return numbers[2]


def leaving():
    raise SystemExit("enough")


def pair():
    return 1, 2


def nothing():
    pass
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("beside.py").write_text("SCALE = 3.0\n", encoding="utf-8")
    Path("toy.py").write_text(PROGRAM, encoding="utf-8")
    return tmp_path / "toy.py"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(*arguments) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("Error: ")
    assert found.err.count("\n") == 1
    return found.err


def test_commands_take_the_objective_of_a_function_at_its_theta(program, capsys):
    assert run("scan", "toy.py:bowl", "--points", "3", "--normalize", "none", "--json", "--quiet") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["center"] == {"train": {"loss": 3.0}}
    assert "toy.bowl.scan.points3.normalize-none.npz" in told["files"]
    assert run("hessian", "toy.py:bowl", "--all", "--json", "--quiet") == 0
    values = [pair["value"] for pair in json.loads(capsys.readouterr().out)["eigenvalues"]]
    assert values == pytest.approx([6.0, 6.0], rel=1e-6)


WRONG = {
    "toy.py": r"expected FILE.py:NAME.*the functions there are: bowl, nowhere, broken, leaving, pair, nothing",
    "toy.py:bowle": r"no function 'bowle'.*did you mean 'bowl'",
    "none.py:bowl": r"none.py: no such file",
    "toy.py:broken": r"toy.py:19: IndexError: list index out of range",
    "toy.py:leaving": r"toy.py:23: SystemExit: enough",
    "toy.py:pair": r"expected an objective or \(module, loss, data\), found a tuple of 2",
    "toy.py:nothing": r"expected an objective or \(module, loss, data\), found a NoneType",
    "toy.py:nowhere": r"expected an attribute theta.*set objective.theta",
}


@pytest.mark.parametrize("target", WRONG)
def test_what_is_wrong_with_the_function_is_one_line(target, program, capsys):
    assert re.search(WRONG[target], refused(capsys, "scan", target, "--points", "3"))


def test_an_error_while_the_file_runs_is_told_by_its_line(program, capsys):
    program.write_text("import numpy\nx = numpy.zeros(3).reshape(2)\n", encoding="utf-8")
    assert "toy.py:2: ValueError: cannot reshape" in refused(capsys, "scan", "toy.py:make")
    program.write_text("def make(:\n    pass\n", encoding="utf-8")
    assert "toy.py:1: SyntaxError: " in refused(capsys, "hessian", "toy.py:make")


def test_what_is_chosen_in_the_program_is_refused_beside_it(program, capsys):
    for option in (["--dtype", "float64"], ["--examples", "3"], ["--device", "cpu"], ["--threads", "1"]):
        assert f"{option[0]}: is for a model" in refused(capsys, "scan", "toy.py:bowl", *option)
    assert "--weights: is for a TorchObjective" in refused(capsys, "scan", "toy.py:bowl", "--weights", "a.pt")
    assert "--escape: writes a model's file" in refused(
        capsys, "critical", "toy.py:bowl", "--escape", "a.npz"
    )
    assert "--optimizer: trains a model's file" in refused(
        capsys, "trajectory", "toy.py:bowl", "--optimizer", "sgd"
    )
    assert "needs --weights FOLDER" in refused(capsys, "trajectory", "toy.py:bowl")


def test_commands_that_need_a_model_say_so(program, capsys):
    for command in ("info", "train", "race"):
        words = refused(capsys, command, "toy.py:bowl", *(["--epochs", "1"] if command == "train" else []))
        assert "expected a model file, found a program: scan, hessian, critical" in words


def test_weights_beside_a_model_are_refused(program, capsys):
    assert run("demo") == 0
    capsys.readouterr()
    assert "--weights: is for FILE.py:NAME" in refused(capsys, "scan", "digits.npz", "--weights", "a.pt")


def test_a_target_is_told_from_a_file():
    assert target_of(Path("a/net.py:make")) == (Path("a/net.py"), "make")
    assert target_of(Path("net.py")) == (Path("net.py"), "")
    assert target_of(Path("net.python.npz")) is None


def test_functions_of_a_file_that_cannot_be_read_are_none(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("def make(:", encoding="utf-8")
    assert functions_in(path) == []
