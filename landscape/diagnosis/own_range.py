"""The smallest loss that the range of the output allows for the user's own objective, whatever its parameters are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from landscape.diagnosis.own_session import Own
from landscape.diagnosis.ranges import ANYWHERE, DISTANCES, Asked
from landscape.diagnosis.vetoes import Ended, Veto, held_up, outside_words
from landscape.objective.about import Examples
from landscape.objective.endings import Ending

Array = NDArray[np.float64]


def examine_range(own: Own, loss: float) -> Veto | None:
    """Return the veto of an output whose range keeps the loss large; what is only suspected, warned of or not known is noted."""
    split = own.info.examples["train"]
    ending = split.ending(own.info.theta)
    if ending.reason:
        own.not_assessed.append(f"the least loss in the output's range: {ending.reason}")
    own.ending = ending
    if ending.span is None:
        return None
    end = ended(split, ending)
    veto = held_up(end, loss, own.constant, own.limits)
    if ending.observed:
        own.suspected = None if veto is None else doubted(veto, ending)
        own.warned += [] if own.suspected is None else [own.suspected.reason]
        return None
    if veto is None and loss > own.limits.large * own.constant:
        own.not_assessed.append(
            f"the network without its last {end.op}: a training function is not asked for that"
        )
    if end.loss in DISTANCES and end.outside > own.limits.output_range:
        own.warned.append(outside_words(end.op, end.outside, end.least, own.limits))
    # A function of the user's trains the network as it is, and not without its last activation.
    return None if veto is None else replace(veto, remedy="")


def ended(split: Examples, ending: Ending) -> Ended:
    """Compute the least loss in a range, and the share of the targets that lie outside."""
    assert ending.span is not None
    low, high = ending.span
    outside, count = 0, 0

    def choose(asked: Asked, targets: NDArray, shape: tuple[int, ...]) -> Array:
        nonlocal outside, count
        outside += int(np.sum((targets < low) | (targets > high)))
        count += int(np.size(targets))
        return asked.outputs(targets, shape)

    asked = Asked(
        ending.loss, ending.span, ending.axis, ending.soft, ending.simplex, ending.smoothing, ending.class_weights, ending.pos_weight
    )  # fmt: skip
    free = replace(asked, span=ANYWHERE, simplex=False)
    least, anywhere = (split.loss_of_chosen(partial(choose, one)) for one in (asked, free))
    return Ended(ending.op, ending.applied_by, ending.loss, least, outside / max(count, 1), anywhere)


def doubted(veto: Veto, ending: Ending) -> Veto:
    """Word a veto that holds only if all outputs lie where those of random parameters did."""
    assert ending.span is not None
    low, high = ending.span
    where = f"between {low:.3g} and {high:.3g}" if np.isfinite([low, high]).all() else (
        f"above {low:.3g}" if np.isfinite(low) else f"below {high:.3g}"
    )  # fmt: skip
    reason = f"at random parameters all outputs lie {where}: if they always do, the loss cannot fall below {veto.value:.3g}"
    advice = f"see whether the last op of the network ({ending.op}) keeps its outputs {where}"
    return replace(veto, reason=reason, details=(), advice=advice, pytorch="", remedy="")
