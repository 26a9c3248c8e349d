"""Where contour lines run, so that the basin shows, and how heights become colours.

One choice serves all figures of a quantity: lines of a contour, bands of colour, the height at which a
surface is cut. Every band between two lines has the same step of colour, whatever the scale is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from matplotlib.colors import BoundaryNorm, FuncNorm
from matplotlib.ticker import MaxNLocator

from landscape.errors import InputError
from landscape.plots.words import distinct

COUNT = 8
MOST = 100

# A logarithmic scale from here on: highest over lowest.
LOG_RATIO = 20.0
# Heights above the lowest, beyond so many times the 95th percentile's, are outliers, left to the last band.
OUTLIER_RATIO = 30.0
# A band with more than this share of the points hides something.
CROWDED = 0.4
# How many more lines than usual may be spent on a band that is too full.
PATIENCE = 1.7
# What is no more than the rounding of a constant.
FLAT = 1e-12

# Mantissas of a logarithmic scale from coarse to fine; a number is a step of so many decades.
_MANTISSAS: tuple[int | tuple[float, ...], ...] = (
    *range(40, 1, -1),
    (1.0,),
    (1.0, 3.0),
    (1.0, 2.0, 5.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0),
    tuple(np.arange(10, 100, 5) / 10),
    tuple(np.arange(10, 100, 2) / 10),
)


@dataclass(frozen=True)
class Levels:
    """The heights of the contour lines, increasing, inside `low` … `high`, the range of the colours.

    `scale` is `linear`, `logarithmic`, `above the minimum` (logarithmic in the height above the lowest
    point), `given` (by the user), `constant` (no lines) or `nothing` (no finite value). `clipped` counts the
    finite values above `high`, `below` those below `low`.
    """

    lines: np.ndarray
    low: float
    high: float
    scale: str
    clipped: int = 0
    below: int = 0

    @property
    def bands(self) -> np.ndarray:
        """Where colours change, the ends of the range among them; every finite value lies inside."""
        return np.concatenate([[self.low], self.lines, [self.high]])

    @property
    def extend(self) -> Literal["neither", "min", "max", "both"]:
        """Which ends of the colours are open, in matplotlib's words."""
        if self.below:
            return "both" if self.clipped else "min"
        return "max" if self.clipped else "neither"

    @property
    def texts(self) -> list[str]:
        """What to write on the lines: their heights, or how far above the minimum they are."""
        if self.scale != "above the minimum":
            return distinct(self.lines)
        return [f"+{text}" for text in distinct(self.lines - self.low)]

    def norm(self) -> BoundaryNorm:
        """Give every band the same step of colour."""
        return BoundaryNorm(self.bands, ncolors=256, extend=self.extend)

    def smooth_norm(self) -> FuncNorm:
        """Give every band the same share of the colours, which run on within it: what a surface has in place of lines."""
        bands, shares = self.bands, np.linspace(0.0, 1.0, self.bands.size)
        ways = (
            lambda values: np.interp(values, bands, shares),
            lambda parts: np.interp(parts, shares, bands),
        )
        return FuncNorm(ways, vmin=self.low, vmax=self.high)


def choose_levels(
    values: np.ndarray, wanted: int | Sequence[float] | None = None, *, even: bool = False,
    limits: tuple[float, float] | None = None, scale: str | None = None,
) -> Levels:  # fmt: skip
    """Choose lines for the finite ones of `values`: about `wanted` of them, or exactly where it says.

    Steps are `even`, or as the values ask for: even, logarithmic, or logarithmic above the lowest value. A `scale`, `linear` or `log`,
    decides it, and `limits` are the ends of the colours: what is below or above has the first or the last one.

    Raises
    ------
    landscape.errors.InputError
        A count below 1 or above 100, or heights that do not increase or all miss the values.
    """
    finite = finite_of(values)
    if finite.size == 0:
        return Levels(np.empty(0), 0.0, 1.0, "nothing")
    if limits is not None:
        return _within(finite, limits, wanted, scale, even)
    if finite[-1] - finite[0] <= FLAT * max(abs(finite[0]), abs(finite[-1])):
        margin = max(abs(finite[0]), 1.0) / 2
        return Levels(np.empty(0), finite[0] - margin, finite[0] + margin, "constant")
    if wanted is not None and not isinstance(wanted, int | np.integer):
        return _given(finite, np.asarray(wanted, dtype=np.float64))
    count = COUNT if wanted is None else int(wanted)
    if not 1 <= count <= MOST:
        raise InputError(f"levels: expected 1 to {MOST} contour lines, found {count}")
    most = int(PATIENCE * COUNT) if wanted is None else count
    if scale == "log":
        return _logarithmic(finite, count, most)
    even = even or scale == "linear"
    return _even(finite, count, most) if even else _chosen(finite, count, most)


def _within(
    finite: np.ndarray, limits: tuple[float, float], wanted: int | Sequence[float] | None, scale: str | None, even: bool
) -> Levels:  # fmt: skip
    """Choose lines between two limits, so that two figures with the same limits have the same lines."""
    low, high = map(float, limits)
    # Spread evenly, the choice depends on the limits alone.
    between = np.geomspace(low, high, 500) if scale == "log" else np.linspace(low, high, 500)
    if wanted is not None and not isinstance(wanted, int | np.integer):
        found = _given(between, np.asarray(wanted, dtype=np.float64))
    else:
        found = choose_levels(between, wanted, even=even or scale != "log", scale=scale)
    return replace(
        found, low=low, high=high, clipped=int((finite > high).sum()), below=int((finite < low).sum())
    )


def _logarithmic(finite: np.ndarray, count: int, most: int) -> Levels:
    """Choose lines evenly in the logarithm.

    Raises
    ------
    InputError
        There are values that have none.
    """
    if finite[0] < 0:
        raise InputError(
            f"scale: a logarithmic one needs values that are not negative, found {finite[0]:.4g}: leave it out, or give linear"
        )
    low, high = float(finite[0]), float(finite[-1])
    return Levels(_pick(_log_choices(_floor(finite), high), finite, count, most), low, high, "logarithmic")


def finite_of(values: np.ndarray) -> np.ndarray:
    """Give the finite values, sorted."""
    return np.sort(np.asarray(values, dtype=np.float64)[np.isfinite(values)])


def _given(finite: np.ndarray, wanted: np.ndarray) -> Levels:
    if wanted.ndim != 1 or not 1 <= wanted.size <= MOST or not np.isfinite(wanted).all():
        raise InputError(f"levels: expected a number of lines or 1 to {MOST} finite heights")
    if not (np.diff(wanted) > 0).all():
        raise InputError("levels: expected heights that increase")
    low, high = float(finite[0]), float(finite[-1])
    lines = wanted[(wanted > low) & (wanted < high)]
    if lines.size == 0:
        raise InputError(f"levels: all lines are outside the values, which run from {low:.4g} to {high:.4g}")
    return Levels(lines, low, high, "given")


def _even(finite: np.ndarray, count: int, most: int) -> Levels:
    low, high = float(finite[0]), float(finite[-1])
    return Levels(_pick(_linear_choices(low, high, most), finite, count, most), low, high, "linear")


def _chosen(finite: np.ndarray, count: int, most: int) -> Levels:
    low, top = float(finite[0]), without_outliers(finite)
    clipped = int(np.count_nonzero(finite > top))
    inside = finite[: finite.size - clipped]
    if low >= 0 and top >= LOG_RATIO * _floor(inside):
        choices, scale = _log_choices(_floor(inside), top), "logarithmic"
    else:
        choices, scale = _linear_choices(low, top, most), "linear"
    lines = _pick(choices, inside, count, most)
    if _crowding(inside, lines if scale == "logarithmic" else _pick(choices, inside, count, count)) > CROWDED:
        above = _pick(_choices_above_minimum(inside), inside, count, most)
        if _crowding(inside, above) < _crowding(inside, lines) - 0.1:
            lines, scale = above, "above the minimum"
    return Levels(lines, low, top, scale, clipped)


def without_outliers(finite: np.ndarray) -> float:
    """Give the largest value that is not far beyond the other 95 %."""
    low = finite[0]
    usual = np.quantile(finite, 0.95, method="higher") - low
    if usual <= 0:
        return float(finite[-1])
    with np.errstate(over="ignore"):
        kept = finite[finite <= low + OUTLIER_RATIO * usual]
    return float(kept[-1])


def _floor(values: np.ndarray) -> float:
    """Return the lowest height for a line: the area below the lowest hundredth is too small to be seen."""
    return float(np.quantile(values[values > 0], 0.01))


def _linear_choices(low: float, top: float, most: int) -> list[np.ndarray]:
    """Space lines evenly, from coarse to fine."""
    locators = [MaxNLocator(nbins=bins, steps=[1, 2, 2.5, 5, 10]) for bins in range(1, most + 2)]
    return [_strictly_inside(np.asarray(locator.tick_values(low, top)), low, top) for locator in locators]


def _log_choices(floor: float, top: float) -> list[np.ndarray]:
    """Space lines evenly in the logarithm, at round numbers, from coarse to fine."""
    choices = []
    first, last = int(np.floor(np.log10(floor))), int(np.ceil(np.log10(top)))
    for mantissas in _MANTISSAS:
        if isinstance(mantissas, int):
            lines = 10.0 ** np.arange(last, first - 1, -mantissas)[::-1]
        else:
            lines = np.array([m * 10.0**power for power in range(first, last + 1) for m in mantissas])
        choices.append(_strictly_inside(lines, floor, top))
    return choices


def _choices_above_minimum(inside: np.ndarray) -> list[np.ndarray]:
    """Space lines evenly in the logarithm of the height above the lowest value."""
    low, above = inside[0], inside - inside[0]
    floor = max(_floor(above), FLAT * abs(low))
    return [low + heights for heights in _log_choices(floor, float(above[-1]))]


def _strictly_inside(lines: np.ndarray, low: float, high: float) -> np.ndarray:
    margin = 1e-9 * (high - low)
    return lines[(lines > low + margin) & (lines < high - margin)]


def _pick(choices: list[np.ndarray], values: np.ndarray, count: int, most: int) -> np.ndarray:
    """Take about `count` lines; more, up to `most`, while they leave one band too full."""
    some = [lines for lines in choices if lines.size]
    if not some:
        return np.array([values[0] + (values[-1] - values[0]) / 2])
    nearest = min(range(len(some)), key=lambda index: abs(some[index].size - count))
    for lines in some[nearest:]:
        if lines.size <= max(most, some[nearest].size) and _crowding(values, lines) <= CROWDED:
            return lines
    return some[nearest]


def _crowding(values: np.ndarray, lines: np.ndarray) -> float:
    """Give the share of the values in the fullest band."""
    counts = np.bincount(np.searchsorted(lines, values), minlength=len(lines) + 1)
    return float(counts.max() / values.size)
