"""The result of a trial: its losses at the best evaluation, its share of the removable loss, and its gain over the control."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from landscape.diagnosis.ensembles import Runs

Array = NDArray[np.float64]

# The label of the trial that others from the same parameters are measured against: more updates as before.
CONTROL = "longer"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A remedy tried: its kind, the losses it ends with (means over seeds), and how sure they are.

    `kind` is "fork" (the same network from the checkpoint), "fresh" (the same network from a new start), "penalty" (with a
    hundredth of the weight decay), "simpler" or "larger" (another network). `half` is half the 95 % t-interval of the training
    loss over seeds. `useful` says whether held-out data gain too. `share` is the part of the removable loss that it removes. `steps` are
    the updates that it took, `objective` is the loss with its penalty at the end, `wobble` how far the training loss went up and down
    between the looks of a run (standard deviation of its changes about their mean).
    """

    name: str
    kind: str
    train: float
    half: float
    held: float = math.nan
    gain: float = 0.0
    gain_half: float = math.inf
    useful: bool = True
    share: float = 0.0
    diverged: int = 0
    seeds: int = 1
    steps: int = 0
    objective: float = math.nan
    wobble: float = math.nan

    @property
    def same(self) -> bool:
        """Whether it is the same network, trained otherwise."""
        return self.kind in ("fork", "fresh")

    def told(self) -> dict[str, Any]:
        """Return it as JSON, null for what is not finite."""
        keys = (
            "name",
            "kind",
            "train",
            "half",
            "held",
            "gain",
            "gain_half",
            "useful",
            "share",
            "diverged",
            "seeds",
            "steps",
            "objective",
            "wobble",
        )
        return {key: plain(getattr(self, key)) for key in keys}


def plain(value: Any) -> Any:
    """Return null for a number that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def half_interval(values: Array, level: float = 0.95) -> float:
    """Return half the t-interval of a mean, infinite for one value.

    >>> round(half_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0])), 3)
    1.963
    """
    count = len(values)
    if count < 2 or not np.isfinite(values).all():
        return math.inf
    return float(student.ppf(0.5 + level / 2, count - 1) * values.std(ddof=1) / math.sqrt(count))


def outcomes(runs: Runs, kinds: dict[str, str], loss: float) -> list[Outcome]:
    """Return the outcome of every label, each at the look where the held-out loss is least (the last one without).

    `loss` is the training loss that is to be lowered. Forks are measured against the control among them, unless it diverged; it and all
    others against that loss.
    """
    control = runs.train[runs.labels.index(CONTROL), :, -1] if CONTROL in runs.labels else None
    known = control is not None and bool(np.isfinite(control).all())
    return [
        outcome(
            runs,
            group,
            kinds[label],
            loss,
            control if known and kinds[label] == "fork" and label != CONTROL else None,
        )
        for group, label in enumerate(runs.labels)
    ]


def outcome(runs: Runs, group: int, kind: str, loss: float, control: Array | None) -> Outcome:
    """Return the outcome of one label."""
    train = runs.train[group]
    final = train[:, -1]
    good = np.isfinite(final)
    at = best_look(None if runs.held is None else runs.held[group][good], train[good])
    name = runs.labels[group]
    if not good.any():
        return Outcome(
            name=name,
            kind=kind,
            train=math.inf,
            half=math.inf,
            useful=False,
            diverged=len(final),
            seeds=len(final),
            steps=int(runs.step[group][-1]),
        )
    values = train[good, at]
    lead = (loss if control is None else control[good]) - values
    held = math.nan if runs.held is None else float(np.mean(runs.held[group][good, at]))
    penalty = np.zeros(len(final)) if runs.penalty is None else runs.penalty[group]
    return Outcome(
        name=name, kind=kind, train=float(values.mean()), half=half_interval(values), held=held,
        gain=float(lead.mean()), gain_half=half_interval(lead), diverged=int((~good).sum()), seeds=len(final),
        steps=int(runs.step[group][at]), objective=float(np.mean((final + penalty)[good])), wobble=wobble(train[good]),
    )  # fmt: skip


def wobble(train: Array) -> float:
    """Return how far training losses [S, K] go up and down between looks: the mean over runs of the deviation of their changes.

    >>> wobble(np.array([[3.0, 2.0, 1.0]])), wobble(np.array([[1.0, 2.0, 1.0]]))
    (0.0, 1.0)
    """
    with np.errstate(invalid="ignore", over="ignore"):
        changes = np.diff(train, axis=1)
        found = float(np.mean(changes.std(axis=1))) if changes.shape[1] > 1 else math.nan
    return found if math.isfinite(found) else math.inf


def best_look(held: Array | None, train: Array) -> int:
    """Choose the look: the last, or that of the least mean held-out loss."""
    if held is None or not len(train):
        return -1
    means = np.nanmean(np.where(np.isfinite(held), held, np.nan), axis=0)
    return int(np.nanargmin(means)) if np.isfinite(means).any() else -1


def judged(
    found: Sequence[Outcome], loss: float, held: float, held_constant: float, useful: float
) -> list[Outcome]:
    """Return the outcomes with whether they help held-out data by `useful` of the range there, or as they are without such data.

    What lies above the best constant predictor's loss counts for nothing: an outcome that stays there has learned nothing that carries over.
    """
    if not math.isfinite(held):
        return list(found)
    start = held if math.isnan(held_constant) else min(held, held_constant)
    least = min([start, *(o.held for o in found if math.isfinite(o.held))])
    span = (held if math.isnan(held_constant) else held_constant) - least
    return [
        replace(o, useful=bool(span > 0 and (start - o.held) >= useful * span and o.train < loss))
        for o in found
    ]


def shared(found: Sequence[Outcome], loss: float, best: float) -> list[Outcome]:
    """Return every outcome with its share of the removable loss, `loss` − `best`.

    `loss` is the training loss, or the best constant predictor's where that is less: what lies above it any network is rid of.
    """
    removable = loss - best
    return [
        replace(o, share=(loss - o.train) / removable if removable > 0 and math.isfinite(o.train) else 0.0)
        for o in found
    ]


def best_of(found: Iterable[Outcome]) -> Outcome | None:
    """Return the useful outcome of the largest share, or None if none is useful."""
    return max((o for o in found if o.useful), key=lambda o: o.share, default=None)


def of_kind(found: Iterable[Outcome], kind: str) -> list[Outcome]:
    """Return the outcomes of a kind."""
    return [o for o in found if o.kind == kind]
