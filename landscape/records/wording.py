"""The sentences that all long work says: of what is there already, of what is taken up, and of what an interruption leaves."""

from __future__ import annotations

from pathlib import Path


def already_there(path: str | Path) -> str:
    """Say that nothing has to be computed.

    >>> already_there("digits.scan.npz")
    'digits.scan.npz was finished already; --fresh computes it again'
    """
    return f"{path} was finished already; --fresh computes it again"


def taking_up(share: float) -> str:
    """Say where work goes on.

    >>> taking_up(0.5249)
    'taking up at 52%'
    """
    return f"taking up at {share:.0%}"


def interrupted(path: str | Path | None = None, share: float = 0.0) -> str:
    """Say what an interruption leaves: a file that keeps what is done, or nothing; and how far the work was, where that is known.

    >>> interrupted("digits.scan.npz", 0.37)
    'interrupted at 37%: digits.scan.npz keeps what is done, and the same command goes on from there'
    >>> interrupted()
    'interrupted; nothing was written'
    """
    at = f" at {share:.0%}" if share > 0 else ""
    if path is None:
        return f"interrupted{at}; nothing was written"
    return f"interrupted{at}: {path} keeps what is done, and the same command goes on from there"


def other_version(theirs: str, ours: str) -> str:
    """Say that unfinished work was begun by another version, which does not go on with it.

    >>> other_version("0.0.9", "0.1.0")
    'version 0.0.9 there, 0.1.0 here'
    """
    return f"version {theirs} there, {ours} here"
