"""What the callbacks for trainers have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from landscape.recording.recorder import Recorder


class Hooks:
    """The common part of callbacks: a recorder of a trainer's network, from start to end; subclasses add the framework's class as a second base."""

    def __init__(
        self,
        path: str | Path,
        loss: Any,
        data: Any,
        keep: int,
        module: Callable[[Any], Any],
        choices: dict[str, Any],
    ) -> None:
        self.path, self.loss, self.data, self.keep = Path(path), loss, data, keep
        self.module, self.choices = module, choices
        self.recorder: Recorder | None = None

    def begin(self, whole: Any, optimizer: Any, updates: int | None) -> None:
        """Begin the recording, or continue an existing one if the training continues from a checkpoint."""
        choices = dict(self.choices)
        if updates is not None and self.path.exists():
            choices |= {"resume": updates, "fresh": False}
        self.recorder = Recorder(
            self.path, self.module(whole), self.loss, self.data, optimizer, self.keep, **choices
        )

    def end(self) -> None:
        """Write the recording into its file and end it."""
        if self.recorder is not None:
            self.recorder.close()
