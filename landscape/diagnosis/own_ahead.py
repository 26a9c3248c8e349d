"""Run a user's own trainings on workers before the diagnosis asks for them, so that its steps are those of a run without workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.own_training import Train, Trained, Trainer
from landscape.errors import InputError
from landscape.objective import HasValue
from landscape.objective.about import about
from landscape.progress import Progress, counted, nobody
from landscape.workers import Workers

Array = NDArray[np.float64]
# The names of trainings that are done, but not asked for yet, begin with this.
EARLY = "train.early"


class Asked(NamedTuple):
    """One training: what is changed, its seed, and where it starts; None for a fresh start."""

    label: str
    changes: Mapping[str, Any]
    seed: int
    theta: Array | None

    @property
    def name(self) -> str:
        """The name under which it is kept."""
        return f"{EARLY}.{self.label}.{self.seed}"


@dataclass
class OwnTrainings:
    """What all trainings share: the objective, the user's function, and what was told of it."""

    objective: HasValue
    train: Train
    told: Mapping[str, Any]

    def do(self, asked: Asked) -> str:
        """Train, and write down the result, what the function read, and the message if it fails."""
        info = about(self.objective)
        assert info is not None
        trainer = Trainer(self.train, info, self.told)
        found, failed = None, ""
        try:
            found = trainer(asked.changes, asked.seed, asked.theta)
        except InputError as error:
            failed = str(error)
        own = {name: value for name, value in trainer.own.items() if isinstance(value, str | int | float)}
        return json.dumps(
            {
                "found": None if found is None else vars(found),
                "failed": failed,
                "asked": sorted(trainer.asked),
                "all_read": trainer.all_read,
                "own": own,
            }
        )


@dataclass
class Ahead:
    """Trainings that workers do ahead; `kept` holds them until the diagnosis asks for them, and `save` writes it.

    Without workers none are done ahead, but those that an earlier run left are taken.
    """

    workers: Workers | None
    shared: OwnTrainings
    kept: dict[str, Any]
    save: Callable[[], None]
    computed_on: Callable[[str], None]
    progress: Progress = nobody
    expected: int = 1
    done: int = field(default=0)

    def do(self, asked: Sequence[Asked]) -> None:
        """Have workers do those trainings that are not done yet."""
        left = [one for one in asked if one.name not in self.kept]
        if not left or self.workers is None:
            return
        for one, outcome in self.workers.results(self.shared, left, objective=self.shared.objective):
            self.kept[one.name] = np.array(outcome.value)
            self.computed_on(outcome.kind)
            self.save()
            self.done += 1
            about_all = max(self.done, self.expected)
            self.progress(
                min(1.0, self.done / about_all), counted(self.done, about_all, "trainings", about=True)
            )

    def take(self, asked: Asked, trainer: Trainer) -> Trained | None:
        """Return the result of a training that was done ahead, or train here, and tell the trainer what its function read.

        Raises
        ------
        InputError
            The function failed.
        """
        text = self.kept.pop(asked.name, None)
        if text is None:
            return trainer(asked.changes, asked.seed, asked.theta)
        told = json.loads(str(text))
        trainer.asked |= set(told["asked"])
        trainer.all_read |= told["all_read"]
        trainer.own = told["own"] | trainer.own
        trainer.own |= trainer.told
        if told["failed"]:
            raise InputError(told["failed"])
        return None if told["found"] is None else Trained(**told["found"])

    def end(self) -> None:
        """Drop the trainings that the diagnosis did not ask for."""
        for name in [name for name in self.kept if name.startswith(EARLY)]:
            del self.kept[name]
