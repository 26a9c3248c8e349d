"""Read the scalars from event files of TensorBoard.

A record is its length (8 bytes), a checksum of that (4), the message, a checksum of that (4). Of a message, `Event`, step (field 2) and summary
(5) are read; of the summary its values (1); of a value its tag (1), its number (2), or its tensor (8). Every length is compared with
what is left.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from landscape.errors import InputError
from landscape.files import require_regular, shown
from landscape.logs.log import Column, Log, log_of

LARGEST = 1 << 28
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Field = tuple[int, "int | bytes"]
# Kinds of elements of a tensor.
FLOAT, DOUBLE = 1, 2


class DamageError(Exception):
    """A record is damaged: its length or its checksum does not fit."""


def is_event_file(path: Path, start: bytes) -> bool:
    """Say whether a file begins with a record of TensorBoard."""
    if len(start) < 12 or "tfevents" not in path.name:
        return False
    (length,) = struct.unpack("<Q", start[:8])
    return bool(length < LARGEST)


def from_events(path: Path, files: list[Path]) -> Log:
    """Read the scalars of event files of one run, in the order of their names; a file that was cut short is read up to there.

    Raises
    ------
    InputError
        A file is none, there are no scalars, or what `log_of` refuses.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for file in files:
        for record in records(file):
            try:
                for tag, step, value in scalars(record):
                    found.setdefault(tag, []).append((step, value))
            except DamageError:
                raise InputError(f"{file.name}: damaged: a record is no event of TensorBoard") from None
    if not found:
        raise InputError("holds no scalars: expected those of SummaryWriter.add_scalar")
    columns = []
    for tag, pairs in found.items():
        array = np.array(pairs, np.float64)
        columns.append(Column(tag, array[:, 0], array[:, 1]))
    return log_of(path, "TensorBoard", columns, "updates")


def records(path: Path) -> Iterator[bytes]:
    """Read the messages of a file, up to where it was cut short.

    Raises
    ------
    InputError
        The first record is none, or claims more than a record can have.
    """
    require_regular(path)
    left = path.stat().st_size
    with path.open("rb") as stream:
        first = True
        while True:
            head = stream.read(12)
            if len(head) < 12:
                break
            (length,) = struct.unpack("<Q", head[:8])
            wrong = masked(head[:8]) != struct.unpack("<I", head[8:])[0]
            if wrong or length > LARGEST:
                if first or left >= length + 16:
                    raise InputError(
                        f"{path.name}: damaged: a record's length does not agree with its checksum"
                    )
                break
            body = stream.read(length + 4)
            if len(body) < length + 4:
                break
            first, left = False, left - length - 16
            yield body[:length]
        if first and left:
            raise InputError(f"{path.name}: truncated before its first record, or no event file")


def scalars(message: bytes) -> Iterator[tuple[str, float, float]]:
    """Give tag, step and number of each scalar of an event."""
    step, summaries = 0, []
    for number, value in fields(message):
        if number == 2 and isinstance(value, int):
            step = value - (1 << 64) if value >= 1 << 63 else value
        elif number == 5 and isinstance(value, bytes):
            summaries.append(value)
    for summary in summaries:
        for number, value in fields(summary):
            if number == 1 and isinstance(value, bytes):
                tag, scalar = scalar_of(value)
                if scalar is not None:
                    yield tag, float(step), scalar


def scalar_of(message: bytes) -> tuple[str, float | None]:
    """Give the tag and the number of a value, None for a picture, a histogram or a text."""
    tag, scalar = "", None
    for number, value in fields(message):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")[:200]
        elif number == 2 and isinstance(value, bytes) and len(value) == 4:
            scalar = struct.unpack("<f", value)[0]
        elif number == 8 and isinstance(value, bytes):
            scalar = of_tensor(value)
    return tag, scalar


def of_tensor(message: bytes) -> float | None:
    """Give the number of a tensor of one float."""
    kind, content = 0, b""
    for number, value in fields(message):
        if number == 1 and isinstance(value, int):
            kind = value
        # Its bytes, its floats, its doubles.
        elif number in (4, 5, 6) and isinstance(value, bytes):
            content = value
    code = {FLOAT: "<f", DOUBLE: "<d"}.get(kind)
    if code is None or len(content) != struct.calcsize(code):
        return None
    return float(struct.unpack(code, content)[0])


def fields(message: bytes) -> Iterator[Field]:
    """Give number and value of each field of a message: a whole number, or bytes.

    >>> list(fields(bytes([0x10, 0x96, 0x01, 0x0A, 0x01, 0x41])))
    [(2, 150), (1, b'A')]

    Raises
    ------
    DamageError
        A field goes beyond the message, or is of a kind that there is not.
    """
    place = 0
    while place < len(message):
        key, place = varint(message, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = varint(message, place)
            yield number, value
            continue
        if kind == BYTES:
            size, place = varint(message, place)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise DamageError
        if size > len(message) - place:
            raise DamageError
        yield number, message[place : place + size]
        place += size


def varint(message: bytes, place: int) -> tuple[int, int]:
    """Read a whole number of seven bits a byte, and give where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise DamageError


def table() -> tuple[int, ...]:
    """The table of the checksum CRC-32C, by its polynomial of Castagnoli."""
    found = []
    for byte in range(256):
        rest = byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 if rest & 1 else 0)
        found.append(rest)
    return tuple(found)


TABLE = table()


def masked(content: bytes) -> int:
    """The checksum of some bytes as records have it: CRC-32C, turned by 15 bits, plus a constant.

    >>> masked(struct.pack("<Q", 24))
    575373219
    """
    rest = 0xFFFFFFFF
    for byte in content:
        rest = rest >> 8 ^ TABLE[(rest ^ byte) & 255]
    rest ^= 0xFFFFFFFF
    return ((rest >> 15 | rest << 17) + 0xA282EAD8) & 0xFFFFFFFF


def event_files(folder: Path) -> list[Path]:
    """Give the event files of a folder by name.

    Raises
    ------
    InputError
        There is none.
    """
    found = sorted(path for path in folder.iterdir() if "tfevents" in path.name)
    if not found:
        names = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
        raise InputError(
            f"is a folder without event files of TensorBoard (events.out.tfevents.…): found {shown(names)}"
        )
    return found
