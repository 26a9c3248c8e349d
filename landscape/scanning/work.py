"""A running scan: a sweep for each split, and its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.errors import InputError
from landscape.objective import Sweep
from landscape.objective.rows import PointSweep
from landscape.records import Scan
from landscape.records.keeping import Fields
from landscape.scanning.penalty import grid_penalty
from landscape.scanning.plan import Plan
from landscape.scanning.portions import sweep_of
from landscape.scanning.subject import measured

Array = NDArray[np.float64]


@dataclass
class Part:
    """One split's sweep and how many of its steps are done.

    Where points are computed one run after the other, in any order, `whole` says which are done, beside those that the steps before completed.
    """

    sweep: Sweep
    step: int = 0
    whole: NDArray[np.bool_] | None = None

    def fits(self, state: np.ndarray, step: np.ndarray) -> bool:
        """Whether a saved state can be this sweep's."""
        ours = self.sweep.state
        known = state.shape == ours.shape and state.dtype == ours.dtype
        return known and step.shape == () and 0 <= int(step) <= self.sweep.steps

    def advance(self) -> None:
        """Run the next step."""
        self.sweep.run(self.step)
        self.step += 1

    @property
    def share(self) -> float:
        """The share that is done."""
        return self.step / self.sweep.steps if self.whole is None else float(self.whole.mean())

    def point_done(self) -> NDArray[np.bool_]:
        """Say which points are done."""
        return self.sweep.point_done() if self.whole is None else self.whole

    def finish(self) -> dict[str, Array]:
        """Give each column; points that are not done are NaN."""
        found = self.sweep.finish()
        if self.whole is None:
            return found
        return {name: np.where(self.whole, column, np.nan) for name, column in found.items()}

    def by_points(self) -> PointSweep:
        """Continue point by point, in any order, after the steps that are done.

        Raises
        ------
        InputError
            The objective has a sweep of its own, which can only be run step by step.
        """
        if not isinstance(self.sweep, PointSweep):
            raise InputError(
                f"executor: {type(self.sweep).__name__}, the objective's own sweep, has no runs of points that others could compute: leave executor out"
            )
        if self.whole is None:
            self.whole = np.array(self.sweep.point_done())
            self.sweep.close()
        return self.sweep

    def note(self, first: int, last: int) -> None:
        """Mark points first … last − 1 as done."""
        assert self.whole is not None
        self.whole[first:last] = True

    def state(self) -> dict[str, Any]:
        """Give everything that a resume needs."""
        whole = {} if self.whole is None else {"whole": self.whole}
        told = {"state": self.sweep.state, "step": np.int64(self.step), "steps": np.int64(self.sweep.steps)}
        return told | whole


@dataclass
class Work:
    """A plan in progress: a part for each split, and exact values at the centre and, where the first direction leads to a model, there."""

    plan: Plan
    parts: dict[str, Part]
    center_values: dict[str, dict[str, float]]
    penalty: Array
    end_values: dict[str, dict[str, float]]

    @property
    def share(self) -> float:
        """The share that is done, of all splits by their steps."""
        total = sum(part.sweep.steps for part in self.parts.values())
        return sum(part.share * part.sweep.steps for part in self.parts.values()) / total

    @property
    def finished(self) -> bool:
        """Whether all is done."""
        return all(part.share == 1 for part in self.parts.values())

    def advance(self) -> None:
        """Run the next step of the first split that has one left."""
        next(part for part in self.parts.values() if part.share < 1).advance()

    def restore(self, earlier: Scan) -> None:
        """Continue from a saved state.

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
            whole = earlier.partial.get(f"{split}.whole")
            if whole is not None:
                part.whole = np.array(whole, bool)
                part.by_points().close()

    def fields(self) -> Fields:
        """Return what is known now as the fields of a record; unfinished work carries its state."""
        columns = {
            f"{split}_{name}": column.reshape(self.plan.shape)
            for split, part in self.parts.items()
            for name, column in part.finish().items()
        }
        done = np.logical_and.reduce([part.point_done() for part in self.parts.values()])
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
            "end_values": self.end_values,
            "partial": {} if self.finished else self.partial(),
        }

    def partial(self) -> dict[str, np.ndarray]:
        """Everything that a resume needs."""
        return {
            f"{split}.{name}": np.asarray(value)
            for split, part in self.parts.items()
            for name, value in part.state().items()
        }


def begin(plan: Plan, earlier: Scan | None) -> Work:
    """Set up the sweeps, evaluate the centre, and restore what was done."""
    subject = plan.subject
    grid = (subject.center, plan.directions.vectors, plan.axes)
    parts = {
        split: Part(sweep_of(plan.quantity, objective, grid))
        for split, objective in subject.objectives.items()
    }
    penalty = grid_penalty(subject.center, plan.directions.vectors, plan.axes, subject.decay)
    far = plan.subject.far
    work = Work(plan, parts, center_values(plan), penalty, {} if far is None else far())
    if earlier is not None:
        work.restore(earlier)
    return work


def center_values(plan: Plan) -> dict[str, dict[str, float]]:
    """Evaluate θ itself, exactly there, whether or not the grid has a point at the centre."""
    values = {}
    for split, objective in plan.subject.objectives.items():
        values[split] = measured(objective.evaluate(plan.subject.center))
    return values
