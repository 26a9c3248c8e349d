"""What a trial came to: the losses at its best look, its share of the removable loss, its lead over the control."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from landscape.diagnosis.ensembles import Runs
from landscape.diagnosis.wording import worded

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A remedy tried: its kind, the losses it ends with (means over seeds), and how sure they are.

    `kind` is "fork" (the same network from the checkpoint), "fresh" (the same network from a new start), "penalty" (with a
    hundredth of the weight decay), "simpler" or "larger" (another network). `half` is half the 95 % t-interval of the training
    loss over seeds. `useful` says whether held-out data gain too. `share` is the part of the removable loss that it removes.
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

    def told(self) -> dict[str, Any]:
        """Give it as JSON, null for what is not finite."""
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
        )
        return {"words": worded(self.name)} | {key: plain(getattr(self, key)) for key in keys}


def plain(value: Any) -> Any:
    """Give null for a number that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def half_interval(values: Array, level: float = 0.95) -> float:
    """Give half the t-interval of a mean; infinite for one value.

    >>> round(half_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0])), 3)
    1.963
    """
    count = len(values)
    if count < 2 or not np.isfinite(values).all():
        return math.inf
    return float(student.ppf(0.5 + level / 2, count - 1) * values.std(ddof=1) / math.sqrt(count))


def outcomes(
    runs: Runs, kinds: dict[str, str], loss: float, paired: dict[str, Array] | None = None
) -> list[Outcome]:
    """Give the outcome of every label, each at the look where the held-out loss is least (the last one without).

    `loss` is the training loss that is to be lowered, `paired` the control's final losses [S] by kind.
    """
    return [
        outcome(runs, group, kinds[label], loss, (paired or {}).get(kinds[label]))
        for group, label in enumerate(runs.labels)
    ]


def outcome(runs: Runs, group: int, kind: str, loss: float, control: Array | None) -> Outcome:
    """Give the outcome of one label."""
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
        )
    values = train[good, at]
    lead = (loss if control is None else control[good]) - values
    held = math.nan if runs.held is None else float(np.mean(runs.held[group][good, at]))
    return Outcome(
        name=name, kind=kind, train=float(values.mean()), half=half_interval(values), held=held,
        gain=float(lead.mean()), gain_half=half_interval(lead), diverged=int((~good).sum()), seeds=len(final),
    )  # fmt: skip


def best_look(held: Array | None, train: Array) -> int:
    """Choose the look: the last, or that of the least mean held-out loss."""
    if held is None or not len(train):
        return -1
    means = np.nanmean(np.where(np.isfinite(held), held, np.nan), axis=0)
    return int(np.nanargmin(means)) if np.isfinite(means).any() else -1


def judged(
    found: Sequence[Outcome], loss: float, held: float, held_constant: float, useful: float
) -> list[Outcome]:
    """Say which outcomes help held-out data as well, by `useful` of the range there; all may, where there are none."""
    if not math.isfinite(held):
        return list(found)
    least = min([held, *(o.held for o in found if math.isfinite(o.held))])
    span = max(held_constant, held) - least
    return [
        replace(o, useful=bool(span > 0 and (held - o.held) >= useful * span and o.train < loss))
        for o in found
    ]


def shared(found: Sequence[Outcome], loss: float, best: float) -> list[Outcome]:
    """Give every outcome its share of the removable loss, `loss` − `best`.

    `loss` is the training loss, or the best constant predictor's where that is less: what lies above it any network is rid of.
    """
    removable = loss - best
    return [
        replace(o, share=(loss - o.train) / removable if removable > 0 and math.isfinite(o.train) else 0.0)
        for o in found
    ]


def best_of(found: Sequence[Outcome], *kinds: str) -> Outcome | None:
    """Give the useful outcome of the largest share among some kinds."""
    chosen = [o for o in found if o.useful and o.kind in kinds]
    return max(chosen, key=lambda o: o.share) if chosen else None
