"""Running a plan: steps in their order, a save every few seconds, and taking up where a save stopped."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landscape.errors import ComputationError, InputError
from landscape.objective import HasSweep, Sweep
from landscape.progress import Announce, Progress, counted, nobody, silent
from landscape.records import Scan
from landscape.records.keeping import Fields, Inside, Key, Wanted, produce_inside
from landscape.scanning.curvature_sweep import CurvatureSweep
from landscape.scanning.penalty import grid_penalty
from landscape.scanning.plan import Plan
from landscape.scanning.resume import unlike
from landscape.scanning.subject import measured

Array = NDArray[np.float64]


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
    """A plan in progress: a part for each split, and exact values at the centre."""

    plan: Plan
    parts: dict[str, Part]
    center_values: dict[str, dict[str, float]]
    penalty: Array

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

    def fields(self) -> Fields:
        """Return what is known now as the fields of a record; unfinished work carries its state."""
        columns = {
            f"{split}_{name}": column.reshape(self.plan.shape)
            for split, part in self.parts.items()
            for name, column in part.sweep.finish().items()
        }
        done = np.logical_and.reduce([part.sweep.point_done() for part in self.parts.values()])
        suffix = ".error"
        return {
            "axes": self.plan.axes,
            "directions": self.plan.directions.vectors,
            "center": self.plan.subject.center,
            "values": {name: column for name, column in columns.items() if not name.endswith(suffix)},
            "errors": {
                name.removesuffix(suffix): column for name, column in columns.items() if name.endswith(suffix)
            },
            "penalty": self.penalty,
            "done": done.reshape(self.plan.shape),
            "center_values": self.center_values,
            "end_values": self.plan.subject.far or {},
            "partial": self.partial() if self.done < self.total else {},
        }

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
    plan: Plan,
    *,
    path: Path | None = None,
    fresh: bool = False,
    progress: Progress = nobody,
    announce: Announce = silent,
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

    def work(keeper: Inside[Scan]) -> Fields:
        work = begin(plan, keeper.earlier)
        keeper.state = work.fields
        points = math.prod(plan.shape)

        def told() -> None:
            share = work.done / work.total
            keeper.progress(share, counted(share * points, points, "points"))

        told()
        with keeper.deferred():
            while work.done < work.total:
                try:
                    work.advance()
                except ComputationError:
                    # Of data that cannot be read any more, before anything of the step is summed.
                    keeper.save(now=True)
                    raise
                told()
                if work.done < work.total:
                    keeper.pause()
        return work.fields()

    return produce_inside(wanted_of(plan, path, fresh, progress, announce), work, whole=False)


def wanted_of(
    plan: Plan, path: Path | None, fresh: bool, progress: Progress = nobody, announce: Announce = silent
) -> Wanted[Scan]:
    """Say what record a plan asks for."""
    key = Key(plan.subject.model, plan.subject.data, {**plan.settings, **plan.words})
    return Wanted(Scan, key, path, fresh, progress, announce, differing=lambda found: unlike(found, plan))
