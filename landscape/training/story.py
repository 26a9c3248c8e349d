"""What is kept during a training: its history, its checkpoints, and a file that is saved regularly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from landscape.model import Model, save_model
from landscape.objective.trainer import Trainer
from landscape.progress import Announce, Progress
from landscape.records.keeper import Keeper


@dataclass
class Story:
    """The record of a training: rows of the history, and checkpoints with their buffers and steps."""

    history: dict[str, list[float]] = field(default_factory=dict)
    checkpoints: list[np.ndarray] = field(default_factory=list)
    buffers: list[np.ndarray] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, model: Model) -> Story:
        """Continue from the history and checkpoints of a file."""
        history = {name: list(series) for name, series in model.history.items()}
        if model.checkpoints is None or model.checkpoint_steps is None:
            return cls(history)
        buffers = [] if model.checkpoint_buffers is None else list(model.checkpoint_buffers)
        return cls(history, list(model.checkpoints), buffers, [int(step) for step in model.checkpoint_steps])

    def note(self, step: int, rate: float, trainer: Trainer) -> None:
        """Add a row of the history: losses and accuracies over whole splits, the norm of the whole gradient."""
        row: dict[str, float] = {"step": step}
        for split in trainer.model.splits:
            found = trainer.evaluate(split)
            names = ["loss", *(["accuracy"] if "accuracy" in found else [])]
            row |= {f"{split}_{name}": float(found[name][0]) for name in names}
            if split == "train":
                row["gradient_norm"] = float(found["gradient_norm"][0])
        row["learning_rate"] = rate
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)

    def keep(self, step: int, theta: np.ndarray, buffers: np.ndarray) -> None:
        """Add a checkpoint."""
        self.checkpoints.append(theta.copy())
        self.buffers.append(buffers.copy())
        self.steps.append(step)


class Saver(Keeper):
    """Saves a training to a path, if there is one; `result` makes the model that is written, when the state is consistent."""

    def __init__(
        self, path: Path | None, result: Callable[[], Model], *, taken_up: bool, begun_on: str, progress: Progress,
        announce: Announce,
    ) -> None:  # fmt: skip
        super().__init__(path, whole=False, begun_on=begun_on, progress=progress, announce=announce)
        self.result, self.kept = result, taken_up

    def write(self) -> bool:
        """Write the model."""
        assert self.path is not None
        save_model(self.result(), self.path)
        return True
