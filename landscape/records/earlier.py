"""A record that stands at the output already: the same one, or something that is not to be lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from landscape.errors import InputError
from landscape.files import require_writable
from landscape.records.record import Record

Kind = TypeVar("Kind", bound=Record)

# What follows from other settings, or from the version.
DERIVED = ("layout", "errors", "measures")


def standing(
    kind: type[Kind],
    path: Path,
    *,
    fresh: bool,
    differing: Callable[[Kind], list[str]],
    named: Callable[[Kind], str],
) -> Kind | None:
    """Load what stands at `path`, where nothing differs from what is asked for; None where there is nothing, or `fresh`.

    Raises
    ------
    InputError
        The path cannot be written, or holds something else, `named` in the message.
    """
    require_writable(path)
    if not path.exists():
        return None
    found = loaded(kind, path)
    if fresh:
        return None
    told = differing(found)
    if told:
        raise InputError(
            f"{path}: holds {named(found)} with other settings ({'; '.join(told)}): "
            "give --fresh to overwrite it, or another --output"
        )
    return found


def loaded(kind: type[Kind], path: Path) -> Kind:
    """Load what stands at an output already.

    Raises
    ------
    InputError
        It is something else, and is not overwritten.
    """
    try:
        return kind.load(path)
    except InputError as error:
        raise InputError(f"{error}. It is not overwritten: remove it or choose another --output") from None


def earlier_record(
    kind: type[Kind], path: str | Path | None, *, model: str, data: str, settings: dict[str, Any], fresh: bool
) -> Kind | None:
    """Load what the same settings left at `path`; None where there is nothing, no path, or `fresh`.

    Raises
    ------
    InputError
        The path cannot be written, or holds a record of other settings, or a file that is no such record.
    """
    if path is None:
        return None
    return standing(
        kind,
        Path(path),
        fresh=fresh,
        differing=lambda found: differences(found, model, data, settings),
        named=lambda found: f"a {kind.kind} record",
    )


def short(value: Any) -> str:
    """Write a setting's value, cut where it is long.

    >>> short(0.5), short("x" * 99)
    ('0.5', '"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…')
    """
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "…"


def differences(found: Record, model: str, data: str, settings: dict[str, Any]) -> list[str]:
    """Name what differs between a record and what is asked for."""
    told = []
    for name, ours in json.loads(json.dumps(settings)).items():
        theirs = found.settings.get(name)
        if theirs != ours and name not in DERIVED:
            told.append(f"{name} {short(theirs)} there, {short(ours)} here")
    if found.model != model:
        told.append("another model or other parameters")
    if found.data != data:
        told.append("other data")
    return told
