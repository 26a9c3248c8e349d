"""Messages about long work: an existing result, resumed work, and an interruption."""

from __future__ import annotations

from pathlib import Path


def already_there(path: str | Path) -> str:
    """Say that nothing has to be computed.

    >>> already_there("digits.scan.npz")
    'digits.scan.npz was finished already; --fresh computes it again'
    """
    return f"{path} was finished already; --fresh computes it again"


def taking_up(share: float, begun_on: str = "", here: str = "") -> str:
    """Say at which share work is continued, and whether another kind of CPU began it.

    >>> taking_up(0.5249)
    'resuming at 52%'
    >>> taking_up(0.5, "znver5, vectors of 64 bytes", "haswell, vectors of 32 bytes")[16:47]
    'what another kind of CPU began '
    """
    at = f"resuming at {share:.0%}"
    if not begun_on or begun_on == here:
        return at
    return f"{at} what another kind of CPU began ({begun_on}; here {here}): last digits may differ from those of one machine"


def machines(before: str, here: str) -> str:
    """Name the kinds of CPU that a record was computed on, in their order.

    >>> machines("", "znver5"), machines("znver5", "znver5"), machines("znver5", "haswell")
    ('znver5', 'znver5', 'znver5; then haswell')
    """
    if not before or before.split("; then ")[-1] == here:
        return before or here
    return f"{before}; then {here}"


def interrupted(path: str | Path | None = None, share: float = 0.0) -> str:
    """Say what an interruption leaves (a file that keeps what is done, or nothing), and how much was done, if known.

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
