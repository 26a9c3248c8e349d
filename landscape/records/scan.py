"""The record of a scan: a loss over a grid of points along directions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from landscape.errors import InputError, did_you_mean
from landscape.records import checks
from landscape.records.checks import require
from landscape.records.record import Arrays, Record, or_null

# Values at one point, the centre and the model that the first direction leads to.
_CENTER, _END = "center.", "end."
# Relative difference from which on a grid's value at a model's place is not the model's own.
_ROUNDING = {"float32": 1e-4}
_QUANTITY = re.compile(r"(train|validation|test)_[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True, eq=False)
class Scan(Record):
    """A loss over a grid: L(center + Σᵢ αᵢ directions[i]), αᵢ along `axes[i]`.

    `values` holds `[n₀, n₁, …]` arrays named `<split>_<what>` (`train_loss`, `test_accuracy`): NaN or infinite where
    the network diverged, and not known yet where `done` is False. For a subset of the examples, `errors` has one
    standard error of each quantity. `center_values` is {split: {loss, accuracy}} at the center itself. `end_values` are
    those of the other model of `between`, evaluated by itself. `partial` is the state of an unfinished scan, empty when
    it is finished.

    Raises
    ------
    landscape.errors.InputError
        A shape or a kind of array that does not fit; the message says which.
    """

    kind: ClassVar[str] = "scan"

    axes: tuple[np.ndarray, ...]
    directions: np.ndarray
    center: np.ndarray
    values: dict[str, np.ndarray]
    penalty: np.ndarray
    done: np.ndarray
    errors: dict[str, np.ndarray] = field(default_factory=dict)
    center_values: dict[str, dict[str, float]] = field(default_factory=dict)
    end_values: dict[str, dict[str, float]] = field(default_factory=dict)
    partial: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        axes = tuple(checks.axis(f"axis.{index}", axis) for index, axis in enumerate(self.axes))
        require(len(axes) > 0, "axis.0: expected at least one axis, found none")
        shape = tuple(axis.size for axis in axes)
        center = checks.numbers("center", self.center, ndim=1)
        self._assign("axes", axes)
        self._assign("center", center)
        self._assign("directions", checks.numbers("directions", self.directions, (len(axes), center.size)))
        self._assign("penalty", checks.numbers("penalty", self.penalty, shape))
        self._assign("done", checks.flags("done", self.done, shape))
        self._assign("values", {name: _quantity(name, array, shape) for name, array in self.values.items()})
        require(len(self.values) > 0, "train_loss: expected at least one quantity, found none")
        self._assign("errors", {name: self._error(name, array) for name, array in self.errors.items()})
        for name in ("center_values", "end_values"):
            self._assign(name, {split: dict(of) for split, of in getattr(self, name).items()})
        self._assign(
            "partial", {name: checks.frozen(np.asarray(array)) for name, array in self.partial.items()}
        )

    def _error(self, name: str, array: ArrayLike) -> np.ndarray:
        require(name in self.values, f"{name}.error: expected the quantity {name} beside it, found none")
        return checks.numbers(f"{name}.error", array, self.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def finished(self) -> bool:
        """Whether every point has been computed."""
        return bool(self.done.all()) and not self.partial

    @property
    def share(self) -> float:
        """The share of the work that is done, 1 if finished.

        Where nothing else was kept it is that of the points.
        """
        done, total = 0.0, 0
        for name, value in self.partial.items():
            split, _, what = name.rpartition(".")
            if what == "steps":
                steps = int(np.sum(value))
                total += steps
                # Where points are computed in any order, those that are whole; else steps in their order.
                whole = self.partial.get(f"{split}.whole")
                step = float(np.sum(self.partial.get(f"{split}.step", 0)))
                done += step if whole is None else float(np.mean(whole)) * steps
        return 1.0 if self.finished else done / total if total else float(np.mean(self.done))

    def named(self) -> str:
        """Name the record in a message, with how much of it is done."""
        return "a finished scan" if self.finished else f"an unfinished scan ({self.share:.0%} done)"

    @property
    def main(self) -> str:
        """The quantity of the summary: the training loss if the record has it, otherwise the first quantity."""
        return "train_loss" if "train_loss" in self.values else next(iter(self.values))

    def quantity(self, name: str) -> np.ndarray:
        """Return one quantity (`penalty` included) over the grid, NaN where it has not been computed.

        Raises
        ------
        landscape.errors.InputError
            The record has no such quantity.
        """
        found = {**self.values, "penalty": self.penalty}
        if name not in found:
            raise InputError(
                f"no quantity '{name}' in this record: it has {', '.join(found)}{did_you_mean(name, found)}"
            )
        return np.where(self.done, found[name], np.nan)

    def diverged(self, name: str) -> np.ndarray:
        """Return which points were computed and are not finite."""
        return self.done & ~np.isfinite(self.quantity(name))

    def cosines(self) -> list[float]:
        """Cosine of the angle between directions (0, 1), (0, 2), …, (1, 2), …, NaN for a direction of length 0."""
        # Scaled first, since the square of a very long direction overflows.
        largest = np.max(np.abs(self.directions), axis=1, keepdims=True, initial=0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = self.directions / largest
            unit = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
            cosine = unit @ unit.T
        return [float(value) for value in cosine[np.triu_indices(len(cosine), k=1)]]

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the scan as the JSON object that --json prints.

        `minimum` and `maximum` are of `quantity`, the training loss where it is there. `cosine` is a number
        for two directions, null for one, a list in the order (0, 1), (0, 2), (1, 2) for three.
        """
        cosines = [or_null(value) for value in self.cosines()]
        known = int(np.count_nonzero(self.done))
        broken = np.logical_or.reduce([self.diverged(name) for name in self.values])
        return {
            "record": self.kind,
            "center": {
                split: {what: or_null(value) for what, value in of.items()}
                for split, of in self.center_values.items()
            },
            **({"end": self._end()} if self.end_values else {}),
            "quantity": self.main,
            "minimum": self._extreme(np.nanargmin),
            "maximum": self._extreme(np.nanargmax),
            "diverged": int(np.count_nonzero(broken)),
            "cosine": cosines[0] if len(cosines) == 1 else cosines or None,
            "points": int(self.done.size),
            "finished": self.finished,
            "seconds": self.seconds,
            "points_per_second": or_null(known / self.seconds) if self.seconds > 0 else None,
            "files": [str(file) for file in files],
        }

    def _end(self) -> dict[str, dict[str, Any]]:
        """Summarize for each split the loss of the other model itself, and that of the grid there if they differ."""
        place = tuple(int(np.argmin(np.abs(axis - (i == 0)))) for i, axis in enumerate(self.axes))
        there = all(axis[place[i]] == (i == 0) for i, axis in enumerate(self.axes)) and bool(self.done[place])
        told: dict[str, dict[str, Any]] = {}
        for split, of in self.end_values.items():
            told[split] = {what: or_null(value) for what, value in of.items()}
            found = self.values.get(f"{split}_loss")
            if not there or found is None or "loss" not in of:
                continue
            reached, own = float(found[place]), of["loss"]
            most = _ROUNDING.get(str(self.settings.get("dtype")), 1e-9) * max(1e-3, abs(own))
            if not abs(reached - own) <= most and (np.isfinite(reached) or np.isfinite(own)):
                told[split]["on_the_line"] = or_null(reached)
        return told

    def _extreme(self, which: Callable[[np.ndarray], Any]) -> dict[str, Any] | None:
        values = self.quantity(self.main)
        values = np.where(np.isfinite(values), values, np.nan)
        if np.isnan(values).all():
            return None
        index = np.unravel_index(which(values), self.shape)
        at = [float(axis[position]) for axis, position in zip(self.axes, index, strict=True)]
        return {"value": float(values[index]), "at": at}

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        points = {
            f"{prefix}{split}_{what}": np.float64(value)
            for prefix, values in ((_CENTER, self.center_values), (_END, self.end_values))
            for split, of in values.items()
            for what, value in of.items()
        }
        return {
            **{f"axis.{index}": axis for index, axis in enumerate(self.axes)},
            "directions": self.directions,
            "center": self.center,
            **{name: np.asarray(value) for name, value in points.items()},
            **self.values,
            **{f"{name}.error": array for name, array in self.errors.items()},
            "penalty": self.penalty,
            "done": self.done,
            **{f"partial.{name}": array for name, array in self.partial.items()},
        }

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        for name in ("axis.0", "directions", "center", "penalty", "done"):
            require(
                name in arrays, f"the array {name} is missing; make the record again with `landscape scan`"
            )
        axes = _under("axis.", arrays)
        missing = [str(index) for index in range(len(axes)) if str(index) not in axes]
        require(not missing, f"the array axis.{next(iter(missing), '')} is missing")
        errors = {name: arrays[f"{name}.error"] for name in arrays if f"{name}.error" in arrays}
        return {
            "axes": tuple(axes[str(index)] for index in range(len(axes))),
            "directions": arrays["directions"],
            "center": arrays["center"],
            "values": {name: arrays[name] for name in arrays if _QUANTITY.fullmatch(name)},
            "errors": errors,
            "penalty": arrays["penalty"],
            "done": arrays["done"],
            "center_values": _point(_CENTER, arrays),
            "end_values": _point(_END, arrays),
            "partial": _under("partial.", arrays),
        }


def _quantity(name: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    require(bool(_QUANTITY.fullmatch(name)), f"{name}: expected a name such as train_loss or test_accuracy")
    return checks.numbers(name, values, shape)


def _point(prefix: str, arrays: Arrays) -> dict[str, dict[str, float]]:
    """Collect the values at one point, {split: {what: value}}."""
    values: dict[str, dict[str, float]] = {}
    for name, array in _under(prefix, arrays).items():
        split, _, what = name.partition("_")
        require(
            bool(_QUANTITY.fullmatch(name)), f"{prefix}{name}: expected a name such as {prefix}train_loss"
        )
        values.setdefault(split, {})[what] = float(checks.numbers(f"{prefix}{name}", array, ()))
    return values


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
