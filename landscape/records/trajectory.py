"""The record of a trajectory: where the checkpoints of a run lie on a plane, and how far from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from landscape.records import checks
from landscape.records.checks import require
from landscape.records.nested import PREFIX, nested, unnested
from landscape.records.record import Arrays, Record, or_null
from landscape.records.scan import Scan

_PLANE = "plane."
_AGAIN = "make the record again with `landscape trajectory`"


@dataclass(frozen=True, kw_only=True, eq=False)
class Trajectory(Record):
    """A training projected on a plane: checkpoint k is center + Σᵢ projected[k, i] directions[i] + a part out of the plane.

    `projected` [K, d] are coordinates on the plane, `distance` [K] is the distance from it, `step` [K] the updates
    done. `values` holds what was computed at the checkpoints themselves, [K] arrays named `<split>_loss`;
    `plane_values` the same at their projections. `captured` [d] are the axes' shares of Σ ‖checkpoint − center‖², one
    after the other. `scan` is the loss over the plane, with the same center and directions.

    Raises
    ------
    landscape.errors.InputError
        A shape or a kind of array that does not fit; the message says which.
    """

    kind: ClassVar[str] = "trajectory"

    scan: Scan
    step: np.ndarray
    projected: np.ndarray
    distance: np.ndarray
    captured: np.ndarray
    values: dict[str, np.ndarray]
    plane_values: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        super().__post_init__()
        step = checks.frozen(checks.numbers("step", self.step, ndim=1).astype(np.int64))
        dimensions = len(self.scan.axes)
        self._assign("step", step)
        shape = (step.size, dimensions)
        self._assign("projected", checks.numbers("projected", self.projected, shape))
        self._assign("distance", checks.numbers("distance", self.distance, step.shape))
        self._assign("captured", checks.numbers("captured", self.captured, (dimensions,)))
        for name, prefix in (("values", ""), ("plane_values", _PLANE)):
            found = getattr(self, name)
            self._assign(
                name, {key: checks.numbers(f"{prefix}{key}", found[key], step.shape) for key in found}
            )
        same = self.values.keys() == self.plane_values.keys()
        require(same and len(self.values) > 0, "plane.train_loss: expected the quantities of the checkpoints")

    @property
    def main(self) -> str:
        """The quantity of the summary: the training loss if the record has it, otherwise the first quantity."""
        return "train_loss" if "train_loss" in self.values else next(iter(self.values))

    def arrays(self) -> Arrays:
        """All arrays by their names in the file, with center and directions of the scan."""
        return {
            "step": self.step,
            "projected": self.projected,
            "distance": self.distance,
            "captured": self.captured,
            **self.values,
            **{f"{_PLANE}{name}": array for name, array in self.plane_values.items()},
            **nested(self.scan),
        }

    @classmethod
    def from_file(cls, header: dict[str, Any], arrays: Arrays) -> Trajectory:
        """Make the record from a file's header and arrays.

        Raises `InputError` if they do not fit this kind of record.
        """
        fields: dict[str, Any] = {**arrays, PREFIX: unnested(header, arrays)}
        return super().from_file(header, fields)

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        for name in ("step", "projected", "distance", "captured"):
            require(name in arrays, f"the array {name} is missing; {_AGAIN}")
        on_plane = {
            name.removeprefix(_PLANE): array for name, array in arrays.items() if name.startswith(_PLANE)
        }
        own = {name for name in arrays if name.endswith("_loss") and "." not in name}
        missing = [name for name in on_plane if name not in own]
        missing += [f"{_PLANE}{name}" for name in own if name not in on_plane]
        require(not missing, f"the array {next(iter(missing), '')} is missing; {_AGAIN}")
        return {
            "scan": arrays[PREFIX],
            **{name: arrays[name] for name in ("step", "projected", "distance", "captured")},
            "values": {name: arrays[name] for name in on_plane},
            "plane_values": on_plane,
        }

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the trajectory as a JSON object, where `gap` is the largest difference between plane and true loss."""
        values, plane = self.values[self.main], self.plane_values[self.main]
        gap = np.abs(plane - values)
        worst = int(np.nanargmax(gap)) if np.isfinite(gap).any() else None
        farthest = int(np.argmax(self.distance))
        return {
            "record": self.kind,
            "checkpoints": int(self.step.size),
            "captured": [or_null(share) for share in self.captured],
            "captured_total": or_null(float(self.captured.sum())),
            "quantity": self.main,
            "first": or_null(values[0]),
            "last": or_null(values[-1]),
            "distance": {"value": or_null(self.distance[farthest]), "step": int(self.step[farthest])},
            "gap": None
            if worst is None
            else {
                "step": int(self.step[worst]),
                "plane": or_null(plane[worst]),
                "true": or_null(values[worst]),
            },
            "diverged": self.scan.summary()["diverged"],
            "points": int(self.scan.done.size),
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }
