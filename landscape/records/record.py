"""What all records share: the header, saving, loading and comparing."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from landscape.errors import InputError
from landscape.files import read_archive, shown, write_archive
from landscape.records.checks import found, require
from landscape.records.declared import (
    LARGEST_INTEGER,
    parsed_json,
    require_arrays,
    require_flat,
    require_value,
)
from landscape.records.kinds import ANY_KIND, ARRAYS, SETTINGS

FORMAT = 1
HEADER = "landscape"
COMMON = ("model", "data", "settings", "version", "seconds")
MACHINE = "machine"

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """The base of all records: hashes of the model and its data, settings, version, computing time, and the kinds of CPU.

    Two records are equal when their headers and all bytes of their arrays are (so a NaN equals itself).
    """

    kind: ClassVar[str]

    model: str
    data: str
    settings: dict[str, Any]
    version: str
    seconds: float
    machine: str = ""

    def __post_init__(self) -> None:
        for name in ("model", "data", "version", MACHINE):
            require(isinstance(getattr(self, name), str), f"{name}: expected a text in the header")
        require(
            _is_number(self.seconds) and 0 <= self.seconds < LARGEST_INTEGER,
            f"seconds: expected a number of seconds in the header, found {shown(self.seconds)}",
        )
        require(isinstance(self.settings, Mapping), "settings: expected a JSON object in the header")
        self._assign("seconds", float(self.seconds))
        self._assign("settings", _plain(self.settings))

    @property
    def finished(self) -> bool:
        """Whether the work is complete, and not to be continued."""
        return True

    def named(self) -> str:
        """Name the record in a message."""
        return f"a {self.kind} record"

    def _assign(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        raise NotImplementedError

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into the fields of this kind of record."""
        raise NotImplementedError

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Return the JSON object that `--json` prints, with null for numbers that are not finite."""
        raise NotImplementedError

    def header(self) -> dict[str, Any]:
        """The JSON object stored under the key `landscape`."""
        return {
            "format": FORMAT,
            "record": self.kind,
            "model": self.model,
            "data": self.data,
            "settings": self.settings,
            "version": self.version,
            "seconds": self.seconds,
            # Earlier versions did not note it.
            **({MACHINE: self.machine} if self.machine else {}),
        }

    def save(self, path: str | Path) -> None:
        """Write the record to `path`, completely or not at all.

        The same record gives the same bytes.

        Raises
        ------
        landscape.errors.ComputationError
            The file could not be written; what was there before is still there.
        """
        header = json.dumps(self.header(), ensure_ascii=False, allow_nan=False)
        write_archive(path, {HEADER: header, **self.arrays()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a record of this kind.

        Raises
        ------
        landscape.errors.InputError
            The file is no archive, no record, a record of another kind or of a later format, or one of its
            arrays is missing, misshapen or not made of numbers.
        """
        arrays = read_archive(path)
        try:
            return cls.from_file(read_header(arrays), arrays)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None

    @classmethod
    def from_file(cls, header: dict[str, Any], arrays: Arrays) -> Self:
        """Make the record from a file's header and arrays.

        Raises `InputError` if they do not fit this kind of record.
        """
        require(
            header["record"] == cls.kind,
            f"expected a record of the kind '{cls.kind}', found the kind {shown(header['record'])}",
        )
        require_arrays(arrays, ARRAYS.get(cls.kind, {}))
        require_value("settings", header.get("settings"), ANY_KIND | SETTINGS.get(cls.kind, {}))
        common: dict[str, Any] = {name: header.get(name) for name in COMMON}
        common[MACHINE] = header.get(MACHINE, "")
        return cls(**common, **cls.fields_of(arrays))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Show a summary and a figure in a notebook."""
        # By its name, since figures stand above records, which load without them.
        return importlib.import_module("landscape.notebook").bundle(self, include, exclude)

    def to_xarray(self) -> Any:
        """Return the record as an `xarray.Dataset`.

        Raises `InputError` if xarray is not installed, or the record is unfinished.
        """
        return importlib.import_module("landscape.exporting").to_xarray(self)

    def to_pandas(self) -> Any:
        """Return the record as a `pandas.DataFrame`, if it is a table.

        Raises `InputError` if it is none, or pandas is not installed.
        """
        return importlib.import_module("landscape.exporting").to_pandas(self)

    def show(self, height: int = 560) -> Any:
        """Show the interactive page of a scan, trajectory, race or topology in a notebook.

        It is `height` pixels high and shown in an isolated frame.
        """
        return importlib.import_module("landscape.interactive").shown(self, height)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        mine, theirs = self.arrays(), other.arrays()
        return (
            self.header() == other.header()
            and mine.keys() == theirs.keys()
            and all(_same_bytes(mine[name], theirs[name]) for name in mine)
        )

    __hash__ = None  # type: ignore[assignment]


def read_header(arrays: Arrays) -> dict[str, Any]:
    """Read the JSON object of a record file; InputError if the archive is not a record that can be read."""
    text = arrays.get(HEADER)
    if text is None or text.ndim != 0 or text.dtype.kind != "U":
        raise InputError(f"expected a record with a text under the key '{HEADER}', found {found(text)}")
    header = parsed_json(f"the header under the key '{HEADER}'", str(text[()]))
    require(isinstance(header, dict), f"the header under the key '{HEADER}' is not a JSON object")
    require(
        "record" in header or "nodes" not in header,
        "this is a model, not a record; `landscape scan` makes a record of it",
    )
    require(isinstance(header.get("record"), str), "the header does not say which kind of record this is")
    number = header.get("format")
    require(
        type(number) is int and number >= 1, f"format: expected {FORMAT} in the header, found {shown(number)}"
    )
    require(
        number <= FORMAT,
        f"the record has the format {number}, this version reads up to {FORMAT}; try a newer landscape",
    )
    return header


def _same_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Turn settings into what JSON will make of them, so that a loaded record equals the saved one."""
    require_flat("settings", settings)
    try:
        return json.loads(json.dumps(settings, allow_nan=False, default=_plain_value))
    except (TypeError, ValueError) as error:
        raise InputError(f"settings: expected finite numbers, texts, lists and objects ({error})") from None


def _plain_value(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"found {type(value).__name__}")


def or_null(value: float) -> float | None:
    """Give the number if it is finite; strict JSON has no NaN."""
    return float(value) if math.isfinite(value) else None
