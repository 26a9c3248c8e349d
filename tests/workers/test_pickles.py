"""What is sent has names in place of an objective that workers make anew, and they refuse another one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from landscape import CallableObjective, InputError, complete, connect, scan, search_critical
from landscape.commands.user_file import Remaking
from landscape.workers import Workers, pickles
from landscape.workers.pickles import Anew, pickled, unpickled
from tests.workers.executors import Crooked

STEEP = {"of": 2.0}


def bowl() -> CallableObjective:
    """Make one of functions that no pickle holds."""
    steep = STEEP["of"]
    made = CallableObjective(
        lambda w: steep * float(w @ w) ** 2, lambda w: 4 * steep * float(w @ w) * w, size=2
    )
    made.theta = np.array([1.0, 0.5])
    return made


@dataclass
class Holding:
    objective: Any
    more: Any = None

    def do(self, piece):
        return self.objective.value(piece)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    monkeypatch.setattr(pickles.Last, "header", b"")
    monkeypatch.setitem(sys.modules, "cloudpickle", None)


def test_an_objective_is_made_anew_wherever_it_is_held_once_for_all_that_is_sent():
    whole = complete(bowl())
    content = pickled(Holding(whole, [whole.objective]), Anew.of(bowl, whole))
    first, second = unpickled(content), unpickled(content)
    assert first.objective.objective is first.more[0] is second.more[0] is not whole.objective
    assert first.objective.value([1.0, 1.0]) == whole.value([1.0, 1.0])
    with pytest.raises(InputError, match="cannot be pickled"):
        pickled(Holding(whole))


def test_an_objective_that_comes_out_otherwise_is_refused(monkeypatch):
    made = bowl()
    content = pickled(Holding(made), Anew.of(bowl, made))
    monkeypatch.setitem(STEEP, "of", 2.1)
    with pytest.raises(InputError, match="set the seeds of random numbers"):
        unpickled(content)


def test_what_a_worker_has_not_installed_is_told_in_one_line():
    content = pickled(Holding(bowl), None).replace(
        b"tests.workers.test_pickles", b"tests.workers.test_picklez"
    )
    with pytest.raises(
        InputError, match=r"cannot load what it is sent \(No module named .*picklez'\): install what"
    ):
        unpickled(content)


@pytest.mark.parametrize("work", ["scan", "connect", "search"])
def test_every_work_on_an_objective_sends_no_more_than_how_it_is_made(work):
    made = bowl()

    def run(executor=None):
        if work == "scan":
            return scan(made, center=made.theta, points=5, executor=executor)
        if work == "connect":
            return connect(made, points=[made.theta, -made.theta], alphas=5, executor=executor)
        return search_critical(made, 3, made.theta, executor=executor)

    with Crooked(2) as executor:
        ours, theirs = run().arrays(), run(Workers(executor, maker=bowl)).arrays()
        assert executor.given
    assert {name: array.tobytes() for name, array in ours.items()} == {
        name: array.tobytes() for name, array in theirs.items()
    }


def test_a_program_that_a_worker_does_not_see_or_that_was_changed_is_refused(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("def make():\n    raise AssertionError\n")
    remaking = Remaking.of(path, "make", None)
    path.write_text("def make():\n    return 3\n")
    for _ in range(2):
        with pytest.raises(InputError, match=r"net\.py: missing, or different from those"):
            remaking()
        path.unlink(missing_ok=True)
