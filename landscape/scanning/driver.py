"""Running a plan: steps in their order, a save every few seconds, and taking up where a save stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landscape.errors import ComputationError, InputError
from landscape.interrupt import deferred_interrupt
from landscape.objective import HasSweep, Sweep
from landscape.records import Scan
from landscape.scanning.curvature_sweep import CurvatureSweep
from landscape.scanning.penalty import grid_penalty
from landscape.scanning.plan import Plan
from landscape.scanning.resume import earlier_scan
from landscape.scanning.subject import measured
from landscape.version import current_version

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

SECONDS_BETWEEN_SAVES = 2.0
# Where a save itself is slow (a large θ), the work still gets this many times its share.
WORK_PER_SAVE = 20.0


@dataclass
class Part:
    """One split's sweep and how many of its steps are done."""

    sweep: Sweep
    step: int = 0

    def fits(self, state: np.ndarray, step: np.ndarray) -> bool:
        """Whether a saved state can be this sweep's."""
        ours = self.sweep.state
        known = state.shape == ours.shape and state.dtype == ours.dtype
        return known and step.shape == () and 0 <= int(step) <= self.sweep.steps

    def advance(self) -> None:
        """Run the next step."""
        self.sweep.run(self.step)
        self.step += 1


@dataclass
class Work:
    """A plan in progress: a part for each split, exact values at the centre, the seconds spent on steps."""

    plan: Plan
    parts: dict[str, Part]
    center_values: dict[str, dict[str, float]]
    penalty: Array
    seconds: float = 0.0
    since: float = field(default_factory=time.perf_counter)

    @property
    def done(self) -> int:
        """Steps done, of all splits."""
        return sum(part.step for part in self.parts.values())

    @property
    def total(self) -> int:
        """Steps in all."""
        return sum(part.sweep.steps for part in self.parts.values())

    def advance(self) -> None:
        """Run the next step of the first split that has one left."""
        next(part for part in self.parts.values() if part.step < part.sweep.steps).advance()

    def elapsed(self) -> float:
        """Seconds of work, those before a resume included."""
        return self.seconds + time.perf_counter() - self.since

    def restore(self, earlier: Scan) -> None:
        """Take up where a save stopped.

        Raises
        ------
        InputError
            What was saved is not the state of these sweeps.
        """
        for split, part in self.parts.items():
            state = earlier.partial.get(f"{split}.state")
            step = earlier.partial.get(f"{split}.step")
            if state is None or step is None or not part.fits(state, step):
                raise InputError(
                    "the unfinished scan at the output holds no state that can be taken up: "
                    "give --fresh to start anew"
                )
            part.sweep.state[...] = state
            part.step = int(step)
        self.seconds = earlier.seconds

    def record(self) -> Scan:
        """Freeze what is known now; unfinished work carries its state."""
        columns = {
            f"{split}_{name}": column.reshape(self.plan.shape)
            for split, part in self.parts.items()
            for name, column in part.sweep.finish().items()
        }
        done = np.logical_and.reduce([part.sweep.point_done() for part in self.parts.values()])
        suffix = ".error"
        return Scan(
            axes=self.plan.axes,
            directions=self.plan.directions.vectors,
            center=self.plan.subject.center,
            values={name: column for name, column in columns.items() if not name.endswith(suffix)},
            errors={
                name.removesuffix(suffix): column for name, column in columns.items() if name.endswith(suffix)
            },
            penalty=self.penalty,
            done=done.reshape(self.plan.shape),
            center_values=self.center_values,
            end_values=self.plan.subject.far or {},
            partial=self.partial() if self.done < self.total else {},
            model=self.plan.subject.model,
            data=self.plan.subject.data,
            settings={**self.plan.settings, **self.plan.words},
            version=current_version(),
            seconds=self.elapsed(),
        )

    def partial(self) -> dict[str, np.ndarray]:
        """Everything that a resume needs."""
        return {
            f"{split}.{name}": np.asarray(value)
            for split, part in self.parts.items()
            for name, value in {
                "state": part.sweep.state,
                "step": np.int64(part.step),
                "steps": np.int64(part.sweep.steps),
            }.items()
        }


def begin(plan: Plan, earlier: Scan | None) -> Work:
    """Set up the sweeps, evaluate the centre, and restore what was done."""
    subject = plan.subject
    parts = {split: Part(sweep_of(plan, objective)) for split, objective in subject.objectives.items()}
    penalty = grid_penalty(subject.center, plan.directions.vectors, plan.axes, subject.decay)
    work = Work(plan, parts, center_values(plan), penalty)
    if earlier is not None:
        work.restore(earlier)
    return work


def sweep_of(plan: Plan, objective: HasSweep) -> Sweep:
    """Prepare the grid of what was asked for."""
    grid = (plan.subject.center, plan.directions.vectors, plan.axes)
    return CurvatureSweep(objective, *grid) if plan.quantity == "curvature" else objective.sweep(*grid)


def center_values(plan: Plan) -> dict[str, dict[str, float]]:
    """Evaluate θ itself, exactly there, whether or not the grid has a point at the centre."""
    values = {}
    for split, objective in plan.subject.objectives.items():
        values[split] = measured(objective.evaluate(plan.subject.center))
    return values


def run_plan(
    plan: Plan, *, path: Path | None = None, fresh: bool = False, progress: Progress | None = None
) -> Scan:
    """Run a plan to its end.

    Where `path` is given it is checked first; every few seconds and on Ctrl-C the record so far is saved
    there, and an unfinished one of the same key is taken up. A finished one is returned as it is.

    Raises
    ------
    InputError
        The path cannot be written, or holds what must not be lost or cannot be taken up.
    ComputationError
        A save failed; the last good record is still there.
    KeyboardInterrupt
        Ctrl-C; the record so far was saved, unless it fell into a step (a second one, or while kernels compile).
    """
    earlier = None if path is None else earlier_scan(path, plan, fresh=fresh)
    if earlier is not None and earlier.finished:
        return earlier
    work = begin(plan, earlier)
    saver = Saver(path, 0 if earlier is None else work.done)
    with deferred_interrupt() as interruption:
        while work.done < work.total:
            if interruption.requested:
                saver.save(work)
                raise KeyboardInterrupt(told(path, work.done, work.total))
            try:
                work.advance()
            except KeyboardInterrupt:
                raise KeyboardInterrupt(told(path, saver.saved, work.total)) from None
            except ComputationError:
                # Of data that cannot be read any more, before anything of the step is summed.
                saver.save(work)
                raise
            saver.save_if_due(work)
            if progress is not None:
                progress(work.done, work.total)
        return saver.save(work)


def told(path: Path | None, done: int, total: int) -> str:
    """Say what an interruption leaves after so many steps that are saved."""
    share = f"{done / total:.0%}"
    if path is None:
        return f"interrupted at {share}; nothing was saved"
    if done == 0:
        return "interrupted; nothing was written"
    return f"interrupted: {path} holds the {share} that is done, and the same command takes up there"


class Saver:
    """Saves to a path (or nowhere, for None), not more often than the work can bear."""

    def __init__(self, path: Path | None, saved: int = 0) -> None:
        self.path, self.saved = path, saved
        self.due = time.perf_counter() + SECONDS_BETWEEN_SAVES

    def save_if_due(self, work: Work) -> None:
        """Save when it is time; the last step is saved by the end of the work."""
        start = time.perf_counter()
        if self.path is None or start < self.due or work.done == work.total:
            return
        self.save(work)
        end = time.perf_counter()
        self.due = end + max(SECONDS_BETWEEN_SAVES, WORK_PER_SAVE * (end - start))

    def save(self, work: Work) -> Scan:
        """Save now."""
        record = work.record()
        if self.path is not None:
            record.save(self.path)
            self.saved = work.done
        return record
