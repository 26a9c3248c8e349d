"""Many runs at once from one evaluation to the next, and what is kept of their paths."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.errors import InputError
from landscape.memory import available_memory, size_words
from landscape.objective.trainer import Trainer
from landscape.progress import Progress, units
from landscape.records import Piece
from landscape.training.travel import travel

Array = NDArray[np.float64]

KEEP = ("nothing", "theta", "projected")


class Paths:
    """What is kept of the runs' paths."""

    def __init__(
        self, trainer: Trainer, keep: str, directions: ArrayLike | None, center: ArrayLike, looks: int
    ) -> None:
        runs, size = trainer.thetas.shape
        self.path = self.projected = self.distance = None
        if keep == "theta":
            needed = runs * looks * size * trainer.dtype.itemsize
            if needed > available_memory():
                raise InputError(
                    f'the paths of {runs} runs take {size_words(needed)}, more than is free: try keep="projected" or fewer looks'
                )
            self.path = np.full((runs, looks, size), np.nan, trainer.dtype)
        if keep == "projected":
            rows = np.atleast_2d(np.asarray([] if directions is None else directions, np.float64))
            if rows.shape[1] != size or np.shape(center) != (size,):
                raise InputError(
                    f'keep="projected": expected directions [d, {size}], found shape {list(rows.shape)}'
                )
            self.center, self.inverse, self.directions = (
                np.asarray(center, np.float64),
                np.linalg.pinv(rows),
                rows,
            )
            self.projected = np.full((runs, looks, len(rows)), np.nan)
            self.distance = np.full((runs, looks), np.nan)

    def kept(self) -> dict[str, Any]:
        """Give the arrays that are kept, None for the others."""
        return {"path": self.path, "projected": self.projected, "distance": self.distance}

    def note(self, look: int, reached: NDArray[np.bool_], thetas: NDArray[Any]) -> None:
        """Store an evaluation of the runs that reached it."""
        if self.path is not None:
            self.path[reached, look] = thetas[reached]
        if self.projected is not None and self.distance is not None:
            for run in np.flatnonzero(reached):
                away = thetas[run] - self.center
                coordinates = away @ self.inverse
                self.projected[run, look] = coordinates
                self.distance[run, look] = np.linalg.norm(away - coordinates @ self.directions)


class Course:
    """Runs in progress from one evaluation to the next; they continue from the state in their piece of unfinished work, if any."""

    def __init__(
        self, trainer: Trainer, looked: NDArray[np.int64], paths: Paths, piece: Piece | None
    ) -> None:
        self.trainer, self.looked, self.paths, self.piece = trainer, looked, paths, piece
        self.losses: dict[str, Array] = {}
        self.look, self.before, self.begun = 0, 0.0, time.perf_counter()
        # Where runs are taken to their end in groups, which of them are there.
        self.whole: NDArray[np.bool_] | None = None
        if piece is not None and piece.state is not None:
            self.restore(piece.state)

    @property
    def seconds(self) -> float:
        """The seconds of training, including those before a resume."""
        return self.before + time.perf_counter() - self.begun

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that a resume needs."""
        losses = {f"losses.{name}": values for name, values in self.losses.items()}
        paths = {f"paths.{name}": values for name, values in self.paths.kept().items() if values is not None}
        whole = {} if self.whole is None else {"whole": self.whole}
        return {
            "look": np.array(self.look), "seconds": np.array(self.seconds), **self.trainer.state(), **losses, **paths, **whole,
        }  # fmt: skip

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a saved state."""
        self.trainer.restore(state)
        self.look, self.before = int(state["look"]), float(state["seconds"])
        self.whole = np.array(state["whole"], bool) if "whole" in state else None
        marked = {name: values for name, values in state.items() if name.startswith("losses.")}
        self.losses = {name.removeprefix("losses."): values.copy() for name, values in marked.items()}
        for name, values in self.paths.kept().items():
            if values is not None:
                values[...] = state[f"paths.{name}"]

    def take(self, runs: NDArray[np.int64], state: dict[str, NDArray[Any]]) -> None:
        """Take over the state of some of the runs at their end, computed by another course."""
        assert self.whole is not None
        ours = self.trainer.state() | {f"paths.{name}": array for name, array in self.paths.kept().items()}
        for name, array in state.items():
            if name.startswith("losses."):
                row = self.losses.setdefault(name.removeprefix("losses."), np.full(self.looked.shape, np.nan))
                row[runs] = array
            elif name == "progress.slots":
                # Of these runs' optimizers, which may remember less than others do.
                ours[name][runs, : array.shape[1]] = array
            elif name in ours:
                ours[name][runs] = array
        self.whole[runs] = True
        if self.whole.all():
            self.look, self.whole = self.looked.shape[1], None

    def run(self, progress: Progress) -> None:
        """Train all runs to their end."""
        total, told = self.steps, units(progress, "steps")
        told(int(self.trainer.progress.step.sum()), total)
        if self.look == self.looked.shape[1]:
            told(total, total)
            return
        while self.look < self.looked.shape[1]:
            travel(
                self.trainer, self.looked[:, self.look], keep=self.keep,
                paused=lambda: told(int(self.trainer.progress.step.sum()), total),
            )  # fmt: skip
            self.note()
        self.keep(now=True)
        told(total, total)

    @property
    def steps(self) -> int:
        """The steps of all runs together."""
        return int(self.looked[:, -1].sum())

    def keep(self, *, now: bool = False) -> None:
        """Save the state, if there is a piece for it."""
        if self.piece is not None:
            self.piece.keep(self.state, now=now)

    def note(self) -> None:
        """Evaluate and store the losses over whole splits."""
        reached = self.trainer.progress.diverged < 0
        for split in self.trainer.model.splits:
            for name, values in self.trainer.evaluate(split).items():
                if name == "gradient_norm" and split != "train":
                    continue
                key = name if name == "gradient_norm" else f"{split}_{name}"
                row = self.losses.setdefault(key, np.full(self.looked.shape, np.nan))
                row[reached, self.look] = values[reached]
        self.paths.note(self.look, reached, self.trainer.thetas)
        self.look += 1
