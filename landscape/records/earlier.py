"""Compare a record that exists at the output with the one that is wanted."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from landscape.errors import InputError
from landscape.files import read_archive, require_writable
from landscape.records.record import HEADER, Record, read_header
from landscape.records.wording import other_version
from landscape.version import current_version

Kind = TypeVar("Kind", bound=Record)

# What follows from other settings, or from the version.
DERIVED = ("layout", "errors", "measures")


def standing(
    kind: type[Kind], path: Path, *, fresh: bool, differing: Callable[[Kind], list[str]]
) -> Kind | None:
    """Load the record at `path` if its settings are those that are wanted; None if there is none, or `fresh`.

    Unfinished work is taken up by the version that began it only.

    Raises
    ------
    InputError
        The path cannot be written, or holds something else; the message names what differs.
    """
    require_writable(path)
    if not path.exists():
        return None
    found = loaded(kind, path)
    if fresh:
        return None
    told = differing(found)
    if not found.finished and found.version != current_version():
        told.append(other_version(found.version, current_version()))
    if told:
        raise InputError(
            f"{path}: holds {found.named()} with other settings ({'; '.join(told)}): "
            "give --fresh to overwrite it, or another --output"
        )
    return found


def loaded(kind: type[Kind], path: Path) -> Kind:
    """Load the record that exists at an output.

    Raises
    ------
    InputError
        It is something else, and is not overwritten.
    """
    try:
        return kind.load(path)
    except InputError as error:
        raise InputError(f"{error}. It is not overwritten: remove it or choose another --output") from None


def require_record(path: Path) -> None:
    """Refuse a file that is not a record in the place of one; its kind and model are checked later.

    Raises
    ------
    InputError
        It would be lost.
    """
    if not path.exists():
        return
    try:
        read_header(read_archive(path, members=[HEADER]))
    except InputError as error:
        told = str(error).removeprefix(f"{path}: ")
        raise InputError(
            f"{path}: {told}. It is not overwritten: remove it or choose another --output"
        ) from None


def earlier_record(
    kind: type[Kind], path: str | Path | None, *, model: str, data: str, settings: dict[str, Any], fresh: bool
) -> Kind | None:
    """Load what the same settings left at `path`; None if there is nothing, no path, or `fresh`.

    Raises
    ------
    InputError
        The path cannot be written, or holds a record of other settings, or a file that is no such record.
    """
    if path is None:
        return None

    def differing(found: Kind) -> list[str]:
        # A record's settings also hold words, and what was learned on the way.
        theirs = {name: found.settings.get(name) for name in settings}
        return differences(theirs, settings, aside=DERIVED) + others(found, model, data)

    return standing(kind, Path(path), fresh=fresh, differing=differing)


def short(value: Any) -> str:
    """Write a setting's value, cut where it is long.

    >>> short(0.5), short("x" * 99)
    ('0.5', '"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…')
    """
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "…"


def differences(
    theirs: Mapping[str, Any], ours: Mapping[str, Any], *, aside: Collection[str] = ()
) -> list[str]:
    """Name the settings that differ between an existing record and the wanted one, except for those in a list.

    >>> differences({"steps": 5, "seed": 0}, {"steps": 9, "seed": 1}, aside=["steps"])
    ['seed 0 there, 1 here']
    """
    plain = json.loads(json.dumps(ours))
    return [
        f"{name} {short(theirs.get(name))} there, {short(plain.get(name))} here"
        for name in [*plain, *(name for name in theirs if name not in plain)]
        if theirs.get(name) != plain.get(name) and name not in aside
    ]


def others(found: Record, model: str, data: str, *, moved: bool = False) -> list[str]:
    """List whether a record is of another model, of other parameters (or was `moved` to them), or of other data."""
    told = ["another model or other parameters"] if found.model != model or moved else []
    return told + (["other data"] if found.data != data else [])
