"""Races, studies, trainings, searches, ways between minima and diagnoses by workers have the bytes of one machine."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import numpy as np
import pytest

import landscape
from landscape.errors import InputError
from landscape.records import Pieces, Record
from landscape.records.keeper import Keeper
from tests.critical.points import toy_network
from tests.scanning.examples import small_model
from tests.workers.executors import Crooked, after, lost


def small() -> landscape.Model:
    return small_model(examples=60, test=20)


FEW: dict[str, Any] = {"dtype": "float64", "threads": 1}
TRAININGS = FEW | {"steps": 6, "batch_size": 8}
WORKS = {
    "race": partial(
        landscape.race, small(), **TRAININGS, seeds=2, points=3, optimizers=["sgd", "adam"], learning_rate=0.1
    ),
    "tuned race": partial(landscape.race, small(), **TRAININGS, seeds=1, points=3, optimizers=["adam"]),
    "learning rate": partial(
        landscape.study_learning_rate, small(), **TRAININGS, seeds=2, rates=[0.01, 0.1]
    ),
    "schedule": partial(
        landscape.study_schedule, small(), **TRAININGS, seeds=1, schedules=["constant", "cosine"], warmup=2
    ),
    "stability": partial(
        landscape.study_stability, toy_network(0.3, 0.4), **FEW, steps=4, looks=3, rates=[0.03, 0.1, 0.3, 1.0]
    ),
    "search": partial(landscape.search_critical, toy_network(0.3, 0.4), starts=5, seed=1),
    "connect": partial(
        landscape.connect,
        [small().with_theta(small().theta + k * np.sin(k + np.arange(small().size))) for k in range(3)],
        curve="bezier", alphas=5, threads=1,
    ),
    "diagnose": partial(landscape.diagnose, small(), budget="standard", steps=40, threads=1),
}  # fmt: skip


def same(one: Record, other: Record) -> None:
    ours, theirs = one.arrays(), other.arrays()
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert (array.dtype, array.shape, array.tobytes()) == (
            theirs[name].dtype, theirs[name].shape, theirs[name].tobytes(),
        ), name  # fmt: skip
    assert one.settings == other.settings


@pytest.mark.parametrize("name", WORKS)
def test_the_record_is_that_of_one_machine_to_the_bit(name):
    with Crooked(1, fault=lost(2)) as executor:
        same(WORKS[name](executor=executor), WORKS[name]())
        assert executor.given > 3


class Together(Crooked):
    """Begins nothing before so many parts were given, and loses them if they are not."""

    def __init__(self, parts: int):
        super().__init__(workers=parts)
        self.parts, self.enough = parts, threading.Event()

    def submit(self, function, *arguments):
        future = super().submit(function, *arguments)
        if self.given >= self.parts:
            self.enough.set()
        return future

    def work(self):
        if not self.enough.wait(30.0):
            self.fault = lambda number: TimeoutError("the other parts were not given")
        super().work()


@pytest.mark.parametrize(
    ("parts", "work"),
    [
        (4, partial(landscape.race, small(), **TRAININGS, seeds=1, points=3, optimizers=["sgd", "adam", "lion", "sam"], learning_rate=0.1)),
        (10, partial(landscape.race, small(), **TRAININGS, seeds=1, points=3, optimizers=["sgd", "adam"])),
        (4, partial(landscape.study_batch_size, small(), **FEW, seeds=1, batch_sizes=[8, 16], epochs=0.2)),
    ],
    ids=["race", "tuned race", "batch size"],
)  # fmt: skip
def test_no_worker_waits_between_optimizers_or_budgets(parts, work):
    with Together(parts) as executor:
        found = work(executor=executor)
    assert executor.enough.is_set()
    alone = work()
    runs = (
        {"values": found.values, "tuning": found.tuning_loss}
        if isinstance(found, landscape.Race)
        else found.series
    )
    ours = (
        {"values": alone.values, "tuning": alone.tuning_loss}
        if isinstance(alone, landscape.Race)
        else alone.series
    )
    for name in runs.keys() - {"update_seconds", "epoch_seconds"}:
        assert bits(runs[name]) == bits(ours[name]), name


def bits(found: Any) -> Any:
    return (
        {name: array.tobytes() for name, array in found.items()}
        if isinstance(found, dict)
        else found.tobytes()
    )


@pytest.mark.parametrize("name", ["race", "stability", "search", "connect"])
def test_what_workers_left_goes_on_here(name, tmp_path, monkeypatch):
    path = tmp_path / "record.npz"
    with Crooked(2, fault=after(3, ImportError("No module named 'landscape'"))) as executor:
        monkeypatch.setattr(Keeper, "due", lambda self: True)
        with pytest.raises(InputError, match="install numba-landscape"):
            WORKS[name](output=path, executor=executor)
    assert list(tmp_path.iterdir())
    said: list[float] = []
    same(WORKS[name](output=path, progress=lambda share, words: said.append(share)), WORKS[name]())
    assert said[0] > 0 or name == "connect"
    assert [left.name for left in tmp_path.iterdir()] == ["record.npz"]


def trained(piece=None, executor=None, **more):
    recipe = {
        "optimizer": ["sgd", "adam"],
        "learning_rate": 0.1,
        "seed": [0, 1, 2],
        "batch_size": 8,
        "steps": 6,
    }
    return landscape.train_many(
        small(), **recipe | more, looks=4, keep="theta", threads=1, piece=piece, executor=executor
    )


def alike(one: landscape.Ensemble, other: landscape.Ensemble) -> None:
    assert one.losses.keys() == other.losses.keys()
    for name in ("theta", "buffers", "diverged", "path", "step"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    for name, losses in one.losses.items():
        assert losses.tobytes() == other.losses[name].tobytes()


def test_runs_in_groups_end_where_they_end_together():
    with Crooked(workers=2) as executor:
        alike(trained(executor=executor), trained())
        assert executor.given == 6


def test_runs_that_were_begun_here_go_on_with_workers_and_the_other_way_round(monkeypatch):
    whole = trained()
    for first in ("here", "workers"):
        pieces = Pieces(None, model="", data="", settings={})
        monkeypatch.setattr(Pieces, "due", lambda self: True)
        calls = iter(range(2))

        def told(share, words, calls=calls):
            if next(calls, None) is None:
                raise KeyboardInterrupt

        monkeypatch.setattr("landscape.objective.trainer.FIRST_CHUNK", 2)
        monkeypatch.setattr("landscape.objective.cpu_training.CHUNK_SECONDS", 0.0)
        with Crooked(3, workers=1) as executor, pytest.raises(KeyboardInterrupt):
            trained(pieces.piece("runs"), None if first == "here" else executor, progress=told)
        left = pieces.pieces["runs"]
        assert 0 < left["progress.step"].sum() < 36
        assert ("whole" in left) == (first == "workers")
        with Crooked(workers=2) as executor:
            alike(trained(pieces.piece("runs"), executor if first == "here" else None), whole)
        assert "whole" not in pieces.pieces["runs"]
