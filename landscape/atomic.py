"""Write files completely or not at all, so that a reader sees the old file or the new one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from landscape.errors import ComputationError, InputError


def write_bytes_atomically(path: str | Path, content: bytes) -> None:
    """Write a whole file at once: a reader sees the old content or the new.

    Raises
    ------
    ComputationError
        The file system refused; the earlier content of `path` is unchanged.
    """
    write_atomically(Path(path), lambda stream: stream.write(content))


def require_writable(path: str | Path) -> None:
    """Refuse, before the work, an output path that could not be written after it.

    Raises
    ------
    InputError
        The folder is missing or protected, or the path is a folder, a device or a protected file.
    """
    path = Path(path)
    try:
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            raise InputError(f"{path}: cannot be written: there is no folder {folder}")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"{path}: cannot be written: the folder {folder} is write-protected")
        # Asked first: of a name that is too long nothing else can be asked.
        length, most = len(os.fsencode(path.name)), longest_name(folder)
        if length > most:
            raise InputError(
                f"{path.name[:40]}…: cannot be written: the name is too long: {length} bytes, at most {most} are allowed here"
            )
        if path.is_dir():
            raise InputError(f"{path}: is a folder; expected the name of a file to write")
        if path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
            raise InputError(f"{path}: cannot be written: expected a new name or a file that may be replaced")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{str(path)!r}: is not the name of a file") from None


def longest_name(folder: Path) -> int:
    """Bytes that the name of a file in a folder may have; 255, as most file systems allow, where the system cannot be asked.

    >>> longest_name(Path()) > 100
    True
    """
    return os.pathconf(folder, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255


def write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a temporary file in the same folder, make it durable and rename it to `path`.

    Raises
    ------
    ComputationError
        The file system refused; the temporary file is gone and the earlier content of `path` is unchanged.
    """
    target = Path(os.path.realpath(path))  # a link to a file on another disk stays a link
    temporary = _temporary(target)
    try:
        _remove_left_over(temporary)
        try:
            with temporary.open("wb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        raise ComputationError(
            f"{path}: could not be written: {error.strerror or error} (its earlier content is unchanged)"
        ) from error


def _temporary(target: Path) -> Path:
    """Return a hidden name in the same folder, different for every target, machine, process and thread."""
    digest = hashlib.sha256(
        f"{platform.node()}/{target.name}".encode("utf-8", "surrogateescape")
    ).hexdigest()[:16]
    return target.with_name(f".landscape-{digest}-{os.getpid()}-{threading.get_ident()}.tmp")


def _remove_left_over(temporary: Path) -> None:
    """Remove what a killed process of this machine left of an earlier attempt at the same file."""
    prefix, digest, *_ = temporary.name.split("-")
    for other in temporary.parent.glob(f"{prefix}-{digest}-*.tmp"):
        if not _alive(int(other.name.split("-")[2])):
            other.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    """Whether a process may still run; asked on POSIX only, since the same call interrupts the process on Windows."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, on file systems that can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
