"""The record of sharpness: measures of a minimum, each with its error, and of what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from landscape.records import checks
from landscape.records.checks import require
from landscape.records.record import Arrays, Record, or_null

Numbers = dict[str, tuple[float, float]]

ERROR = ".error"
# Sets of measures beside the model's own: at rescaled parameters, and of another model.
SETS = ("layer", "neuron", "other")
CURVES = ("axis", "train_loss", "test_loss")
CURVE_SETS = ("curve", "other_curve")
# Relative change up to which a rescaled measure counts as unchanged: searches stop at 1e-6.
UNCHANGED = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Sharpness(Record):
    """Measures of a minimum.

    `measures` maps names to (value, error). For each, `settings["measures"]` has its definition, the meaning of its
    error, its source, its settings, and which rescalings leave it unchanged. `beside` holds further sets of measures:
    "layer" and "neuron" at rescaled parameters, "other" of another model. `curves` hold losses along one
    filter-normalized random direction: "curve" through the model, "other_curve" through the other.

    Raises
    ------
    landscape.errors.InputError
        A number or a curve that does not fit; the message says which.
    """

    kind: ClassVar[str] = "sharpness"

    measures: Numbers
    beside: dict[str, Numbers] = field(default_factory=dict)
    curves: dict[str, Arrays] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(bool(self.measures), "expected at least one measure")
        require(set(self.beside) <= set(SETS), f"expected sets of measures among {', '.join(SETS)}")
        require(set(self.curves) <= set(CURVE_SETS), f"expected curves among {', '.join(CURVE_SETS)}")
        self._assign("measures", _pairs(self.measures))
        missing = self.measures.keys() - self.beside.get("other", self.measures).keys()
        require(
            not missing,
            f"the array other.{min(missing, default='')} is missing: expected all measures of the other model",
        )
        self._assign("beside", {name: _pairs(numbers) for name, numbers in self.beside.items()})
        self._assign("curves", {name: _curve(name, arrays) for name, arrays in self.curves.items()})

    def arrays(self) -> Arrays:
        """All arrays by their names in the file."""
        found: Arrays = {}
        for prefix, numbers in {"": self.measures, **self.beside}.items():
            start = f"{prefix}." if prefix else ""
            for name, (value, error) in numbers.items():
                found |= {f"{start}{name}": np.asarray(value), f"{start}{name}{ERROR}": np.asarray(error)}
        for name, curve in self.curves.items():
            found |= {f"{name}.{key}": array for key, array in curve.items()}
        return found

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into sets: `name` beside `name.error`, alone or under a set's name."""
        sets: dict[str, Numbers] = {}
        for key, array in arrays.items():
            base = key.removesuffix(ERROR)
            if key == base or base not in arrays:
                continue
            prefix, _, name = base.rpartition(".")
            pair = (checks.numbers(base, arrays[base], ()), checks.numbers(key, array, ()))
            sets.setdefault(prefix, {})[name] = (float(pair[0]), float(pair[1]))
        require(
            "" in sets, "no measure with its error is there; make the record again with `landscape sharpness`"
        )
        curves = {
            name: {key: arrays[f"{name}.{key}"] for key in CURVES if f"{name}.{key}" in arrays}
            for name in CURVE_SETS
        }
        return {
            "measures": sets.pop(""),
            "beside": {name: numbers for name, numbers in sets.items() if name in SETS},
            "curves": {name: curve for name, curve in curves.items() if curve},
        }

    def verdict(self, level: str, name: str) -> bool | None:
        """Say whether rescaling left a measure unchanged, or None if that was not tested."""
        if level not in self.beside or name not in self.beside[level]:
            return None
        before, after = self.measures[name][0], self.beside[level][name][0]
        return abs(after - before) <= UNCHANGED * max(abs(before), abs(after))

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the measures as the JSON object that --json prints."""
        return {
            "record": self.kind,
            **{name: self._told(name) for name in self.measures},
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }

    def _told(self, name: str) -> dict[str, Any]:
        value, error = self.measures[name]
        known = (self.settings.get("measures") or {}).get(name, {})
        told = {
            "value": or_null(value),
            "error": or_null(error),
            "invariant": known.get("invariant"),
            "definition": known.get("definition"),
        }
        for prefix, numbers in self.beside.items():
            if name in numbers:
                told[prefix] = {"value": or_null(numbers[name][0]), "error": or_null(numbers[name][1])}
                if prefix != "other":
                    told[prefix]["unchanged"] = self.verdict(prefix, name)
        return told


def _pairs(numbers: Mapping[str, tuple[float, float]]) -> Numbers:
    return {str(name): (float(value), float(error)) for name, (value, error) in numbers.items()}


def _curve(name: str, arrays: Mapping[str, np.ndarray]) -> Arrays:
    require("axis" in arrays and "train_loss" in arrays, f"{name}: expected an axis and a loss")
    axis = checks.axis(f"{name}.axis", arrays["axis"])
    losses = {
        key: checks.numbers(f"{name}.{key}", arrays[key], axis.shape) for key in CURVES[1:] if key in arrays
    }
    return {"axis": axis, **losses}
