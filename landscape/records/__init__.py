"""Records: the results of the analyses, with saving, loading and a summary as JSON.

A record file is an `.npz` (never pickled) with a 0-d unicode key `landscape` that holds JSON: the format, the
kind of record, the hashes of the model and of its data, the settings, the version and the seconds. Everything
that is an array stands beside it. `Record` is that common half; a kind is one dataclass, one file and one row
of `RECORDS`.

No numba, scipy or matplotlib here: anyone may import this package.
"""

from __future__ import annotations

from pathlib import Path

from landscape.errors import InputError
from landscape.files import read_archive, shown
from landscape.records.atlas import Atlas
from landscape.records.checks import require
from landscape.records.connection import Connection
from landscape.records.critical import Critical
from landscape.records.diagnosis import Diagnosis
from landscape.records.hessian import Hessian
from landscape.records.race import Race
from landscape.records.record import Record, read_header
from landscape.records.scan import Scan
from landscape.records.sharpness import Sharpness
from landscape.records.study import Study
from landscape.records.topology import Topology
from landscape.records.trajectory import Trajectory
from landscape.records.unfinished import Piece, Pieces

__all__ = [
    "RECORDS",
    "Atlas",
    "Connection",
    "Critical",
    "Diagnosis",
    "Hessian",
    "Piece",
    "Pieces",
    "Race",
    "Record",
    "Scan",
    "Sharpness",
    "Study",
    "Topology",
    "Trajectory",
    "load_record",
]


RECORDS: dict[str, type[Record]] = {
    record.kind: record
    for record in (
        Scan,
        Hessian,
        Sharpness,
        Critical,
        Atlas,
        Connection,
        Trajectory,
        Race,
        Study,
        Diagnosis,
        Topology,
    )
}


def load_record(path: str | Path) -> Record:
    """Read a record of any kind.

    Raises
    ------
    landscape.errors.InputError
        As `Record.load`.
    """
    arrays = read_archive(path)
    try:
        header = read_header(arrays)
        kind = header["record"]
        known = ", ".join(f"'{name}'" for name in RECORDS)
        require(kind in RECORDS, f"expected a record of the kind {known}, found the kind {shown(kind)}")
        return RECORDS[kind].from_file(header, arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
