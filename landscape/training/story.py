"""What a training leaves on the way: its history, its checkpoints, and a file that is saved now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from landscape.model import Model, save_model
from landscape.objective.trainer import Trainer

# Seconds between saves, and the part of the time that they may take.
SAVE_SECONDS, SAVE_PART = 5.0, 0.1


@dataclass
class Story:
    """What is kept on the way: rows of the history, checkpoints with their buffers and their steps."""

    history: dict[str, list[float]] = field(default_factory=dict)
    checkpoints: list[np.ndarray] = field(default_factory=list)
    buffers: list[np.ndarray] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, model: Model) -> Story:
        """Take up the story of a file."""
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


class Saver:
    """Saves to a path, if there is one, every few seconds; a save takes but a small part of the time, whatever the file's size."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.saved, self.cost = path, time.monotonic(), 0.0

    def save(self, model: Callable[[], Model], *, now: bool = False) -> None:
        """Write the model if it is time, or asked for."""
        begun = time.monotonic()
        if self.path is None or not (now or begun - self.saved > max(SAVE_SECONDS, self.cost / SAVE_PART)):
            return
        save_model(model(), self.path)
        self.saved = time.monotonic()
        self.cost = self.saved - begun
