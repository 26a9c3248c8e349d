"""Progress messages on stderr, suppressed by `--quiet`."""

from __future__ import annotations

import sys
from collections.abc import Callable


class Silence:
    """Whether the running command is quiet. This belongs to the process, because any of its threads may compile."""

    kept = False


class Screen:
    """The progress bar on the current line of the terminal, which is cleared before a message."""

    clear: Callable[[], object] | None = None


def say(sentence: str) -> None:
    """Print a sentence on stderr at once, on a line of its own."""
    if Silence.kept:
        return
    if Screen.clear is not None:
        Screen.clear()
    print(sentence, file=sys.stderr, flush=True)
