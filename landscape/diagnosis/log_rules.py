"""Rules for a log alone: each takes numbers and returns a verdict with the numbers that support it, or nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.citing import SHARE, Cited, Reason
from landscape.diagnosis.evidence import Verdict
from landscape.diagnosis.thresholds import EXPLODED, Thresholds
from landscape.logs import Log, Series

Array = NDArray[np.float64]

# Medians are over this part of a series at its ends, and a change is beyond the noise from so many standard errors on.
PART, BEYOND = 10, 3.0
# Fewer values of a series than this say nothing of its course.
LEAST = 4
# How near a loss is to the logarithm of a number of classes, and up to how many of them that tells anything.
NEAR, MOST_CLASSES = 0.01, 20
# A rate that fell below this part of its highest moves nothing more.
SPENT = 0.01


@dataclass(frozen=True)
class Course:
    """How a series went: the medians of its first and its last tenth, its least value, and the noise of such a median."""

    first: float
    last: float
    least: float
    least_step: float
    noise: float
    third: float
    fourth: float

    @classmethod
    def of(cls, series: Series) -> Course | None:
        """Read it off the finite values; None if they are too few."""
        good = np.isfinite(series.value)
        value, step = series.value[good], series.step[good]
        if len(value) < LEAST:
            return None
        width, half = max(1, len(value) // PART), len(value) // 2
        smooth = np.array(
            [np.median(part) for part in np.array_split(value, max(LEAST, len(value) // width))]
        )
        middles = np.array([part[len(part) // 2] for part in np.array_split(step, len(smooth))])
        place = int(np.argmin(smooth))
        quarters = np.array_split(value[half:], 2)
        return cls(
            float(np.median(value[:width])), float(np.median(value[-width:])), float(smooth[place]), float(middles[place]),
            noise_of(value[half:]) / math.sqrt(width), float(np.median(quarters[0])), float(np.median(quarters[1])),
        )  # fmt: skip

    @property
    def fall(self) -> float:
        """What it fell by, in parts of where it began."""
        return (self.first - self.last) / abs(self.first) if self.first else 0.0


def noise_of(value: Array) -> float:
    """Estimate the standard deviation of values about their course, from their differences.

    >>> noise_of(np.array([3.0, 2.0, 1.0, 0.0]))
    0.0
    """
    steps = np.diff(value)
    spread = np.median(np.abs(steps - np.median(steps))) if len(steps) else 0.0
    return float(1.4826 * spread / math.sqrt(2))


def not_finite(log: Log) -> Verdict | None:
    """A training loss that is not finite to its end."""
    series = log.series.get("train_loss")
    if series is None or not len(series.value) or np.isfinite(series.value[-1]):
        return None
    good = np.flatnonzero(np.isfinite(series.value))
    place = int(good[-1]) + 1 if len(good) else 0
    since = f"the training loss is {series.value[place]} from {at(log, series.step[place])} on"
    before = f", after {series.value[place - 1]:.4g} at {at(log, series.step[place - 1])}" if place else ""
    return Verdict(
        code="broken", subtype="exploding", confidence="suspected", reasons=(since + before,), accepted=("optimization/exploding",)
    )  # fmt: skip


def exploding(log: Log, train: Course) -> Verdict | None:
    """A training loss that ends far above where it was."""
    least = train.least
    if least <= 0 or train.last <= train.first:
        return None
    reason = Cited(
        sentence=f"the training loss ends at {train.last:.4g}, {{value}} times its least, {least:.4g} near {at(log, train.least_step)}",
        claim="exploded", value=train.last / least, side="above", threshold=EXPLODED,
    )  # fmt: skip
    return suspicion("optimization", "exploding", reason) if reason.supports else None


def overfitting(log: Log, train: Course | None, held: Course | None, limits: Thresholds) -> Verdict | None:
    """A held-out loss that rises while the training loss falls on."""
    if held is None or train is None or held.first <= held.least:
        return None
    rise = held.last - held.least
    series = log.series["train_loss"]
    before = series.value[(series.step <= held.least_step) & np.isfinite(series.value)]
    there = float(np.median(before[-max(1, len(before) // PART) :])) if len(before) else math.nan
    if not (rise > BEYOND * held.noise and train.last < there):
        return None
    reason = Cited(
        sentence=f"the validation loss rose from {held.least:.4g} near {at(log, held.least_step)} to {held.last:.4g}, "
        "{value} of what it had fallen by",
        claim="overfitting", value=rise / (held.first - held.least), side="above", threshold=limits.gap, styles=SHARE,
    )  # fmt: skip
    meanwhile = f"meanwhile the training loss fell from {there:.4g} to {train.last:.4g}"
    return suspicion("overfitting", "", reason, meanwhile) if reason.supports else None


def apart(log: Log, limits: Thresholds) -> Verdict | None:
    """A training accuracy far above that of held-out data, at the end."""
    both = [
        Course.of(log.series[name])
        for name in ("train_accuracy", "validation_accuracy")
        if name in log.series
    ]
    if len(both) < 2 or both[0] is None or both[1] is None:
        return None
    scale = 100.0 if max(both[0].last, both[1].last) > 1 else 1.0
    reason = Cited(
        sentence=f"the training accuracy ends at {both[0].last:.4g}, that of validation data at {both[1].last:.4g}: {{value}} of the range apart",
        claim="overfitting", value=(both[0].last - both[1].last) / scale, side="above", threshold=limits.gap, styles=SHARE,
    )  # fmt: skip
    return suspicion("overfitting", "", reason) if reason.supports else None


def plateau(train: Course, limits: Thresholds) -> Verdict | None:
    """A training loss that hardly fell."""
    reason = Cited(
        sentence=f"the training loss fell by {{value}} of itself, from {train.first:.4g} to {train.last:.4g}",
        claim="a plateau", value=train.fall, side="below", threshold=limits.removable, styles=SHARE,
    )  # fmt: skip
    if not reason.supports:
        return None
    classes = near_constant(train.last)
    told = (
        [f"{train.last:.4g} is near ln {classes}, what guessing among {classes} classes costs"]
        if classes
        else []
    )
    return suspicion("optimization", "plateau", reason, *told)


def near_constant(loss: float) -> int:
    """Give the number of classes whose guessing costs about that loss, 0 for none.

    >>> near_constant(0.6931), near_constant(2.31), near_constant(0.5)
    (2, 10, 0)
    """
    classes = round(math.exp(loss)) if 0 < loss < math.log(MOST_CLASSES + 1) else 0
    return classes if classes > 1 and abs(loss - math.log(classes)) <= NEAR * math.log(classes) else 0


def unfinished(log: Log, train: Course, limits: Thresholds) -> Verdict | None:
    """A training loss that still falls at the end."""
    falling, whole = train.third - train.fourth, train.first - min(train.last, train.fourth)
    if whole <= 0 or falling <= BEYOND * train.noise:
        return None
    reason = Cited(
        sentence=f"in the last quarter of the log the training loss fell from {train.third:.4g} to {train.fourth:.4g}, {{value}} of all that it fell by",
        claim="unfinished", value=falling / whole, side="above", threshold=limits.removable, styles=SHARE,
    )  # fmt: skip
    return suspicion("optimization", "unfinished", reason, *spent(log)) if reason.supports else None


def spent(log: Log) -> list[str]:
    """Say so where the rate had fallen so far that more updates alone would move nothing."""
    series = log.series.get("learning_rate")
    rates = np.zeros(0) if series is None else series.value[np.isfinite(series.value)]
    if not len(rates) or rates.max() <= 0 or rates[-1] >= SPENT * rates.max():
        return []
    return [
        f"though the rate had fallen to {rates[-1]:.3g}, from {rates.max():.3g}: more updates need a higher one"
    ]


def healthy(train: Course, held: Course | None, limits: Thresholds) -> Verdict | None:
    """A training loss that is small beside its start, and a held-out loss that does not rise."""
    if (
        held is None
        or train.first <= 0
        or held.last > held.least + BEYOND * held.noise + limits.gap * (held.first - held.least)
    ):
        return None
    small = Cited(
        sentence=f"the training loss ends at {train.last:.4g}, {{value}} of where it began", claim="small",
        value=train.last / train.first, side="below", threshold=limits.large, styles=SHARE,
    )  # fmt: skip
    beside = f"the validation loss ends at {held.last:.4g}, near its least, {held.least:.4g}"
    return suspicion("healthy", "", small, beside) if small.supports else None


def suspicion(code: str, subtype: str, *reasons: Reason) -> Verdict:
    """Make a verdict of a log, which is never more than a suspicion."""
    return Verdict(code=code, subtype=subtype, confidence="suspected", reasons=tuple(reasons))


def judged(log: Log, limits: Thresholds) -> Verdict:
    """Go through the rules; the first that holds is the verdict, and the others that hold stand beside it."""
    first = not_finite(log)
    train = Course.of(log.series["train_loss"]) if "train_loss" in log.series else None
    held = Course.of(log.series["validation_loss"]) if "validation_loss" in log.series else None
    found = [first] if first is not None else []
    if train is not None and first is None:
        rules = (
            exploding(log, train), overfitting(log, train, held, limits), plateau(train, limits), unfinished(log, train, limits),
            apart(log, limits), healthy(train, held, limits),
        )  # fmt: skip
        found = [verdict for verdict in rules if verdict is not None]
    elif first is None:
        found = [verdict for verdict in [apart(log, limits)] if verdict is not None]
    if not found:
        where = (
            () if train is None else (f"the training loss went from {train.first:.4g} to {train.last:.4g}",)
        )
        return suspicion("undetermined", "", *where)
    beside = [code_of(verdict) for verdict in found[1:] if verdict.code != "healthy"]
    return Verdict(**{**vars(found[0]), "accepted": tuple(dict.fromkeys((*found[0].accepted, *beside)))})


def code_of(verdict: Verdict) -> str:
    """Write code and sub-code as one."""
    return f"{verdict.code}/{verdict.subtype}" if verdict.subtype else verdict.code


def at(log: Log, step: float) -> str:
    """Name a step.

    >>> from pathlib import Path
    >>> at(Log(Path("log"), "CSV", {}), 2000.0)
    'update 2,000'
    """
    return f"{'epoch' if log.unit == 'epochs' else 'update'} {step:,.12g}"
