"""Locks on output files, so that of two commands with the same output the second is refused."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from landscape.errors import InputError

try:
    import fcntl
except ImportError:  # a system without such locks
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def locked(paths: Iterable[str | Path]) -> Iterator[None]:
    """Hold locks on outputs while they are made.

    A hidden file beside each is locked by the operating system. One that a killed process left means nothing, since
    nobody holds it, and the next command takes it.

    Raises
    ------
    InputError
        Another command holds one of them.
    """
    with contextlib.ExitStack() as held:
        for path in paths:
            held.enter_context(_locked(Path(path)))
        yield


def lock_path(path: Path) -> Path:
    """Return the name of the lock file of an output, that of the file itself where the output is a link."""
    target = Path(os.path.realpath(path))
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    return target.with_name(f".landscape-{digest}.lock")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = lock_path(path)
    descriptor = _taken(path, lock)
    try:
        yield
    finally:
        if descriptor is not None:
            # Removed while it is held: whoever opened it meanwhile finds that it is gone, and makes another.
            with contextlib.suppress(OSError):
                lock.unlink()
            os.close(descriptor)


def _taken(path: Path, lock: Path) -> int | None:
    """Open and lock the file; None if the system or the file system has no locks."""
    while fcntl is not None:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError:
            return None  # what keeps a file from being made here is said of the output itself
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise InputError(
                f"{path}: another command is writing it: wait until that has ended, or give another name"
            ) from None
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            return None
        os.close(descriptor)
    return None
