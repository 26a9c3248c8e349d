"""Progress messages on stderr, suppressed by `--quiet`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Silence:
    """Whether the running command is quiet. This belongs to the process, because any of its threads may compile."""

    kept = False


class Screen:
    """The progress bar on the current line of the terminal, which is cleared before a message."""

    clear: Callable[[], object] | None = None


@contextmanager
def silence_restored() -> Iterator[None]:
    """Leave the process as quiet as it was, whatever a command run in it asks for."""
    before = Silence.kept
    try:
        yield
    finally:
        Silence.kept = before


def say(sentence: str) -> None:
    """Print a sentence on stderr at once, on a line of its own."""
    if Silence.kept:
        return
    if Screen.clear is not None:
        Screen.clear()
    print(sentence, file=sys.stderr, flush=True)
