"""Recompute the running statistics of batch normalization, and compare them with those in the file."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from landscape.diagnosis.citing import SHARE, Cited
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.vetoes import Veto
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective import NetworkObjective
from landscape.objective.recomputed import RunningStatistics

ADVICE = "take the running statistics of batch normalization anew from the training data; the weights stay as they are"
PYTORCH = (
    "torch.optim.swa_utils.update_bn(train_loader, net)  # resets and recomputes them; or train longer, or with a larger momentum in "
    "nn.BatchNorm2d(channels, momentum=0.1)"
)
STATISTICS = "statistics"


@dataclass(frozen=True)
class Stale:
    """The losses over training data with the file's running statistics, and with those of the training data."""

    loss: float
    recomputed: float
    held: tuple[float, float] = (math.nan, math.nan)


def recomputed(model: Model, threads: int | None = None) -> Model | None:
    """Return the model with the running statistics of its training data; None if it keeps none."""
    try:
        found = RunningStatistics(model, threads=threads).at(model.theta)
    except InputError:
        return None
    places = {slot.name: slot for slot in model.constant_layout}
    moved = {
        key: np.asarray(found[places[key].start : places[key].stop]).reshape(array.shape).astype(array.dtype)
        for key, array in model.buffers.items()
        if key in places
    }
    return replace(model, buffers={**model.buffers, **moved})


def stale(model: Model, held: str | None, threads: int | None = None) -> Stale | None:
    """Evaluate with both statistics; None if there are none or a loss is not finite."""
    other = recomputed(model, threads)
    if other is None:
        return None

    def both(split: str) -> tuple[float, float]:
        one, two = (
            float(NetworkObjective(m, split, threads=threads).evaluate(m.theta).loss) for m in (model, other)
        )
        return one, two

    one, two = both("train")
    return (
        Stale(one, two, both(held) if held is not None else (math.nan, math.nan))
        if math.isfinite(two)
        else None
    )


def stale_veto(found: Stale | None, constant: float, limits: Thresholds) -> Veto | None:
    """Return the veto where other statistics lower a large loss by a part of the constant's or by half of itself, and held-out data do not lose.

    No weight differs, so that half of the loss is the statistics' fault even where that is little of the constant's, or where the rest is large.

    Examples
    --------
    >>> limits = Thresholds()
    >>> found = [stale_veto(Stale(*losses), 1.0, limits) for losses in ((0.102, 0.012), (3.8, 0.93), (0.102, 0.06), (5.0, 1.5))]
    >>> [veto is not None for veto in found]
    [True, True, False, False]
    """
    if found is None or not constant > 0:
        return None
    worse = found.held[1] > found.held[0]
    if not found.loss > limits.large * constant or worse:
        return None
    why = lowered_by(found, constant, limits)
    if why is None:
        return None
    reason = (
        f"with the running statistics of the training data the training loss is {found.recomputed:.4g}, with those of the file "
        f"{found.loss:.4g}; no weight differs"
    )
    held = (
        [f"the held-out loss goes from {found.held[0]:.4g} to {found.held[1]:.4g}"]
        if math.isfinite(found.held[0])
        else []
    )
    return Veto(
        "stale-statistics", reason, why.value, why.threshold, ADVICE, (why, *held), PYTORCH, STATISTICS
    )


def lowered_by(found: Stale, constant: float, limits: Thresholds) -> Cited | None:
    """Cite how much the statistics of the training data lower the loss, None where it is too little, or where it stays above the constant's."""
    part = (min(found.loss, max(constant, found.recomputed)) - found.recomputed) / constant
    if part > limits.stale:
        return Cited(
            sentence="that lowers it by {value} of the best constant predictor's loss",
            claim="stale", value=part, side="above", threshold=limits.stale, styles=SHARE,
        )  # fmt: skip
    half = 1 - found.recomputed / found.loss
    if half < limits.verified or found.recomputed >= constant:
        return None
    return Cited(
        sentence="that lowers it by {value} of itself",
        claim="stale", value=half, side="from", threshold=limits.verified, styles=SHARE,
    )  # fmt: skip
