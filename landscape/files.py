"""The one place that reads and writes files: `.npz` archives, mapped `.npy` arrays, figures.

Reading never unpickles, and never allocates before the sizes that a file claims agree with the bytes that it
has and with the memory that is left. Writing is atomic (`landscape.atomic`).
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from landscape.atomic import require_writable, write_atomically, write_bytes_atomically
from landscape.errors import InputError, nearest
from landscape.file_array import FileArray
from landscape.memory import available_memory
from landscape.npy import ArrayHeader, is_plain, read_header

__all__ = [
    "map_array",
    "read_archive",
    "require_regular",
    "require_writable",
    "shown",
    "write_archive",
    "write_atomically",
    "write_bytes_atomically",
]

CHUNK = 1 << 20
# Names in a folder among which a mistyped one is looked for.
MOST_LOOKED_AT = 1000
# Deflate cannot expand more than this; a member that claims more is damaged or lying.
DEFLATE_LIMIT = 1032
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


def read_archive(path: str | Path, *, members: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read a `.npz` archive into C-ordered arrays of the machine's byte order, in the archive's order.

    `members` names the keys to read (those that are not there are left out); by default all are read.

    Raises
    ------
    InputError
        Not a file, not an archive, damaged or truncated, a member that is no plain array, a repeated name,
        or more than memory holds. The message names the file and the key.
    """
    path = Path(path)
    wanted = None if members is None else set(members)
    with _opened_archive(path) as archive:
        entries = _entries(path, archive)
        if wanted is not None:
            entries = {key: entry for key, entry in entries.items() if key in wanted}
        headers = {key: _member_header(path, archive, key, entry) for key, entry in entries.items()}
        _require_memory(path, sum(header.unpacked for header in headers.values()))
        return {key: _read_member(path, archive, key, entries[key], headers[key]) for key in entries}


def map_array(path: str | Path) -> np.ndarray:
    """Open an `.npy` file as an array whose elements stay there until they are asked for.

    Raises
    ------
    InputError
        Not a file, not an array of plain values, or fewer or more bytes than its header says.
    """
    path = Path(path)
    require_regular(path)
    try:
        with path.open("rb") as stream:
            header = read_header(stream)
            found = os.fstat(stream.fileno()).st_size - header.length
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if found != header.size:
        raise InputError(
            f"{path}: truncated or damaged: expected {header.size} bytes of elements, found {found}"
        )
    if header.size == 0:
        return np.empty(header.shape, header.dtype)
    try:
        array = FileArray(path, header.dtype, header.shape, header.length, fortran=header.fortran)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return cast(np.ndarray, array)


def write_archive(
    path: str | Path, arrays: Mapping[str, np.ndarray | str], *, compress: bool = False
) -> None:
    """Write arrays (a text becomes a 0-d unicode array) atomically as `.npz`; equal arrays give equal bytes.

    Raises
    ------
    ComputationError
        The file system refused (a full disk, say); the earlier content of `path` is unchanged.
    """
    write_atomically(Path(path), lambda stream: _write_members(stream, arrays, compress))


def _near_file(path: Path) -> str:
    """Write the end of a message about a missing file: a file beside it with a similar name, of its kind if its name says one."""
    try:
        beside = [
            one.name for one in islice(path.absolute().parent.iterdir(), MOST_LOOKED_AT) if one.is_file()
        ]
    except (OSError, ValueError):
        return ""
    beside = [name for name in beside if not name.startswith(".")]
    if path.suffix:
        names = {name.removesuffix(path.suffix): name for name in beside if name.endswith(path.suffix)}
    else:
        names = {Path(name).stem: name for name in beside}
    near = nearest(path.stem, names)
    return "" if near is None else f"; did you mean '{names[near]}'?"


def require_regular(path: Path) -> None:
    """Refuse what is no file: a pipe or a device would block or never end.

    Raises
    ------
    InputError
        There is nothing, or something else, at that path.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file{_near_file(path)}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{str(path)!r}: is not the name of a file") from None
    if not stat.S_ISREG(mode):
        raise InputError(
            f"{path}: expected a file, found {'a folder' if stat.S_ISDIR(mode) else 'a device or pipe'}"
        )


@contextlib.contextmanager
def _opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    require_regular(path)
    try:
        archive = zipfile.ZipFile(path)
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except _DAMAGE:
        raise InputError(
            f"{path}: expected a NumPy .npz archive; the file is something else or truncated"
        ) from None
    with archive:
        yield archive


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members by key, each checked against the bytes that the archive has for it."""
    entries: dict[str, zipfile.ZipInfo] = {}
    left = path.stat().st_size
    for entry in archive.infolist():
        key = entry.filename.removesuffix(".npy")
        if key == entry.filename:
            raise InputError(
                f"{path}: member {shown(key)}: expected arrays only, with names that end in .npy"
            )
        if key in entries:
            raise InputError(
                f"{path}: {shown(key)}: is in the archive twice; expected one array of that name"
            )
        left -= entry.compress_size
        _require_honest(path, key, entry, left)
        entries[key] = entry
    return entries


def _require_honest(path: Path, key: str, entry: zipfile.ZipInfo, left: int) -> None:
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path}: {shown(key)}: expected a member that is stored or deflated, not encrypted")
    factor = 1 if entry.compress_type == zipfile.ZIP_STORED else DEFLATE_LIMIT
    if left < 0 or entry.file_size > entry.compress_size * factor:
        raise InputError(f"{path}: {shown(key)}: damaged: claims more bytes than the archive has")


def _member_header(path: Path, archive: zipfile.ZipFile, key: str, entry: zipfile.ZipInfo) -> ArrayHeader:
    try:
        with archive.open(entry) as stream:
            header = read_header(stream)
    except InputError as error:
        raise InputError(f"{path}: {shown(key)}: {error}") from None
    except _DAMAGE:
        raise InputError(f"{path}: {shown(key)}: damaged or truncated: it cannot be unpacked") from None
    found = entry.file_size - header.length
    if found != header.size:
        raise InputError(
            f"{path}: {shown(key)}: truncated or damaged: "
            f"expected {header.size} bytes of elements, found {found}"
        )
    return header


def _require_memory(path: Path, needed: int) -> None:
    available = available_memory()
    if needed > available:
        raise InputError(
            f"{path}: would unpack to {needed / 1e9:.1f} GB; {available / 1e9:.1f} GB of memory are left "
            '(try .npy files beside it, named in the header under "data": they are mapped, not loaded)'
        )


def _read_member(
    path: Path, archive: zipfile.ZipFile, key: str, entry: zipfile.ZipInfo, header: ArrayHeader
) -> np.ndarray:
    try:
        flat = np.empty(header.size, np.uint8)
        with archive.open(entry) as stream:
            stream.read(header.length)
            _fill(stream, flat.data)
    except MemoryError:
        raise InputError(
            f"{path}: {shown(key)}: takes {header.size / 1e9:.1f} GB, more than memory holds"
        ) from None
    except _DAMAGE:
        raise InputError(f"{path}: {shown(key)}: damaged or truncated: it cannot be unpacked") from None
    array = flat.view(header.dtype) if header.size else np.empty(0, header.dtype)
    array = array.reshape(header.shape[::-1]).T if header.fortran else array.reshape(header.shape)
    array = np.asarray(array, header.dtype.newbyteorder("="), order="C")
    if (
        array.dtype.kind == "U"
        and array.nbytes
        and int(array.reshape(-1).view(np.uint32).max()) > sys.maxunicode
    ):
        # NumPy takes any four bytes for a character, and Python ends in a SystemError later on.
        raise InputError(f"{path}: {shown(key)}: damaged: a text with invalid characters")
    return array


def _fill(stream: IO[bytes], target: memoryview) -> None:
    start = 0
    while start < len(target):
        piece = stream.read(min(CHUNK, len(target) - start))
        if not piece:
            raise EOFError
        target[start : start + len(piece)] = piece
        start += len(piece)


def shown(text: object, limit: int = 80) -> str:
    r"""A name from a file, quoted on one line and cut to `limit` characters.

    >>> shown("fc1\n")
    "'fc1\\n'"
    """
    try:
        quoted = repr(text)
    except RecursionError:
        return "a value of many levels"
    return quoted if len(quoted) <= limit else f"{quoted[: limit - 1]}…"


def distinct_names(
    pairs: Sequence[tuple[str, Any]], message: str = "{} stands twice in one row: expected each name once"
) -> dict[str, Any]:
    """Make a mapping of an object that JSON gives as pairs; for `object_pairs_hook`.

    >>> distinct_names([("a", 1), ("b", 2)])
    {'a': 1, 'b': 2}

    Raises
    ------
    InputError
        A name stands twice; the message has it in place of its braces.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise InputError(message.format(shown(next(name for name in names if names.count(name) > 1))))
    return found


def _write_members(stream: IO[bytes], arrays: Mapping[str, np.ndarray | str], compress: bool) -> None:
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w") as archive:
        for key, value in arrays.items():
            array = np.asarray(value)
            if not is_plain(array.dtype):
                raise InputError(
                    f"{shown(key)}: only numbers, truth values and text are saved, not {array.dtype}"
                )
            entry = zipfile.ZipInfo(f"{key}.npy")  # its date is 1980 whenever it is written
            entry.compress_type = method
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                # One byte order and one memory order: equal arrays give equal bytes.
                little = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
                np.lib.format.write_array(member, little, version=(1, 0), allow_pickle=False)
