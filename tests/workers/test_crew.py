"""Which parts are handed out, results in any order, and parts that are lost, late or wrong."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass, replace

import numpy as np
import pytest

from landscape.errors import ComputationError, InputError, WorkerError
from landscape.workers import Workers, crew, open_workers, read, size
from landscape.workers import parcel as parcels
from landscape.workers.crew import TRIES
from landscape.workers.identity import differences, identity, named
from landscape.workers.parcel import NotHereError, opened, packed
from tests.workers.executors import NEVER, Crooked, lost


@dataclass
class Powers:
    """The work of these tests: 2 to the power of a part."""

    base: float = 2.0
    error: Exception | None = None

    def do(self, piece):
        if self.error is not None and piece == 3:
            raise self.error
        return np.array([self.base**piece])


def computed(executor, shared=None, *, measures=False, **options):
    found, workers = {}, Workers(executor, **options)
    for piece, outcome in workers.results(shared or Powers(), range(12), measures=measures):
        assert piece not in found
        found[piece] = float(outcome.value[0])
    return found


EXPECTED = {piece: 2.0**piece for piece in range(12)}


@pytest.mark.parametrize("seed", range(3))
def test_every_part_comes_back_once_in_whatever_order(seed):
    with Crooked(seed) as executor:
        assert computed(executor) == EXPECTED
        assert executor.given == 12


@pytest.mark.parametrize("measures", [True, False])
def test_each_machine_has_one_part_at_first_where_that_measures_and_then_few_are_out_at_a_time(
    measures, monkeypatch
):
    monkeypatch.setattr(crew, "size_of", lambda executor: size.Size(4, 2))
    with Crooked() as executor:
        asked = []

        def pieces():
            for number in range(12):
                asked.append(executor.given)
                yield number

        workers = Workers(executor)
        results = workers.results(Powers(), pieces(), measures=measures)
        next(results)
        # One for each of two machines, or two for each of four workers.
        assert len(asked) == (2 if measures else 8)
        assert len(list(results)) == 11
        assert asked == list(range(12))


def test_workers_that_join_get_parts_and_share_the_cores_from_then_on(monkeypatch):
    monkeypatch.setattr(crew, "COUNT", 0.0)
    sizes = iter([size.Size(1), size.Size(1), size.Size(3, 3)])
    last = [size.Size(3, 3)]
    monkeypatch.setattr(crew, "size_of", lambda executor: next(sizes, last[0]))
    asked = []

    def pieces():
        for number in range(12):
            asked.append(number)
            yield number

    with Crooked() as executor:
        results = Workers(executor).results(Powers(), pieces())
        next(results)
        next(results)
        assert len(asked) > 4
        assert len(list(results)) == 10


def test_what_was_lost_with_its_worker_is_given_out_again():
    with Crooked(fault=lost(0, 4, 7)) as executor:
        assert computed(executor) == EXPECTED
        assert executor.given == 15


def test_a_part_that_is_lost_each_time_ends_the_work():
    with Crooked(fault=lambda number: lost(number)(number), workers=1) as executor:
        with pytest.raises(ComputationError, match=f"lost {TRIES} times"):
            computed(executor, measures=True)
        assert executor.given == TRIES


def test_a_part_that_never_comes_back_is_given_to_another():
    with Crooked(fault=lambda number: NEVER if number == 5 else None) as executor:
        assert computed(executor, patience=0.3) == EXPECTED


class Broken(Crooked):
    """An executor that breaks at its third part, and accepts none afterwards."""

    def submit(self, function, *arguments):
        if self.given > 3:
            raise BrokenExecutor("broken")
        return super().submit(function, *arguments)


def test_an_executor_that_broke_is_begun_anew_where_that_is_possible():
    with Broken(fault=lost(2, 3, kind=BrokenExecutor)) as executor, Crooked() as fresh:
        assert computed(executor, renew=lambda: fresh) == EXPECTED
    with (
        Broken(fault=lost(2, 3, kind=BrokenExecutor)) as executor,
        pytest.raises(ComputationError, match="died"),
    ):
        computed(executor)


class Slow(Crooked):
    """Takes parts in their order, and is at the fifth until parts are given again: then both come."""

    def __init__(self, **options):
        self.pieces, self.again = set(), threading.Event()
        super().__init__(fault=self.wait, **options)

    def submit(self, function, task, piece):
        if piece in self.pieces:
            self.again.set()
        self.pieces.add(piece)
        return super().submit(function, task, piece)

    def chosen(self):
        return 0

    def wait(self, number):
        if number == 4:
            self.again.wait()


def test_a_part_that_was_done_twice_must_come_out_the_same():
    with Slow(workers=1) as executor:
        assert computed(executor, patience=0.3) == EXPECTED
        assert executor.given > 12
    count = iter(range(100))

    def changed(outcome):
        return replace(outcome, value=outcome.value + 1e-9 * next(count))

    with (
        Slow(workers=1, changed=changed) as executor,
        pytest.raises(ComputationError, match="different numbers for the same part"),
    ):
        computed(executor, patience=0.3)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InputError("no such thing"), WorkerError),
        (ComputationError("no convergence"), ComputationError),
        (OSError(28, "No space left on device"), ComputationError),
        (ZeroDivisionError("a fault of the program"), ZeroDivisionError),
    ],
)
def test_what_goes_wrong_on_a_worker_is_said_in_one_line_with_its_name(error, kind):
    with Crooked() as executor, pytest.raises(kind) as told:
        computed(executor, Powers(error=error))
    assert "\n" not in str(told.value)
    assert "worker" in str(told.value) or kind is ZeroDivisionError


def test_what_all_parts_share_is_sent_with_none_of_them():
    shared = Powers()
    shared.big = np.arange(100_000.0)
    with Crooked() as executor:
        assert computed(executor, shared) == EXPECTED
        assert max(executor.sizes) < 2000


def test_workers_that_do_not_see_the_file_get_the_bytes_once(monkeypatch, tmp_path):
    monkeypatch.setattr(parcels.tempfile, "gettempdir", lambda: str(tmp_path))
    # Nobody sees where the driver put it.
    real = parcels.read
    monkeypatch.setattr(
        parcels, "read", lambda path, sha256: real(path, sha256) if tmp_path in path.parents else None
    )
    shared = Powers()
    shared.big = np.arange(10_000.0)
    with Crooked() as executor:
        assert computed(executor, shared) == EXPECTED
        assert sum(size > 80_000 for size in executor.sizes) == 1


def test_a_parcel_that_holds_something_else_is_not_opened(tmp_path):
    parcel, content = packed(Powers(base=3.0), tmp_path)
    (tmp_path / parcel.sha256).write_bytes(pickle.dumps(Powers(base=5.0)))
    with pytest.raises(NotHereError):
        opened(parcel, None)
    assert opened(parcel, content).base == 3.0
    parcel.here.unlink()


def test_what_cannot_be_pickled_is_refused_in_one_line():
    shared = Powers()
    shared.generator = (number for number in range(3))
    with Crooked() as executor, pytest.raises(InputError, match="cannot be pickled"):
        computed(executor, shared)


class Elsewhere(Crooked):
    """A machine of another kind."""

    def __init__(self, monkeypatch, **other):
        super().__init__()
        self.patch, self.other = monkeypatch, identity() | other

    def work(self):
        with self.patch.context() as patch:
            patch.setattr("landscape.workers.task.identity", lambda: self.other)
            super().work()


def test_workers_of_another_kind_are_refused_by_name_or_accepted_and_named(monkeypatch):
    with Elsewhere(monkeypatch, CPU="power9, vectors of 16 bytes (00)") as executor:
        with pytest.raises(WorkerError, match=r"CPU .* here, power9, .* there: .*--mixed"):
            computed(executor)
        workers = Workers(executor, mixed=True)
        assert len(list(workers.results(Powers(), range(3)))) == 3
        assert workers.kinds == ["power9, vectors of 16 bytes"]
    with (
        Elsewhere(monkeypatch, landscape="0.0.1 (00)") as executor,
        pytest.raises(WorkerError, match=r"landscape .* here, 0.0.1 \(00\) there: install"),
    ):
        computed(executor, mixed=True)


def test_a_worker_without_the_package_is_told():
    error = ModuleNotFoundError("No module named 'landscape'", name="landscape")
    with (
        Crooked(fault=lambda number: error) as executor,
        pytest.raises(WorkerError, match="install numba-landscape"),
    ):
        computed(executor)


def test_this_process_does_not_differ_from_itself():
    assert differences(identity(), identity(), mixed=False) == ""
    assert "vectors of" in named(identity(), identity())


@pytest.mark.parametrize("told", ["0", "-1", "two", "10.0.0.1:8786", "9999999"])
def test_what_is_neither_a_number_nor_an_address_is_refused(told):
    with pytest.raises(InputError, match="--workers: expected"), open_workers(told):
        pass


def test_more_processes_than_cores_are_told_and_more_than_memory_holds_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(read, "all_cores", lambda: 2)
    for count, told in ((2, ""), (100, "100 processes share 2 cores")):
        with open_workers(str(count)) as workers:
            assert workers.size.count == count
        assert told in capsys.readouterr().err
    monkeypatch.setattr(read, "available_memory", lambda: 2**30)
    with pytest.raises(InputError, match=r"13\.7 GiB.*choose at most 7"), open_workers("100"):
        pass
