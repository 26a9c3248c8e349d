"""Trainings computed in groups in any order, by workers or in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import ComputationError, WorkerError
from landscape.model import Model
from landscape.objective.by_device import make_trainer
from landscape.objective.session import all_cores, checked_threads
from landscape.progress import Progress, nobody, units
from landscape.training.course import Course, Paths
from landscape.training.recipe import Recipe, columns
from landscape.workers import Size, Workers

# Groups that a worker gets one after the other, where there are more runs than cores: all end at about the same time, and workers that join get some.
GROUPS = 3


class Group(NamedTuple):
    """Some of the runs: their numbers, and their state if they were begun already."""

    runs: NDArray[np.int64]
    state: dict[str, NDArray[Any]] | None


@dataclass
class Trainings:
    """What all runs share: the model, their settings, starts and looks, and what is kept of their paths."""

    model: Model
    recipes: Sequence[Recipe]
    starts: NDArray[Any]
    looked: NDArray[np.int64]
    keep: str
    directions: ArrayLike | None
    center: ArrayLike
    dtype: str
    threads: int | None
    device: str

    def course(self, runs: NDArray[np.int64]) -> Course:
        """Put some of the runs at their starts."""
        recipes = [self.recipes[run] for run in runs]
        given = columns(recipes, self.model.examples("train"))
        trainer = make_trainer(
            self.model, given, self.starts[runs], dtype=self.dtype, threads=self.threads, device=self.device
        )
        looked = self.looked[runs]
        return Course(
            trainer, looked, Paths(trainer, self.keep, self.directions, self.center, looked.shape[1]), None
        )

    def do(self, group: Group) -> dict[str, NDArray[Any]]:
        """Train some of the runs to their end, and return their state there."""
        course = self.course(group.runs)
        if group.state is not None:
            slots = group.state["progress.slots"][:, : course.trainer.slots]
            course.restore(group.state | {"progress.slots": slots})
            course.whole = None
        course.run(nobody)
        return course.state()


def run_groups(trainings: Trainings, course: Course, workers: Workers | None, progress: Progress) -> None:
    """Take the runs of a course to their end in groups, by workers or here."""
    told = units(progress, "steps")
    try:
        for _ in by_groups(trainings, course, workers):
            told(int(course.trainer.progress.step.sum()), course.steps)
            course.keep()
    except (KeyboardInterrupt, ComputationError, WorkerError):
        course.keep(now=True)
        raise
    course.keep(now=True)
    told(course.steps, course.steps)


def by_groups(trainings: Trainings, course: Course, workers: Workers | None) -> Iterator[None]:
    """Store the groups as they arrive."""
    if course.look == course.looked.shape[1]:
        return
    if course.whole is None:
        course.whole = np.zeros(len(trainings.recipes), bool)
    yield
    if workers is None:
        # So many at a time as there are threads: a group that is cut short is done again.
        threads = checked_threads(trainings.threads)
        for group in groups_of(course, lambda left: [min(left, threads)]):
            course.take(group.runs, trainings.do(group))
            yield
        return
    groups = groups_of(course, lambda left: lengths_of(left, workers.size, trainings.threads))
    for group, outcome in workers.results(trainings, groups):
        course.take(group.runs, outcome.value)
        if course.piece is not None:
            course.piece.pieces.computed_on(outcome.kind)
        yield


def lengths_of(left: int, size: Size, threads: int | None) -> list[int]:
    """Say how many runs each worker gets next: as many as it has threads, since one run is computed by one thread; more where there are many.

    A worker has as many cores as this process has of its machine, unless the number of threads is told.

    >>> lengths_of(20, Size(2), threads=16), lengths_of(20, Size(2), threads=4), lengths_of(3, Size(4), threads=4)
    ([10, 10], [4, 4], [1, 1, 1])
    """
    cores = threads or max(1, all_cores() // size.on_one_machine)
    rounds = min(GROUPS, -(-left // (size.count * cores)))
    parts = size.count * rounds
    return [length for k in range(size.count) if (length := left // parts + (k < left % parts))]


def groups_of(course: Course, lengths: Callable[[int], list[int]]) -> Iterator[Group]:
    """Divide the runs that are not at their end into groups, as they are asked for; `lengths` has those of the next ones for how many runs are left."""
    assert course.whole is not None
    left = np.flatnonzero(~course.whole)
    begun = course.look > 0 or bool(np.any(course.trainer.progress.step))
    state, count = course.state() if begun else None, len(course.whole)
    while len(left):
        for length in lengths(len(left)):
            runs, left = np.split(left, [length])
            yield Group(runs, None if state is None else rows_of(state, runs, count))


def rows_of(state: dict[str, NDArray[Any]], runs: NDArray[np.int64], count: int) -> dict[str, NDArray[Any]]:
    """Give the part of a state that belongs to some runs: their rows of arrays, and what all runs share."""
    return {
        name: array[runs] if array.ndim and len(array) == count else array for name, array in state.items()
    }
