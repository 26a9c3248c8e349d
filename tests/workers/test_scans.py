"""A scan by workers has the bytes of the scan of one machine, however it is cut and whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from landscape import CallableObjective, CompiledObjective, NetworkObjective, scan
from landscape.errors import ComputationError, InputError, WorkerError
from landscape.objective.rows import PointSweep
from landscape.records import Scan
from landscape.records.keeper import Keeper
from landscape.scanning import portions
from landscape.scanning.portions import Cutter
from landscape.workers import Workers
from tests.objective.test_recomputed import model as normalized
from tests.scanning.examples import small_model
from tests.scanning.slow import SlowObjective
from tests.scanning.test_between_models import ends
from tests.workers.executors import Crooked, after, lost


def wave(theta):
    return float(np.sin(theta).sum() + theta @ theta)


def wave_gradient(theta):
    return np.cos(theta) + 2 * theta


WAVE = CallableObjective(wave, wave_gradient, size=3)
FUNCTION = {"center": np.zeros(3), "points": "7x5"}
NETWORK = {"points": "5x4", "seed": 3, "threads": 1}
SCANS: dict[str, Callable[..., Scan]] = {
    "function": partial(scan, WAVE, **FUNCTION),
    "line": partial(scan, WAVE, center=np.ones(3), dimensions=1, points=17),
    "curvature of a function": partial(scan, WAVE, center=np.zeros(3), points=3, quantity="curvature"),
    "network": partial(scan, small_model(weight_decay=0.01), **NETWORK),
    "volume": partial(scan, small_model(), points=3, dimensions=3, dtype="float64"),
    "subset": partial(scan, small_model(), **NETWORK, examples=64, split="train"),
    "metrics": partial(scan, small_model(), **NETWORK, metrics=("balanced_accuracy",)),
    "recomputed statistics": partial(
        scan, normalized(), points=3, seed=1, dtype="float64", recompute_statistics=True, threads=1
    ),
    "between": partial(
        scan, ends()[0], direction="between", to=ends()[1], dimensions=1, points=5, dtype="float64", threads=1
    ),
    "its objective": partial(
        scan, NetworkObjective(small_model(), threads=1), center=small_model().theta, points=4
    ),
}  # fmt: skip


def same(one: Scan, other: Scan) -> bool:
    ours, theirs = one.arrays(), other.arrays()
    return one.settings == other.settings and {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in ours.items()
    } == {name: (array.dtype, array.shape, array.tobytes()) for name, array in theirs.items()}


@pytest.mark.parametrize("name", SCANS)
def test_the_record_is_that_of_one_machine_to_the_bit(name):
    with Crooked(1, fault=lost(2)) as executor:
        assert same(SCANS[name](executor=executor), SCANS[name]())


@pytest.mark.parametrize("count", [1, 3, 7])
def test_cuts_change_no_bit(count, monkeypatch):
    grid = 20

    class Even(Cutter):
        def wanted(self):
            return -(-grid // count)

    monkeypatch.setattr("landscape.scanning.by_points.Cutter", Even)
    with Crooked(count) as executor:
        found = SCANS["network"](executor=executor)
    assert same(found, SCANS["network"]())
    assert executor.given == 2 * len(range(0, grid, -(-grid // count)))


def cut_after(parts: int, monkeypatch) -> None:
    """Press Ctrl-C after so many parts of a scan, which saves at each pause; there are pauses in which nothing came."""
    shares = set()
    monkeypatch.setattr(Keeper, "due", lambda self: True)

    def pause(self):
        shares.add(self.share)
        if len(shares) > parts:
            self.save(now=True)
            self.stopped = True
            raise KeyboardInterrupt
        self.save()

    monkeypatch.setattr(Keeper, "pause", pause)


@pytest.mark.parametrize("name", ["network", "metrics", "function"])
@pytest.mark.parametrize(
    ("first", "then"), [("workers", "here"), ("here", "workers"), ("workers", "workers")]
)
def test_either_goes_on_with_what_the_other_left(name, first, then, tmp_path, monkeypatch):
    path = tmp_path / "scan.npz"

    def run(by):
        if by == "here":
            return SCANS[name](output=path)
        with Crooked(2, workers=2) as executor:
            return SCANS[name](output=path, executor=executor)

    monkeypatch.setattr("landscape.objective.cpu_sweep.CpuSweep.points_a_step", 7)
    monkeypatch.setattr(portions, "SECONDS", 1e-9)
    with monkeypatch.context() as patch:
        cut_after(4, patch)
        with pytest.raises(KeyboardInterrupt):
            run(first)
    left = Scan.load(path)
    assert not left.finished
    assert 0 < left.share < 1
    assert np.isnan(sum(left.values.values())[~left.done]).all()
    assert same(run(then), SCANS[name]())


def test_what_is_done_is_kept_when_workers_are_refused_or_fail(tmp_path, monkeypatch):
    path = tmp_path / "scan.npz"
    monkeypatch.setattr(portions, "SECONDS", 1e-9)
    missing = ModuleNotFoundError("No module named 'landscape'", name="landscape")
    with Crooked(fault=after(4, missing)) as executor, pytest.raises(WorkerError, match="install"):
        SCANS["function"](output=path, executor=executor)
    assert 0 < Scan.load(path).share < 1
    with Crooked(fault=lambda number: lost(number)(number)) as executor, pytest.raises(ComputationError):
        SCANS["function"](output=path, executor=executor)
    assert same(SCANS["function"](output=path), SCANS["function"]())


def test_a_record_names_every_kind_of_cpu_that_was_accepted(monkeypatch):
    monkeypatch.setattr("landscape.workers.task.named", lambda here, asks: "power9, vectors of 16 bytes")
    with Crooked() as executor:
        found = SCANS["function"](executor=Workers(executor, mixed=True))
    assert found.machine == f"{SCANS['function']().machine}; then power9, vectors of 16 bytes"


def test_a_sweep_of_the_objectives_own_is_refused():
    with Crooked() as executor, pytest.raises(InputError, match="SlowSweep"):
        scan(SlowObjective(), center=np.zeros(3), points=3, executor=executor)


def test_a_function_that_cannot_be_pickled_is_refused_before_anything_is_given(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
    with Crooked() as executor:
        with pytest.raises(InputError, match="cannot be pickled"):
            scan(
                CallableObjective(lambda theta: 0.0, size=2), center=np.zeros(2), points=3, executor=executor
            )
        assert executor.given == 0


def test_runs_are_whole_lines_of_a_few_seconds_that_shrink_at_the_end():
    cutter = Cutter(np.ones(400, bool), grain=1, line=20, workers=2)
    runs = [cutter.next()]
    cutter.took(1, 0.05)
    while (run := cutter.next()) is not None:
        runs.append(run)
    # A hundred points take 5 s; a half of a worker's share of what is left is less from the first on.
    assert runs[0] == (0, 1)
    assert [first for first, _ in runs[1:]] == [last for _, last in runs[:-1]]
    assert runs[-1][1] == 400
    lengths = [last - first for first, last in runs]
    assert max(lengths) <= portions.SECONDS / 0.05 + 20
    assert lengths[-1] <= 4
    assert all(last % 20 == 0 for first, last in runs[1:] if last - first >= 20)


def test_runs_leave_out_what_is_done_and_keep_together_what_is_evaluated_together():
    done = np.arange(64) < 10
    done[32:40] = True
    cutter = Cutter(~done, grain=8, line=64, workers=1)
    runs = []
    while (run := cutter.next()) is not None:
        runs.append(run)
    assert [first % 8 for first, _ in runs] == [0] * len(runs)
    assert sorted(set(range(64)) - set(range(32, 40)) - set(range(8))) == [
        k for a, b in runs for k in range(a, b)
    ]


def test_sweeps_of_every_kind_compute_runs_of_points():
    import numba

    compiled = CompiledObjective(numba.njit(wave), size=3)
    for objective in (WAVE, compiled, NetworkObjective(small_model())):
        center = np.full(objective.size, 0.3)
        grid = (center, np.eye(objective.size)[:2], (np.linspace(-1, 1, 40), np.linspace(0, 1, 20)))
        whole, part = objective.sweep(*grid), objective.sweep(*grid)
        assert isinstance(part, PointSweep)
        for step in range(whole.steps):
            whole.run(step)
        part.compute(256, 512, 0)
        assert part.rows(256, 512).tobytes() == whole.rows(256, 512).tobytes()
