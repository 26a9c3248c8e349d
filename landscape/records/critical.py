"""The record of a critical point: what kind it is, the evidence, and the way down from it."""

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
from landscape.records.kinds import VERDICT
from landscape.records.record import Arrays, Record, or_null

KINDS = (
    "minimum",
    "degenerate minimum",
    "maximum",
    "saddle",
    "plateau",
    "flat to rounding",
    "near-critical",
    "not critical",
    "undetermined",
)
PLANES = ("plane", "random")
_AGAIN = "make the record again with `landscape critical`"
_NOTHING = np.zeros(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Critical(Record):
    """A point and the kind of critical point that it is.

    `theta` and `gradient` [P] are those of the critical point that polishing found nearby. If it found none, or was not
    requested, they are those of the point as given. `verdict["given"]` describes the point as given in any case.
    `eigenvalues` [k] are in ascending order, with `errors`: all of them, or for a large network those at the two ends.
    `verdict` is the evidence as plain JSON, including `kind` and `reason`. `escape_step`, `escape_predicted` (½λα²) and
    `escape_actual` [n] describe the line along the lowest eigenvector, and are empty if it was not tried.
    `escape_theta` [P] is a point of lower loss, and empty if none was found. `planes` has for "plane" (through the
    extreme eigenvectors) and "random" the arrays `axis.0`, `axis.1`, `loss` and `vectors` [2, P]. `status` says what
    did not converge, and is empty if everything did.

    Raises
    ------
    landscape.errors.InputError
        A shape or a kind of array that does not fit; the message says which.
    """

    kind: ClassVar[str] = "critical"

    theta: np.ndarray
    gradient: np.ndarray
    eigenvalues: np.ndarray
    errors: np.ndarray
    verdict: dict[str, Any]
    escape_step: np.ndarray = field(default_factory=lambda: _NOTHING)
    escape_predicted: np.ndarray = field(default_factory=lambda: _NOTHING)
    escape_actual: np.ndarray = field(default_factory=lambda: _NOTHING)
    escape_theta: np.ndarray = field(default_factory=lambda: _NOTHING)
    planes: dict[str, np.ndarray] = field(default_factory=dict)
    status: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._assign("theta", checks.numbers("theta", self.theta, ndim=1))
        size = (len(self.theta),)
        self._assign("gradient", checks.numbers("gradient", self.gradient, size))
        self._assign("eigenvalues", checks.numbers("eigenvalues", self.eigenvalues, ndim=1))
        self._assign("errors", checks.numbers("errors", self.errors, self.eigenvalues.shape))
        count = np.shape(self.escape_step)
        for name in ("escape_step", "escape_predicted", "escape_actual"):
            self._assign(name, checks.numbers(name.replace("_", "."), getattr(self, name), count))
        lower = np.shape(self.escape_theta)
        require(lower in ((0,), size), f"escape.theta: expected the shape {list(size)}, found {list(lower)}")
        self._assign("escape_theta", checks.numbers("escape.theta", self.escape_theta, lower))
        self._assign("planes", _checked_planes(self.planes, size[0]))
        word = self.verdict.get("kind") if isinstance(self.verdict, dict) else None
        require(word in KINDS, f"verdict: expected one of {', '.join(KINDS)}, found {word!r}")
        self._assign("verdict", json.loads(json.dumps(self.verdict, allow_nan=False)))

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        found = {
            "theta": self.theta,
            "gradient": self.gradient,
            "eigenvalues": self.eigenvalues,
            "errors": self.errors,
            "verdict": np.array(json.dumps(self.verdict, ensure_ascii=False, allow_nan=False)),
            "escape.step": self.escape_step,
            "escape.predicted": self.escape_predicted,
            "escape.actual": self.escape_actual,
            "status": np.array(self.status),
        }
        if len(self.escape_theta):
            found["escape.theta"] = self.escape_theta
        return found | self.planes

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        needed = ("theta", "gradient", "eigenvalues", "errors", "verdict")
        for name in (*needed, "escape.step", "escape.predicted", "escape.actual"):
            require(name in arrays, f"the array {name} is missing; {_AGAIN}")
        verdict = parsed_json("verdict", str(arrays["verdict"][()]))
        require(isinstance(verdict, dict), f"verdict: expected a JSON object; {_AGAIN}")
        return {
            **{name: arrays[name] for name in needed[:-1]},
            "verdict": verdict,
            "escape_step": arrays["escape.step"],
            "escape_predicted": arrays["escape.predicted"],
            "escape_actual": arrays["escape.actual"],
            "escape_theta": arrays.get("escape.theta", _NOTHING),
            "planes": {name: array for name, array in arrays.items() if name.split(".")[0] in PLANES},
            "status": str(arrays.get("status", np.array(""))[()]),
        }

    @classmethod
    def from_file(cls, header: dict[str, Any], arrays: Arrays) -> Critical:
        """Make the record from a file's header and arrays.

        Raises `InputError` if they do not fit this kind of record.
        """
        record = super().from_file(header, arrays)
        require_value("verdict", record.verdict, VERDICT)
        return record

    @property
    def has_planes(self) -> bool:
        """Whether the surfaces were computed."""
        return all(f"{name}.loss" in self.planes for name in PLANES)

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the point as the JSON object that --json prints."""
        ends = {
            name: {"value": or_null(self.eigenvalues[place]), "error": or_null(self.errors[place])}
            for name, place in (("eigenvalue_min", 0), ("eigenvalue_max", -1))
        }
        return {
            "record": self.kind,
            **self.verdict,
            **ends,
            "converged": not self.status,
            "status": self.status,
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }


def _checked_planes(planes: Arrays, size: int) -> Arrays:
    """Check the surfaces, each whole or not there."""
    checked: Arrays = {}
    for name in PLANES:
        if f"{name}.loss" not in planes:
            continue
        for part in ("axis.0", "axis.1", "vectors"):
            require(f"{name}.{part}" in planes, f"the array {name}.{part} is missing; {_AGAIN}")
        axes = [checks.axis(f"{name}.axis.{i}", planes[f"{name}.axis.{i}"]) for i in (0, 1)]
        shape = (len(axes[0]), len(axes[1]))
        checked |= {
            f"{name}.axis.0": axes[0],
            f"{name}.axis.1": axes[1],
            f"{name}.loss": checks.numbers(f"{name}.loss", planes[f"{name}.loss"], shape),
            f"{name}.vectors": checks.numbers(f"{name}.vectors", planes[f"{name}.vectors"], (2, size)),
        }
    return checked
