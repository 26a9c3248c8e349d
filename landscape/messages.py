"""A word on stderr for who waits, unless `--quiet` asked for none."""

from __future__ import annotations

import sys


class Silence:
    """Whether the command that runs was told to be quiet; of the process, since any of its threads may compile."""

    kept = False


def say(sentence: str) -> None:
    """Print a sentence on stderr at once."""
    if not Silence.kept:
        print(sentence, file=sys.stderr, flush=True)
