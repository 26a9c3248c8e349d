"""A scan whose points are computed in runs in any order, by workers or in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from landscape.objective import HasSweep
from landscape.records.keeper import Keeper
from landscape.scanning.plan import Plan, Subject
from landscape.scanning.portions import Cutter, Given, Grids, portions_of
from landscape.scanning.work import Part, Work
from landscape.workers import Workers


def by_workers(work: Work, workers: Workers, keeper: Keeper) -> Iterator[None]:
    """Have workers compute the points that are not done, and store the results as they arrive."""
    plan, sweeps = work.plan, {split: part.by_points() for split, part in work.parts.items()}
    cutters = {split: cutter_of(part, plan, workers.size.count) for split, part in work.parts.items()}
    shared = Grids(
        makers_of(plan.subject),
        plan.quantity,
        plan.subject.center,
        plan.directions.vectors,
        plan.axes,
    )
    portions = chain.from_iterable(
        portions_of(split, sweep, cutters[split], work.parts[split].step) for split, sweep in sweeps.items()
    )
    for portion, outcome in workers.results(
        shared,
        portions,
        keeper.pause,
        objective=next(iter(plan.subject.objectives.values())),
        measures=True,
    ):
        rows, seconds = outcome.value
        sweeps[portion.split].put(portion.first, rows)
        work.parts[portion.split].note(portion.first, portion.last)
        cutters[portion.split].took(portion.last - portion.first, seconds)
        keeper.computed_on(outcome.kind)
        yield


def by_runs(work: Work) -> Iterator[None]:
    """Compute in this process the points that workers left."""
    for part in work.parts.values():
        sweep, cutter = part.by_points(), cutter_of(part, work.plan, 1)
        while (run := cutter.next()) is not None:
            first, last = run
            begun = time.perf_counter()
            sweep.compute(first, last, part.step)
            cutter.took(last - first, time.perf_counter() - begun)
            sweep.close()
            part.note(first, last)
            yield


def cutter_of(part: Part, plan: Plan, workers: int) -> Cutter:
    """Make the object that cuts a part's remaining points into runs."""
    return Cutter(~part.point_done(), part.by_points().grain, plan.shape[-1], workers)


def makers_of(subject: Subject) -> Mapping[str, Callable[[], HasSweep]]:
    """Choose how a worker gets the objective of each split: from the model, or as a pickle."""
    return subject.makers or {split: Given(objective) for split, objective in subject.objectives.items()}
