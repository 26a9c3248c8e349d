"""A record that stands at the output already: the same, or something that is not to be lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from landscape.errors import InputError
from landscape.files import require_writable
from landscape.records.record import Record

Kind = TypeVar("Kind", bound=Record)


def earlier_of(
    kind: type[Kind],
    path: str | Path | None,
    *,
    model: str,
    data: str,
    settings: dict[str, Any],
    fresh: bool,
) -> Kind | None:
    """Load the record that the same settings left at `path`; None where there is nothing, or `fresh`.

    Raises
    ------
    landscape.errors.InputError
        The path cannot be written, or holds a record of other settings, or a file that is no such record.
    """
    if path is None:
        return None
    require_writable(Path(path))
    if not Path(path).exists():
        return None
    try:
        found = kind.load(path)
    except InputError as error:
        raise InputError(f"{error}. It is not overwritten: remove it or choose another --output") from None
    if fresh:
        return None
    told = [
        f"{name} {json.dumps(found.settings.get(name))} there, {json.dumps(ours)} here"
        for name, ours in json.loads(json.dumps(settings)).items()
        if found.settings.get(name) != ours
    ]
    told += ["another model or other parameters"] * (found.model != model)
    told += ["other data"] * (found.data != data)
    if told:
        raise InputError(
            f"{path}: holds a {kind.kind} with other settings ({'; '.join(told)}): "
            "give --fresh to overwrite it, or another --output"
        )
    return found
