"""The record of a study: named series, and the sentences that say what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from landscape.records import checks
from landscape.records.checks import require
from landscape.records.declared import require_arrays, require_value
from landscape.records.kinds import STUDIES
from landscape.records.record import Arrays, Record, or_null

_SERIES, _NUMBER = "series.", "number."
_AGAIN = "make the record again with `landscape study`"


def held_out(series: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name the held-out split of a study of batch sizes and what is shown of it; None if there is none.

    Examples
    --------
    >>> held_out({"epochs.train_loss": 0, "epochs.test_loss": 0, "epochs.test_accuracy": 0})
    ('test', 'accuracy')
    """
    for split in ("validation", "test"):
        for what in ("accuracy", "loss"):
            if f"epochs.{split}_{what}" in series:
                return split, what
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class Study(Record):
    """An experiment on one model, with its series of numbers and its findings in sentences.

    `numbers` are single results with a name (a proposed rate, its interval), which are copied into the summary.

    Raises
    ------
    landscape.errors.InputError
        A series that is not made of numbers, or a study without a sentence.
    """

    kind: ClassVar[str] = "study"

    study: str
    series: dict[str, np.ndarray]
    numbers: dict[str, float]
    findings: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        series = {}
        for name, array in self.series.items():
            series[name] = checks.numbers(f"{_SERIES}{name}", array, np.shape(array))
        self._assign("series", series)
        self._assign("numbers", {name: float(value) for name, value in self.numbers.items()})
        self._assign("findings", tuple(str(sentence) for sentence in self.findings))
        require(len(self.findings) > 0, "findings: expected at least one sentence, found none")

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        return {
            "study": np.array(self.study),
            "findings": np.array(self.findings),
            **{f"{_SERIES}{name}": array for name, array in self.series.items()},
            **{f"{_NUMBER}{name}": np.asarray(value) for name, value in self.numbers.items()},
        }

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        for name in ("study", "findings"):
            there = name in arrays and arrays[name].dtype.kind == "U"
            require(there, f"the text {name} is missing; {_AGAIN}")
        return {
            "study": str(arrays["study"][()]),
            "findings": tuple(arrays["findings"].tolist()),
            "series": {n.removeprefix(_SERIES): a for n, a in arrays.items() if n.startswith(_SERIES)},
            "numbers": {
                n.removeprefix(_NUMBER): float(checks.numbers(n, a, ()))
                for n, a in arrays.items()
                if n.startswith(_NUMBER)
            },
        }

    @classmethod
    def from_file(cls, header: dict[str, Any], arrays: Arrays) -> Study:
        """Make the record from a file's header and arrays.

        Raises `InputError` if they do not fit this study.
        """
        record = super().from_file(header, arrays)
        series, numbers, settings = STUDIES.get(record.study, ({}, {}, {}))
        require_value("settings", record.settings, settings)
        for prefix, declared, there in ((_SERIES, series, record.series), (_NUMBER, numbers, record.numbers)):
            missing = [name for name in declared if "*" not in name and name not in there]
            require(not missing, f"the array {prefix}{next(iter(missing), '')} is missing; {_AGAIN}")
        entrants = {"O": "optimizers", "C": "schedules"}
        counts = {letter: len(record.settings[name]) for letter, name in entrants.items() if name in settings}
        require_arrays(record.series, series, counts)
        return record

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the study as a JSON object, with null for numbers that are not finite."""

        def plain(values: Any) -> Any:
            return [plain(value) for value in values] if isinstance(values, list) else or_null(values)

        return {
            "record": self.kind,
            "study": self.study,
            "findings": list(self.findings),
            **{name: or_null(value) for name, value in self.numbers.items()},
            "series": {name: plain(array.tolist()) for name, array in self.series.items()},
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }
