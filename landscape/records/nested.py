"""A scan inside another record: its keys under a prefix, center and directions shared."""

from __future__ import annotations

from typing import Any

from landscape.records.record import Arrays
from landscape.records.scan import Scan

PREFIX = "scan."
SHARED = ("center", "directions")


def nested(scan: Scan) -> Arrays:
    """Give a scan's arrays by the names they have inside another record."""
    return {name if name in SHARED else f"{PREFIX}{name}": array for name, array in scan.arrays().items()}


def unnested(header: dict[str, Any], arrays: Arrays) -> Scan:
    """Make the scan of the other record's header and arrays; InputError where they do not fit."""
    own = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
    shared = {name: arrays[name] for name in SHARED if name in arrays}
    return Scan.from_file({**header, "record": Scan.kind}, own | shared)
