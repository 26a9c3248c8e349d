"""The record of a race: several optimizers from one start, over seeds, and their paths on one plane."""

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

_AGAIN = "make the record again with `landscape race`"
_ARRAYS = (
    "rates",
    "step",
    "examples",
    "diverged",
    "projected",
    "distance",
    "captured",
    "tuning.rates",
    "tuning.loss",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Race(Record):
    """O optimizers, each run with S seeds and evaluated K times.

    `optimizers` are names, `rates` [O] their learning rates. `step` and `examples` [K] are updates done and examples
    seen. `values` holds [O, S, K] arrays named `<split>_loss`, `<split>_accuracy` and `gradient_norm`, NaN after a
    divergence; `diverged` [O, S] is the step that failed, or −1. `projected` [O, K, 2] are the first seed's paths on
    the plane of `scan`, `distance` [O, K] their distances from it, and `captured` [2] the axes' shares of their
    variance around the scan's center. `tuning_loss` [O, T] is the final loss at each of `tuning_rates` [T] (empty if
    the rates were given).

    Raises
    ------
    landscape.errors.InputError
        A shape or a kind of array that does not fit; the message says which.
    """

    kind: ClassVar[str] = "race"

    optimizers: tuple[str, ...]
    rates: np.ndarray
    step: np.ndarray
    examples: np.ndarray
    values: dict[str, np.ndarray]
    diverged: np.ndarray
    scan: Scan
    projected: np.ndarray
    distance: np.ndarray
    captured: np.ndarray
    tuning_rates: np.ndarray
    tuning_loss: np.ndarray

    def __post_init__(self) -> None:
        super().__post_init__()
        count, looks = len(self.optimizers), np.size(self.step)
        require(count > 0, "optimizers: expected at least one")
        seeds = np.shape(self.diverged)[1] if np.ndim(self.diverged) == 2 else 0
        shapes = {
            "rates": (count,), "step": (looks,), "examples": (looks,), "diverged": (count, seeds),
            "projected": (count, looks, len(self.scan.axes)), "distance": (count, looks),
            "captured": (len(self.scan.axes),), "tuning_rates": (np.size(self.tuning_rates),),
            "tuning_loss": (count, np.size(self.tuning_rates)),
        }  # fmt: skip
        for name, shape in shapes.items():
            self._assign(name, checks.numbers(name.replace("tuning_", "tuning."), getattr(self, name), shape))
        require("train_loss" in self.values, f"the array train_loss is missing; {_AGAIN}")
        whole = (count, seeds, looks)
        self._assign("values", {key: checks.numbers(key, self.values[key], whole) for key in self.values})

    @property
    def tuned(self) -> bool:
        """Whether every optimizer runs at its best rate out of the same list."""
        return bool(np.size(self.tuning_rates))

    def final(self) -> np.ndarray:
        """Return the training loss at the end of each run, [O, S], infinite for runs that diverged."""
        last = self.values["train_loss"][:, :, -1]
        return np.where(np.isfinite(last), last, np.inf)

    def ranking(self) -> list[int]:
        """Rank the optimizers by their median final training loss, those that diverged last."""
        final = self.final()
        return sorted(range(len(self.optimizers)), key=lambda index: (float(np.median(final[index])), index))

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        own = {name: getattr(self, name.replace("tuning.", "tuning_")) for name in _ARRAYS}
        return {"optimizers": np.array(self.optimizers), **own, **self.values, **nested(self.scan)}

    @classmethod
    def from_file(cls, header: dict[str, Any], arrays: Arrays) -> Race:
        """Make the record from a file's header and arrays.

        Raises `InputError` if they do not fit this kind of record.
        """
        fields: dict[str, Any] = {**arrays, PREFIX: unnested(header, arrays)}
        return super().from_file(header, fields)

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        for name in ("optimizers", *_ARRAYS):
            require(name in arrays, f"the array {name} is missing; {_AGAIN}")
        names = arrays["optimizers"]
        require(names.dtype.kind == "U" and names.ndim == 1, "optimizers: expected a list of names")
        ends = ("_loss", "_accuracy", "gradient_norm")
        return {
            "optimizers": tuple(names.tolist()),
            **{name.replace("tuning.", "tuning_"): arrays[name] for name in _ARRAYS},
            "values": {name: a for name, a in arrays.items() if "." not in name and name.endswith(ends)},
            "scan": arrays[PREFIX],
        }

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the race as a JSON object, where a band is the range over the seeds."""
        final = self.final()
        ranking = []
        for index in self.ranking():
            runs = final[index]
            entry = {
                "optimizer": self.optimizers[index],
                "learning_rate": or_null(self.rates[index]),
                "train_loss": or_null(float(np.median(runs))),
                "band": [or_null(runs.min()), or_null(runs.max())],
                "diverged": int(np.count_nonzero(self.diverged[index] >= 0)),
            }
            for name in ("test_loss", "test_accuracy"):
                if name in self.values:
                    entry[name] = or_null(float(np.median(self.values[name][index, :, -1])))
            ranking.append(entry)
        return {
            "record": self.kind,
            "ranking": ranking,
            "tuned": self.tuned,
            "seeds": int(self.diverged.shape[1]),
            "steps": int(self.step[-1]),
            "examples": int(self.examples[-1]),
            "captured": [or_null(share) for share in self.captured],
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }
