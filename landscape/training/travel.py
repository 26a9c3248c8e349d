"""Run to a given step in chunks, and between them report progress, save, and handle Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from landscape.interrupt import deferred_interrupt
from landscape.objective.trainer import Trainer


class Keep(Protocol):
    """The function that saves the state."""

    def __call__(self, *, now: bool = False) -> None:
        """Save if it is time, or `now`."""


def travel(
    trainer: Trainer, stop: int | NDArray[np.int64], *, keep: Keep, paused: Callable[[], object]
) -> None:
    """Train runs to a step, calling `paused` and saving the state, if it is time, at every pause on the way.

    The first Ctrl-C waits for a pause and is raised there, after the state was kept; a second one does not wait.
    """
    with deferred_interrupt() as interruption:
        for _ in trainer.toward(stop):
            try:
                paused()
                if interruption.requested:
                    raise KeyboardInterrupt
            except KeyboardInterrupt:
                keep(now=True)
                raise
            keep()
