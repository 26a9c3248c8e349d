"""The record of a diagnosis: the verdict with its evidence as JSON, and the runs that it rests on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from landscape.records import checks
from landscape.records.checks import require
from landscape.records.declared import parsed_json, require_arrays, require_value
from landscape.records.kinds import REPORT
from landscape.records.record import Arrays, Record

_SERIES = "series."
_AGAIN = "make the record again with `landscape diagnose`"


@dataclass(frozen=True, kw_only=True, eq=False)
class Diagnosis(Record):
    """Why a network fails to train or to generalize, or that it is healthy.

    `report` is what `--json` prints: `verdict`, `subtype`, `subtype_supported`, `confidence`, `why`, `cited` (the
    numbers of it with their thresholds), `accepted`, `evidence`, `ruled_out`, `next`, `pytorch`, `better` (trials that
    removed more), `assumed`, `advice`, `not_assessed`, `gain`, `warnings`. `series` are the runs:
    `runs.<ensemble>.labels` [G], `.step`, `.train_loss`, … [R, K], where the seeds of a label are adjacent. `done` is
    false until all trials are done.

    Raises
    ------
    landscape.errors.InputError
        A series that is neither numbers nor texts, or a report without a verdict.
    """

    kind: ClassVar[str] = "diagnosis"

    report: dict[str, Any]
    series: dict[str, np.ndarray]
    done: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        series = {}
        for name, array in self.series.items():
            texts = np.asarray(array).dtype.kind == "U"
            series[name] = np.asarray(array) if texts else checks.numbers(name, array, np.shape(array))
        self._assign("series", series)
        for name in [name for name in series if name.startswith("runs.") and name.endswith(".labels")]:
            _require_runs(name.removesuffix(".labels"), series)
        self._assign("done", bool(self.done))
        finished = not self.done or isinstance(self.report.get("verdict"), str)
        require(finished, f"report: expected a verdict; {_AGAIN}")

    @property
    def finished(self) -> bool:
        """Whether the diagnosis has reached a verdict."""
        return self.done

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        return {
            "report": np.array(json.dumps(self.report, ensure_ascii=False, allow_nan=False)),
            "done": np.array(self.done),
            **{f"{_SERIES}{name}": array for name, array in self.series.items()},
        }

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        text = arrays.get("report")
        require(text is not None and text.dtype.kind == "U", f"the text report is missing; {_AGAIN}")
        assert text is not None
        report = parsed_json("report", str(text[()]))
        require_value("report", report, REPORT)
        curve = (report.get("evidence") or {}).get("generalization")
        even = curve is None or 0 < len(curve["sizes"]) == len(curve["curve"]) == len(curve["halves"])
        require(even, "report: generalization: expected as many sizes as values and intervals")
        require("done" in arrays, f"done is missing; {_AGAIN}")
        return {
            "report": report,
            "done": bool(arrays["done"]),
            "series": {n.removeprefix(_SERIES): a for n, a in arrays.items() if n.startswith(_SERIES)},
        }

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the diagnosis as a JSON object."""
        return {
            "record": self.kind,
            **self.report,
            "settings": self.settings,
            "version": self.version,
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }


def _require_runs(stem: str, series: Arrays) -> None:
    """Refuse an ensemble without the same number of runs for each label, evaluated at the same steps."""
    labels = series[f"{stem}.labels"]
    for name in (f"{stem}.step", f"{stem}.train_loss"):
        require(name in series, f"the array {_SERIES}{name} is missing; {_AGAIN}")
    require_arrays(series, {f"{stem}.step": "float [R, K]", f"{stem}.train_loss": "float [R, K]"})
    runs = len(series[f"{stem}.step"])
    require(
        labels.size > 0 and runs % labels.size == 0,
        f"{_SERIES}{stem}.labels: expected as many runs of each, found {labels.size} labels and {runs} runs",
    )
