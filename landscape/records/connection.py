"""The record of connections between minima: paths with the losses along them, barriers with their errors, saddles, permutations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from landscape.records import checks
from landscape.records.checks import require
from landscape.records.declared import parsed_json, require_value
from landscape.records.kinds import CONNECTION
from landscape.records.record import Arrays, Record, or_null

_AGAIN = "make the record again with `landscape connect`"
_GROUPS = ("path", "permutation", "saddle")


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection(Record):
    """M minima and the paths between every two of them.

    `theta` [M, P] are the minima, and `names` their names. `report` is plain JSON: `ends` has the losses at the minima,
    and `pairs`, for every pair, the barriers, the curves, the results after alignment, and the saddle. `series` are
    arrays by name: `path.<i>-<j>.<path>.t` [n] are positions on a path from 0 to 1, `path.<i>-<j>.<path>.<split>_loss`
    [n] and `…_accuracy` the values there, and `….points` [k, P] the points that define a curve or a band;
    `permutation.<i>-<j>.<group>` [n], `saddle.<i>-<j>.theta` and `….eigenvector` [P].

    Raises
    ------
    landscape.errors.InputError
        A shape or a kind of array that does not fit; the message says which.
    """

    kind: ClassVar[str] = "connection"

    theta: np.ndarray
    names: tuple[str, ...]
    report: dict[str, Any]
    series: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(np.ndim(self.theta) == 2, "theta: expected minima [M, P]")
        self._assign("theta", checks.numbers("theta", self.theta, np.shape(self.theta)))
        self._assign("names", tuple(map(str, self.names)))
        require(
            len(self.names) == len(self.theta) >= 2, "names: expected one for each of at least two minima"
        )
        self._assign("report", json.loads(json.dumps(self.report, allow_nan=False)))
        series = {}
        for name, array in self.series.items():
            series[name] = checks.numbers(name, array, np.shape(array))
        self._assign("series", series)
        self._require_paths()

    def _require_paths(self) -> None:
        require(len(self.report.get("pairs", ())) > 0, f"report: expected pairs of minima; {_AGAIN}")
        for pair in self.report["pairs"]:
            name = f"{pair['from']}-{pair['to']}"
            require(pair["from"] < pair["to"] < len(self.names), f"report: there is no pair {name}")
            require(
                f"path.{name}.linear.t" in self.series, f"the array path.{name}.linear.t is missing; {_AGAIN}"
            )
        for name, array in self.series.items():
            if name.startswith("path.") and name.endswith((".t", "_loss", "_accuracy")):
                place = f"{name.rpartition('.')[0]}.t"
                require(place in self.series, f"the array {place} is missing; {_AGAIN}")
                checks.numbers(name, array, self.series[place].shape)

    @property
    def highest(self) -> dict[str, Any]:
        """The pair with the highest barrier on the line."""

        def height(pair: dict[str, Any]) -> float:
            value = pair["barrier"]["value"]
            return np.inf if value is None else float(value)

        found: dict[str, Any] = max(self.report["pairs"], key=height)
        return found

    def paths(self, pair: dict[str, Any]) -> list[str]:
        """Name the paths of a pair, the line first."""
        prefix = f"path.{pair['from']}-{pair['to']}."
        return [
            name.removeprefix(prefix).removesuffix(".t")
            for name in self.series
            if name.startswith(prefix) and name.endswith(".t")
        ]

    def path(self, pair: dict[str, Any], name: str) -> dict[str, np.ndarray]:
        """Return the arrays of a path by the last parts of their names, such as `t` and `train_loss`."""
        prefix = f"path.{pair['from']}-{pair['to']}.{name}."
        return {
            key.removeprefix(prefix): array
            for key, array in self.series.items()
            if key.startswith(prefix) and "." not in key.removeprefix(prefix)
        }

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        return {
            "theta": self.theta,
            "names": np.array(self.names),
            "report": np.array(json.dumps(self.report, ensure_ascii=False, allow_nan=False)),
            **self.series,
        }

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        for name in ("theta", "names", "report"):
            require(name in arrays, f"the array {name} is missing; {_AGAIN}")
        report = parsed_json("report", str(arrays["report"][()]))
        require_value("report", report, CONNECTION)
        names = arrays["names"]
        require(names.dtype.kind == "U" and names.ndim == 1, "names: expected a list of names")
        return {
            "theta": arrays["theta"],
            "names": tuple(names.tolist()),
            "report": report,
            "series": {name: array for name, array in arrays.items() if name.partition(".")[0] in _GROUPS},
        }

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize as a JSON object: the pair with the highest barrier, and all pairs in `pairs` if there are several."""
        top = {key: value for key, value in self.highest.items() if key not in ("from", "to")}
        more = {"pairs": self.report["pairs"]} if len(self.report["pairs"]) > 1 else {}
        tree = {"tree": self.report["tree"]} if self.report.get("tree") else {}
        return {
            "record": self.kind,
            "names": list(self.names),
            **top,
            **more,
            **tree,
            "ends": self.report["ends"],
            "seconds": or_null(self.seconds),
            "files": [str(file) for file in files],
        }
