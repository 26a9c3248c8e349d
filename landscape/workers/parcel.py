"""Send what all parts share once to each machine, as a file named by its hash or as bytes."""

from __future__ import annotations

import atexit
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from landscape.atomic import write_bytes_atomically
from landscape.workers.pickles import Anew, pickled, unpickled


class Shared(Protocol):
    """What all parts of a work share: it is pickled once, and does a part at a time on a worker."""

    def do(self, piece: Any) -> Any:
        """Do one part of the work, and return what is pickled back."""


@dataclass(frozen=True)
class Parcel:
    """The address of what is shared: a file that holds its pickle, and the SHA-256 of that."""

    path: str
    sha256: str

    @property
    def here(self) -> Path:
        """Where a worker that does not see the file keeps a copy, which all processes of its machine share."""
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"landscape-workers-{user}" / self.sha256


class NotHereError(Exception):
    """A worker sees neither the parcel's file nor a copy of it."""


def packed(shared: Shared, folder: Path, anew: Anew | None = None) -> tuple[Parcel, bytes]:
    """Pickle what is shared into a file of a folder.

    Raises
    ------
    InputError
        It cannot be pickled.
    OSError
        The folder cannot be written, or is full.
    """
    content = pickled(shared, anew)
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest
    if not path.exists():
        keep(path, content)
    return Parcel(str(path), digest), content


def keep(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_bytes_atomically(path, content)


class Opened:
    """The last parcel that this process opened."""

    sha256 = ""
    shared: Any = None


def opened(parcel: Parcel, content: bytes | None) -> Any:
    """Give what is shared, from this process's memory, from the file, from a copy on this machine, or from the bytes that came along.

    Raises
    ------
    NotHereError
        It is in none of these.
    InputError
        It cannot be loaded here, or the objective that is made anew is another one.
    OSError
        The copy cannot be written, or a file that what is shared reads is not there.
    """
    if Opened.sha256 != parcel.sha256:
        found = content or read(Path(parcel.path), parcel.sha256) or read(parcel.here, parcel.sha256)
        if found is None:
            raise NotHereError
        if content is not None:
            keep(parcel.here, content)
            # A process that begins later is sent the bytes again.
            atexit.register(parcel.here.unlink, missing_ok=True)
        # The old one goes first: both may not fit into memory.
        Opened.sha256, Opened.shared = "", None
        Opened.shared = unpickled(found)
        Opened.sha256 = parcel.sha256
    return Opened.shared


def read(path: Path, sha256: str) -> bytes | None:
    """Read a file, None if it is not there or holds something else."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None
