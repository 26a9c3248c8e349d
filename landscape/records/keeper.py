"""Save long work while it runs, at regular times and when Ctrl-C or an error ends it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from types import TracebackType
from typing import Self

from landscape.interrupt import Interruption, deferred_interrupt
from landscape.machine import cpu_kind
from landscape.progress import Announce, Progress, nobody, silent
from landscape.records.wording import interrupted, machines, taking_up

# Seconds between two saves, and the part of the time that they may take, whatever the size of the file.
SAVE_SECONDS, SAVE_PART = 2.0, 0.05


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with the sentence on what is kept, and whether anything is."""

    def __init__(self, path: Path | None, share: float) -> None:
        super().__init__(interrupted(path, share))
        self.kept = path is not None


class Keeper(ABC):
    """A context that saves unfinished work at intervals, and ends with the work.

    A subclass says in `write` what is saved. Ctrl-C ends the work at once, or at its next `pause` where it is in a part that is
    `deferred`; then all that is whole is saved, and the exception says where it is and that the same command goes on from there.

    Parameters
    ----------
    path
        The file; None where nothing is kept.
    whole
        Whether the state may be saved at any moment, and not in a `pause` alone.
    seconds, begun_on
        Of an earlier run whose work this one takes up: its time, and the kinds of CPU that it was done on.
    progress, announce
        Who is told how far the work is, and that it is taken up.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        whole: bool = True,
        seconds: float = 0.0,
        begun_on: str = "",
        progress: Progress = nobody,
        announce: Announce = silent,
    ) -> None:
        self.path, self.whole, self.before, self.begun_on = path, whole, seconds, begun_on
        self.listener, self.announce = progress, announce
        self.elsewhere: list[str] = []
        # Whether the file holds work of this run or of an earlier one that is taken up.
        self.kept = False
        self.share, self.opened, self.stopped = 0.0, False, False
        self.interruption = Interruption()
        self.begun = self.saved = time.perf_counter()
        self.cost = 0.0

    @abstractmethod
    def write(self) -> bool:
        """Write what is done to the path; return whether there was anything.

        Raises
        ------
        ComputationError
            The file system refused; what was saved before is still there.
        """

    @property
    def seconds(self) -> float:
        """Seconds of work, those of an earlier run included."""
        return self.before + time.perf_counter() - self.begun

    @property
    def machine(self) -> str:
        """The kinds of CPU that the work was done on, those of an earlier run and of workers included."""
        return reduce(machines, (cpu_kind(), *self.elsewhere), self.begun_on)

    def computed_on(self, kind: str) -> None:
        """Note the kind of a worker's CPU, if it is not this process's."""
        if kind != cpu_kind() and kind not in self.elsewhere:
            self.elsewhere.append(kind)

    def progress(self, share: float, words: str) -> None:
        """Report the progress, and if work is continued, from where."""
        if not self.opened and self.kept and share > 0:
            self.announce(taking_up(share, self.begun_on.split("; then ")[-1], cpu_kind()))
        self.opened, self.share = True, share
        self.listener(share, words)

    def due(self) -> bool:
        """Return whether it is time to save."""
        return time.perf_counter() - self.saved > max(SAVE_SECONDS, self.cost / SAVE_PART)

    def save(self, *, now: bool = False) -> None:
        """Save if it is time, or `now`.

        Raises
        ------
        ComputationError
            The file system refused; what was saved before is still there.
        """
        if self.path is None or not (now or self.due()):
            return
        begun = time.perf_counter()
        self.kept = self.write() or self.kept
        self.saved = time.perf_counter()
        self.cost = self.saved - begun

    def pause(self) -> None:
        """Save if it is time, and end the work if Ctrl-C was pressed; to be called when the state is consistent.

        Raises
        ------
        KeyboardInterrupt
            Ctrl-C was pressed in a `deferred` part.
        """
        if self.interruption.requested:
            self.save(now=True)
            self.stopped = True
            raise KeyboardInterrupt
        self.save()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the first Ctrl-C wait for the next pause; a second one ends the work at once."""
        with deferred_interrupt() as self.interruption:
            yield

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, KeyboardInterrupt):
            return
        if self.whole and not self.stopped:
            self.save(now=True)
        # What a part of the work kept of its own, it has said.
        if self.kept or not (isinstance(error, Interrupted) and error.kept):
            raise Interrupted(self.path if self.kept else None, self.share) from None
