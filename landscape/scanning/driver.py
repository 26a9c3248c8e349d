"""Run the plan of a scan: its steps in order, with a save every few seconds, and resuming."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from landscape.errors import ComputationError, WorkerError
from landscape.progress import Announce, Progress, counted, nobody, silent
from landscape.records import Scan
from landscape.records.keeper import Keeper
from landscape.records.keeping import Fields, Inside, Key, Wanted, produce_inside
from landscape.scanning.by_points import by_runs, by_workers
from landscape.scanning.plan import Plan
from landscape.scanning.resume import unlike
from landscape.scanning.work import Work, begin
from landscape.workers import Executor, Workers, as_workers


def run_plan(
    plan: Plan,
    *,
    path: Path | None = None,
    fresh: bool = False,
    executor: Executor | Workers | None = None,
    progress: Progress = nobody,
    announce: Announce = silent,
) -> Scan:
    """Run a plan to its end.

    With an `executor` its workers compute runs of points; the record and what is kept of an unfinished one are the same, and either goes on from
    what the other left.

    Where `path` is given it is checked first; every few seconds and on Ctrl-C the record so far is saved
    there, and an unfinished one of the same key is taken up. A finished one is returned as it is.

    Raises
    ------
    InputError
        The path cannot be written, or holds what must not be lost or cannot be taken up.
    ComputationError
        A save failed, or workers did; the last good record is still there.
    KeyboardInterrupt
        Ctrl-C; the record so far was saved, unless it fell into a step (a second one, or while kernels compile).
    """

    def work(keeper: Inside[Scan]) -> Fields:
        work = begin(plan, keeper.earlier)
        keeper.state = work.fields
        points = math.prod(plan.shape)

        def told() -> None:
            keeper.progress(work.share, counted(work.share * points, points, "points"))

        told()
        with keeper.deferred():
            try:
                for _ in steps_of(work, as_workers(executor), keeper):
                    told()
                    if not work.finished:
                        keeper.pause()
            except (ComputationError, WorkerError):
                # Of data that cannot be read any more, before anything of the step is summed; or of workers.
                keeper.save(now=True)
                raise
        return work.fields()

    return produce_inside(wanted_of(plan, path, fresh, progress, announce), work, whole=False)


def steps_of(work: Work, workers: Workers | None, keeper: Keeper) -> Iterator[None]:
    """Do the work step by step, or by runs of points where workers compute it or did before."""
    if workers is not None:
        yield from by_workers(work, workers, keeper)
    elif any(part.whole is not None for part in work.parts.values()):
        yield from by_runs(work)
    while not work.finished:
        work.advance()
        yield


def wanted_of(
    plan: Plan, path: Path | None, fresh: bool, progress: Progress = nobody, announce: Announce = silent
) -> Wanted[Scan]:
    """Say what record a plan asks for."""
    key = Key(plan.subject.model, plan.subject.data, {**plan.settings, **plan.words})
    return Wanted(Scan, key, path, fresh, progress, announce, differing=lambda found: unlike(found, plan))
