"""The record of a surface's topology: basins, saddles, maxima, and the tree of how basins join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from landscape.records import checks
from landscape.records.checks import require
from landscape.records.nested import PREFIX, nested, unnested
from landscape.records.record import Arrays, Record, or_null
from landscape.records.scan import Scan

# Keys of the file, and the fields that they are.
OWN = (
    "pairs", "pairs.index", "pairs.error", "open", "label", "tree.parent", "tree.survivor", "grid_dependent", "maxima", "maxima.index",
)  # fmt: skip
FIELDS = (
    "pairs", "index", "error", "open", "label", "parent", "survivor", "grid_dependent", "maxima", "maxima_index",
)  # fmt: skip
VERIFIED = ("basin", "loss", "gradient_norm", "distance", "between", "way", "minimum", "converged")
_AGAIN = "make the record again with `landscape topology`"


def stands_out(pairs: np.ndarray, threshold: float, scale: str) -> np.ndarray:
    """Say which pairs [k, 2] of a low and a high point are more than a threshold apart: by their difference, or on a `log` scale by their ratio.

    >>> pairs = np.array([[0.01, 0.02], [1.0, 1.05]])
    >>> stands_out(pairs, 0.03, "linear").tolist(), stands_out(pairs, 1.5, "log").tolist()
    ([False, True], [True, False])
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(
            pairs[:, 1] > threshold * pairs[:, 0] if scale == "log" else pairs[:, 1] - pairs[:, 0] > threshold
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Topology(Record):
    """The basins, saddles and maxima of one quantity of a scan.

    The k basins include noise, in the order in which they appear as the level rises, so that the deepest comes first.

    `pairs` [k, 2] are the heights of minimum and saddle (infinite for the deepest basin of a piece), `index` [k, 2]
    their places in the flattened grid (−1 for none), and `error` [k] the error of the difference. `open` [k] says
    whether a minimum lies on the window's edge, `parent` [k] which basin each joins (−1 for none), and `survivor` [k]
    to which basin each belongs after those below `threshold` are removed. `grid_dependent` [k] says whether half the
    points would give another answer. `label` has the grid's shape: the basin of each point, −1 where there is no value.
    `maxima` [m, 2] are heights of saddle and maximum, `maxima_index` their places. `verified` holds the results of
    descents in the whole space from the basins' lowest points, and is {} if there were none.

    Raises
    ------
    landscape.errors.InputError
        A shape or a kind of array that does not fit; the message says which.
    """

    kind: ClassVar[str] = "topology"

    scan: Scan
    pairs: np.ndarray
    index: np.ndarray
    error: np.ndarray
    open: np.ndarray
    label: np.ndarray
    parent: np.ndarray
    survivor: np.ndarray
    grid_dependent: np.ndarray
    maxima: np.ndarray
    maxima_index: np.ndarray
    verified: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        super().__post_init__()
        points = self.scan.done.size
        pairs = checks.numbers(
            "pairs", self.pairs, (np.shape(self.pairs)[0] if np.ndim(self.pairs) else 0, 2)
        )
        count = len(pairs)
        require(count > 0, "pairs: expected at least one basin, found none")
        require(
            bool(np.isfinite(pairs[:, 0]).all() and (pairs[:, 1] >= pairs[:, 0]).all()),
            "pairs: expected finite minima, and saddles that are not below them",
        )
        numbered = np.arange(count)
        index = _places("pairs.index", self.index, (count, 2), points)
        parent = _places("tree.parent", self.parent, (count,), count)
        survivor = _places("tree.survivor", self.survivor, (count,), count)
        require(bool((index[:, 0] >= 0).all()), "pairs.index: expected a place for each minimum")
        require(bool((parent < numbered).all()), "tree.parent: expected older basins, which stand before")
        require(
            bool((survivor >= 0).all() and (survivor <= numbered).all() and (survivor[survivor] == survivor).all()),
            "tree.survivor: expected the basin itself, or an older one that is its own",
        )  # fmt: skip
        maxima = checks.numbers("maxima", self.maxima, (len(self.maxima) if np.ndim(self.maxima) else 0, 2))
        for name, value in {
            "pairs": pairs, "index": index, "parent": parent, "survivor": survivor, "maxima": maxima,
            "error": checks.numbers("pairs.error", self.error, (count,)),
            "open": checks.flags("open", self.open, (count,)),
            "grid_dependent": checks.flags("grid_dependent", self.grid_dependent, (count,)),
            "label": _places("label", self.label, self.scan.shape, count),
            "maxima_index": _places("maxima.index", self.maxima_index, (len(maxima), 2), points),
            "verified": _verified(self.verified, count),
        }.items():  # fmt: skip
            self._assign(name, value)
        quantity = self.settings.get("quantity")
        require(isinstance(quantity, str), "settings: expected the name of a quantity")
        self.scan.quantity(str(quantity))

    @property
    def quantity(self) -> str:
        """The quantity of the scan that was analysed."""
        return str(self.settings["quantity"])

    @property
    def threshold(self) -> float:
        """The persistence up to which a basin is left out, or on a logarithmic scale the ratio of saddle and minimum."""
        value = self.settings.get("threshold")
        return float(value) if isinstance(value, int | float) else 0.0

    @property
    def scale(self) -> str:
        """Whether the threshold is one of differences, `linear`, or of ratios, `log`."""
        return str(self.settings.get("scale", "linear"))

    @cached_property
    def kept(self) -> np.ndarray:
        """The basins that are more than noise, the deepest first."""
        kept = np.flatnonzero(self.survivor == np.arange(self.survivor.size))
        return kept[np.argsort(self.pairs[kept, 0], kind="stable")]

    @property
    def persistence(self) -> np.ndarray:
        """The height of each saddle above its minimum, [k], infinite for the deepest basin of a piece."""
        return self.pairs[:, 1] - self.pairs[:, 0]

    @cached_property
    def basin_of(self) -> np.ndarray:
        """The kept basin that each point of the grid belongs to, −1 where there is no value."""
        return np.where(self.label < 0, -1, self.survivor[self.label])

    def passes(self) -> dict[int, float]:
        """Return the height of the lowest pass from each kept basin to another, infinite if there is none."""
        lowest = {int(k): float(self.pairs[k, 1]) for k in self.kept}
        for k in self.kept:
            if self.parent[k] >= 0:
                into = int(self.survivor[self.parent[k]])
                lowest[into] = min(lowest[into], float(self.pairs[k, 1]))
        return lowest

    def center_basin(self) -> int | None:
        """Return the basin of the grid point nearest to the centre, or None if the centre is outside the window."""
        if not all(axis[0] <= 0 <= axis[-1] for axis in self.scan.axes):
            return None
        basin = int(self.basin_of[tuple(int(np.abs(axis).argmin()) for axis in self.scan.axes)])
        return None if basin < 0 else basin

    def depth_of_center(self) -> float | None:
        """Return how far the loss must rise from the lowest point of the centre's basin to reach another basin, or None if there is no other."""
        basin = self.center_basin()
        if basin is None:
            return None
        return or_null(self.passes()[basin] - float(self.pairs[basin, 0]))

    def at(self, place: int) -> list[float]:
        """Return the coordinates of an index of the flattened grid."""
        return [
            float(axis[i])
            for axis, i in zip(self.scan.axes, np.unravel_index(int(place), self.scan.shape), strict=True)
        ]

    def kept_maxima(self) -> np.ndarray:
        """Return the indices of the maxima with a persistence above the threshold, highest first."""
        standing = np.flatnonzero(stands_out(self.maxima, self.threshold, self.scale))
        return standing[np.argsort(-self.maxima[standing, 1], kind="stable")]

    def arrays(self) -> Arrays:
        """All arrays by their names in the file, with center and directions of the scan."""
        own = (getattr(self, field) for field in FIELDS)
        return {
            **dict(zip(OWN, own, strict=True)),
            **{f"verified.{name}": array for name, array in self.verified.items()},
            **nested(self.scan),
        }

    @classmethod
    def from_file(cls, header: dict[str, Any], arrays: Arrays) -> Topology:
        """Make the record from a file's header and arrays.

        Raises `InputError` if they do not fit this kind of record.
        """
        settings = header.get("settings")
        words = settings.get("scan") if isinstance(settings, dict) else None
        inner = {**header, "settings": words if isinstance(words, dict) else {}}
        fields: dict[str, Any] = {**arrays, PREFIX: unnested(inner, arrays)}
        return super().from_file(header, fields)

    @classmethod
    def fields_of(cls, arrays: Arrays) -> dict[str, Any]:
        """Sort the arrays of a file into fields, ignoring unknown keys."""
        for name in OWN:
            require(name in arrays, f"the array {name} is missing; {_AGAIN}")
        found = {name: arrays[f"verified.{name}"] for name in VERIFIED if f"verified.{name}" in arrays}
        if "between" in found:
            # Records of earlier versions have no bent ways.
            found.setdefault("way", np.full(np.shape(found["between"]), np.nan))
        require(len(found) in (0, len(VERIFIED)), f"a part of what was verified is missing; {_AGAIN}")
        return {
            "scan": arrays[PREFIX],
            **{field: arrays[name] for field, name in zip(FIELDS, OWN, strict=True)},
            "verified": found,
        }

    def basin_summary(self, basin: int) -> dict[str, Any]:
        """Summarize one basin."""
        saddle = int(self.index[basin, 1])
        label = self.basin_of
        return {
            "minimum": float(self.pairs[basin, 0]),
            "at": self.at(int(self.index[basin, 0])),
            "saddle": or_null(self.pairs[basin, 1]) if saddle >= 0 else None,
            "saddle_at": self.at(saddle) if saddle >= 0 else None,
            "persistence": {"value": or_null(self.persistence[basin]), "error": or_null(self.error[basin])},
            "area": float((label == basin).sum() / max(1, int((label >= 0).sum()))),
            "grid_dependent": bool(self.grid_dependent[basin]),
        }

    def summary(self, files: Sequence[str | Path] = ()) -> dict[str, Any]:
        """Summarize the topology as a JSON object, where `basins` are those with their lowest point inside the window."""
        finite = self.persistence[self.kept][np.isfinite(self.persistence[self.kept])]
        return {
            "record": self.kind,
            "quantity": self.quantity,
            "basins": [self.basin_summary(int(k)) for k in self.kept if not self.open[k]],
            "open_basins": [self.basin_summary(int(k)) for k in self.kept if self.open[k]],
            "depth_of_center": self.depth_of_center(),
            "threshold": self.threshold,
            "scale": self.scale,
            "maxima": [self._maximum(int(m)) for m in self.kept_maxima()],
            "connectivity": self.settings.get("connectivity"),
            "resolved": self.resolved,
            "pieces": int(np.count_nonzero(self.index[:, 1] < 0)),
            "mean_persistence": float(finite.mean()) if finite.size else None,
            "total_persistence": or_null(float(finite.sum())),
            "verified": self._descents(),
            "ways": self.ways() if self.verified else None,
            "points": int(self.scan.done.size),
            "seconds": self.seconds,
            "files": [str(file) for file in files],
        }

    def ways(self) -> list[dict[str, Any]]:
        """Summarize the paths that were searched between ends of descents that no straight line connects.

        `straight` and `bent` are how far the way rises above the higher end; `bent` is null where none was found. Both are no lower than the lowest pass.
        """
        found, told = self.verified, []
        for i, j in zip(*np.nonzero(np.triu(np.ones_like(found["way"]), 1)), strict=True):
            if np.isnan(found["way"][i, j]):
                continue
            higher = max(found["loss"][i], found["loss"][j])
            told.append(
                {
                    "basins": [int(found["basin"][i]), int(found["basin"][j])],
                    "straight": or_null(found["between"][i, j] - higher),
                    "bent": or_null(found["way"][i, j] - higher),
                }
            )
        return told

    @property
    def resolved(self) -> bool:
        """Whether this grid resolves the basins: other neighbours, and half the points, give the same number."""
        return (
            bool(self.settings.get("same_across_corners", True)) and not self.grid_dependent[self.kept].any()
        )

    def _maximum(self, number: int) -> dict[str, Any]:
        saddle, maximum = (int(place) for place in self.maxima_index[number])
        return {
            "maximum": or_null(self.maxima[number, 1]),
            "at": self.at(maximum),
            "saddle": or_null(self.maxima[number, 0]),
            "saddle_at": self.at(saddle),
            "persistence": or_null(self.maxima[number, 1] - self.maxima[number, 0]),
        }

    def _descents(self) -> list[dict[str, Any]] | None:
        """Summarize the end of each descent; basins with the same `minimum` lead to one."""
        if not self.verified:
            return None
        found = self.verified
        return [
            {
                "basin": int(found["basin"][i]),
                "minimum": int(found["minimum"][i]),
                "loss": or_null(found["loss"][i]),
                "gradient_norm": or_null(found["gradient_norm"][i]),
                "converged": bool(found["converged"][i]),
            }
            for i in range(len(found["basin"]))
        ]


def _places(name: str, values: ArrayLike, shape: tuple[int, ...], below: int) -> np.ndarray:
    """Check whole numbers from −1 up to, and without, a bound."""
    array = np.asarray(values)
    require(array.dtype.kind in "iu", f"{name}: expected whole numbers, found {array.dtype}")
    require(array.shape == shape, f"{name}: expected the shape {list(shape)}, found {list(array.shape)}")
    require(bool(((array >= -1) & (array < below)).all()), f"{name}: expected numbers from −1 to {below - 1}")
    return checks.frozen(array)


def _verified(found: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Check the arrays about descents from some of the basins."""
    if not found:
        return {}
    require(sorted(found) == sorted(VERIFIED), f"a part of what was verified is missing; {_AGAIN}")
    many = len(found["basin"]) if np.ndim(found["basin"]) else 0
    result = {
        name: checks.numbers(f"verified.{name}", found[name], (many,)) for name in ("loss", "gradient_norm")
    }
    result |= {
        name: checks.numbers(f"verified.{name}", found[name], (many, many))
        for name in ("distance", "between", "way")
    }
    result |= {"basin": _places("verified.basin", found["basin"], (many,), count)}
    result |= {"minimum": _places("verified.minimum", found["minimum"], (many,), count)}
    return result | {"converged": checks.flags("verified.converged", found["converged"], (many,))}
