"""A mark in the metadata of figures and films, by which a later run recognizes its own files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from landscape.errors import InputError

# No figure is larger; a longer file is not looked through.
LARGEST = 1 << 28


def mark_of(kind: str, *identity: str) -> str:
    """Return the mark of what is drawn of one kind of record, of one model and its data.

    >>> mark_of("scan", "a", "b")
    'landscape-scan-7e18f737311b2dc3'
    """
    digest = hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]
    return f"landscape-{kind}-{digest}"


def holds_mark(path: Path, mark: str) -> bool:
    """Whether a file carries a mark, or begins one where `mark` is only its beginning.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        return path.stat().st_size <= LARGEST and mark.encode() in path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
