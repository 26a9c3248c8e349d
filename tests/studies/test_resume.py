"""Races and studies that are cut short keep what is done, go on from there, and end with the same bits."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from landscape.commands import main
from landscape.errors import InputError
from landscape.model import save_model
from landscape.objective import trainer
from landscape.records import keeper, load_record
from landscape.studies import race, study_batch_size, study_learning_rate, study_schedule, study_stability
from tests.scanning.examples import small_model

MODEL = small_model(examples=45, test=20)
QUICK = {"init": "he", "threads": 1}
WORKS = {
    "race": partial(race, optimizers=["sgd", "adam"], steps=12, points=5, seeds=2, tune=True, **QUICK),
    "batch-size": partial(study_batch_size, batch_sizes=[9, 45], epochs=2, seeds=2, **QUICK),
    "learning-rate": partial(
        study_learning_rate, optimizers=["sgd"], rates=[0.1, 1e9], steps=20, seeds=2, **QUICK
    ),
    "stability": partial(study_stability, optimizer="adam", rates=[0.01, 0.02], steps=12, looks=4, **QUICK),
    "schedule": partial(study_schedule, schedules=["cosine"], optimizer="adam", steps=20, seeds=2, **QUICK),
}
# They are measured.
TIMES = ("update_seconds", "epoch_seconds")


class StopError(Exception):
    """Stands for a kill: nothing is saved after it."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Pause after every other step."""
    monkeypatch.setattr(trainer, "FIRST_CHUNK", 2)
    monkeypatch.setattr("landscape.objective.cpu_training.CHUNK_SECONDS", 0.0)
    for name, least in (("REPEATS", 1), ("TIMED_EXAMPLES", 1), ("LEAST_UPDATES", 2)):
        monkeypatch.setattr(f"landscape.studies.batch_size.{name}", least)


class Cut:
    """Counts the parts of the trainings, and does something in one of them."""

    def __init__(self, monkeypatch):
        self.count, self.at, self.act = 0, -1, None
        before = trainer.Trainer.advance

        def advance(*arguments, **options):
            self.count += 1
            if self.count == self.at:
                self.act()
            return before(*arguments, **options)

        monkeypatch.setattr(trainer.Trainer, "advance", advance)

    def set(self, at, act):
        self.count, self.at, self.act = 0, at, act


@pytest.fixture
def cut(monkeypatch):
    return Cut(monkeypatch)


def press():
    os.kill(os.getpid(), signal.SIGINT)


def stop():
    raise StopError


def content(record):
    """All of a record but its times."""
    arrays = {name: (a.shape, a.tobytes()) for name, a in record.arrays().items() if not name.endswith(TIMES)}
    arrays.pop("findings", None)
    return replace(record, seconds=0.0).header(), arrays


@pytest.mark.parametrize("name", WORKS)
def test_work_that_is_interrupted_again_and_again_ends_with_the_bits_of_an_unbroken_one(name, tmp_path, cut):
    work, path = WORKS[name], tmp_path / "out.npz"
    whole = work(MODEL)
    total, tries, done, said = cut.count, 0, None, []
    while done is None and tries < 9:
        # The first third of a study of batch sizes is timing, which begins anew.
        cut.set(1 + total // (2 if name == "batch-size" else 3), press)
        try:
            done = work(MODEL, output=path)
        except KeyboardInterrupt as interruption:
            said.append(str(interruption))
        tries += 1
    assert said
    assert all("goes on from there" in sentence for sentence in said)
    assert content(done) == content(whole)
    assert content(load_record(path)) == content(whole)
    assert [file.name for file in tmp_path.iterdir()] == ["out.npz"]


def test_work_that_is_killed_goes_on_from_its_last_save(tmp_path, cut, monkeypatch):
    monkeypatch.setattr(keeper, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(keeper, "SAVE_PART", np.inf)
    work, path = WORKS["schedule"], tmp_path / "out.npz"
    whole = work(MODEL)
    total = cut.count
    cut.set(total - 2, stop)
    with pytest.raises(StopError):
        work(MODEL, output=path)
    assert not path.exists()
    cut.set(-1, None)
    assert content(work(MODEL, output=path)) == content(whole)
    assert cut.count < total / 2


def test_unfinished_work_of_other_settings_is_not_lost(tmp_path, cut):
    work, path = WORKS["schedule"], tmp_path / "out.npz"
    cut.set(3, press)
    with pytest.raises(KeyboardInterrupt):
        work(MODEL, output=path)
    cut.set(-1, None)
    with pytest.raises(InputError, match=r"unfinished work with other settings \(seed 0 there, 1 here"):
        work(MODEL, output=path, seed=1)
    with pytest.raises(InputError, match="other data"):
        work(small_model(examples=44, test=20), output=path)
    work(MODEL, output=path, seed=1, fresh=True)
    assert [file.name for file in tmp_path.iterdir()] == ["out.npz"]


def test_without_an_output_nothing_is_said_to_be_kept(cut):
    cut.set(3, press)
    with pytest.raises(KeyboardInterrupt, match="nothing was written"):
        WORKS["schedule"](MODEL)


def test_an_interrupted_command_ends_with_130_and_says_how_to_go_on(tmp_path, monkeypatch, capsys, cut):
    monkeypatch.chdir(tmp_path)
    save_model(MODEL, "m.npz")
    arguments = ["race", "m.npz", "--optimizer", "sgd", "--steps", "9", "--seeds", "1", "--no-figure"]
    cut.set(2, press)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 130
    assert "m.race.sgd.steps9.seeds1.unfinished.npz keeps what is done" in capsys.readouterr().err
    cut.set(-1, None)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert not end.value.code
    assert {path.name for path in tmp_path.iterdir()} == {"m.npz", "m.race.sgd.steps9.seeds1.npz"}
