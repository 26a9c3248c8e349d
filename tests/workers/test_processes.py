"""Real processes: two that are spawned, one that is killed in the middle, and the command."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest

from landscape import scan
from landscape.model import save_model
from landscape.records import Scan
from landscape.workers import Workers, open_workers
from tests.scanning.examples import small_model
from tests.workers.test_scans import same

pytestmark = pytest.mark.skipif(not hasattr(os, "kill"), reason="needs signals")


@dataclass
class Dying:
    """A part of the work kills its process the first time that it is done."""

    mark: Path

    def do(self, piece):
        if piece == 2 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return piece**2, os.getpid()


def test_two_spawned_processes_give_the_record_of_this_one():
    options = {"points": "6x5", "seed": 2}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        found = scan(small_model(), **options, executor=executor)
        assert len(executor._processes) == 2
    assert same(found, scan(small_model(), **options, threads=1))


def test_processes_of_our_own_are_begun_anew_where_one_dies_and_end_with_the_work(tmp_path):
    with open_workers("2") as workers:
        found = {
            piece: outcome.value for piece, outcome in workers.results(Dying(tmp_path / "died"), range(6))
        }
        assert workers.generation == 1
    assert {piece: value for piece, (value, _) in found.items()} == {piece: piece**2 for piece in range(6)}
    for _, process in found.values():
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_the_command_writes_the_same_record_with_workers_and_without(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from landscape.commands import group

    monkeypatch.chdir(tmp_path)
    save_model(small_model(), "small.npz")
    for name, more in (("here", ["--threads", "1"]), ("there", ["--workers", "2"])):
        command = ["scan", "small.npz", "--points", "5", "-o", name, "--no-figure", "--quiet", *more]
        result = CliRunner().invoke(group, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
    assert same(Scan.load("here.npz"), Scan.load("there.npz"))
    # Nothing of the workers stays behind.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here.npz", "small.npz", "there.npz"]


def test_workers_share_the_cores_of_the_machine(monkeypatch):
    @dataclass
    class Counting:
        def do(self, piece):
            from landscape.objective.session import available_cores

            return available_cores()

    from tests.workers.executors import Crooked

    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    from landscape.workers import crew, size

    monkeypatch.setattr(crew, "size_of", lambda executor: size.Size(3, 3))
    monkeypatch.setattr("landscape.workers.parcel.pickled", lambda shared, anew: b"")
    monkeypatch.setattr("landscape.workers.task.opened", lambda parcel, content: Counting())
    with Crooked() as executor:
        assert [outcome.value for _, outcome in Workers(executor).results(Counting(), range(2))] == [2, 2]
