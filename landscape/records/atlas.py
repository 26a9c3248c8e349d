"""The record of a search for critical points: each one's loss and index, and which starts found none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from landscape.records import checks
from landscape.records.checks import require
from landscape.records.record import Arrays, Record, or_null

_AGAIN = "make the record again with `landscape critical --search`"
# Array → the axes after the first, one row a start.
NUMBERS: dict[str, tuple[int, ...]] = {
    "loss": (),
    "gradient_norm": (),
    "newton_decrement": (),
    "flatness": (),
    "tolerance": (),
    "inertia": (3,),
    "index_interval": (2,),
    "positive": (),
    "steps": (),
}
LARGEST = 2**53
FLAGS = ("done", "critical", "flat", "kink")


@dataclass(frozen=True, kw_only=True, eq=False)
class Atlas(Record):
    """The critical points found by searches from N starts.

    `theta` [N, P]; `loss`, `gradient_norm`, `newton_decrement`, `flatness` [N]; `inertia` [N, 3] counts the eigenvalues
    above, within and below `tolerance` [N], `index_interval` [N, 2] brackets the index, `positive` [N] counts those
    above zero regardless of their errors. Of the ends, `critical` [N] says which are critical points, `flat` which are
    gradient-flat, and `kink` which lie on a kink. `done` says which searches are finished, and `steps` [N] counts their
    steps.

    Raises
    ------
    landscape.errors.InputError
        A shape or a kind of array that does not fit; the message says which.
    """

    kind: ClassVar[str] = "atlas"

    theta: np.ndarray
    loss: np.ndarray
    gradient_norm: np.ndarray
    newton_decrement: np.ndarray
    flatness: np.ndarray
    tolerance: np.ndarray
    inertia: np.ndarray
    index_interval: np.ndarray
    positive: np.ndarray
    steps: np.ndarray
    done: np.ndarray
    critical: np.ndarray
    flat: np.ndarray
    kink: np.ndarray
    status: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        theta = np.asarray(self.theta)
        require(
            theta.ndim == 2 and theta.size > 0, f"theta: expected the shape [N, P], found {list(theta.shape)}"
        )
        self._assign("theta", checks.numbers("theta", theta, theta.shape))
        for name, more in NUMBERS.items():
            self._assign(name, checks.numbers(name, getattr(self, name), (len(theta), *more)))
        for name in FLAGS:
            self._assign(name, checks.flags(name, getattr(self, name), (len(theta),)))
        for name in ("inertia", "index_interval", "positive"):
            counts = getattr(self, name)[self.critical]
            good = bool(((counts >= 0) & (counts <= LARGEST)).all())
            require(good, f"{name}: expected counts from 0 of the critical points")

    @property
    def finished(self) -> bool:
        """Whether every search has finished."""
        return bool(np.all(self.done))

    @property
    def size(self) -> int:
        """P."""
        return int(self.theta.shape[1])

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        named = {name: getattr(self, name) for name in ("theta", *NUMBERS, *FLAGS)}
        return named | {"status": np.array(self.status)}

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        names = ("theta", *NUMBERS, *FLAGS)
        for name in names:
            require(name in arrays, f"the array {name} is missing; {_AGAIN}")
        status = str(arrays.get("status", np.array(""))[()])
        return {**{name: arrays[name] for name in names}, "status": status}

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the atlas as a JSON object."""
        points = [
            {
                "start": int(i),
                "loss": or_null(self.loss[i]),
                "index": int(self.inertia[i, 2]),
                "index_interval": self.index_interval[i].astype(int).tolist(),
                "inertia": self.inertia[i].astype(int).tolist(),
                "tolerance": or_null(self.tolerance[i]),
                "newton_decrement": or_null(self.newton_decrement[i]),
                "positive_share": float(self.positive[i]) / self.size,
            }
            for i in np.flatnonzero(self.critical)
        ]
        return {
            "record": self.kind,
            "starts": len(self.done),
            "done": int(np.sum(self.done)),
            "critical": len(points),
            "minima": sum(point["index"] == 0 for point in points),
            "gradient_flat": int(np.sum(self.flat)),
            "at_kinks": int(np.sum(self.kink)),
            "parameters": self.size,
            "points": points,
            "converged": not self.status,
            "status": self.status,
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }
