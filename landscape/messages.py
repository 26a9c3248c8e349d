"""Progress messages on stderr, suppressed by `--quiet`."""

from __future__ import annotations

import sys
from collections.abc import Callable


class Silence:
    """Whether the command that runs was told to be quiet; of the process, since any of its threads may compile."""

    kept = False


class Screen:
    """What stands on the terminal's line and is not ended yet: a bar of progress, which makes room for a sentence."""

    clear: Callable[[], object] | None = None


def say(sentence: str) -> None:
    """Print a sentence on stderr at once, on a line of its own."""
    if Silence.kept:
        return
    if Screen.clear is not None:
        Screen.clear()
    print(sentence, file=sys.stderr, flush=True)
