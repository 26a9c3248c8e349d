"""What the callbacks for trainers have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from landscape.recording.recorder import Recorder


class Hooks:
    """A recorder of a network that a trainer holds, from the training's start to its end; the class that a framework asks for comes after it."""

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
