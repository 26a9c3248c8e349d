"""NaN and infinity in a model: which array holds them first, since when, and what to try."""

from __future__ import annotations

import math

import numpy as np

from landscape.diagnosis.vetoes import Veto
from landscape.model import Model
from landscape.model.finite import describe_not_finite

DATA_ADVICE = "remove these examples or fill their gaps in, then train from a new start: one NaN in a batch makes every parameter NaN"


def not_finite(model: Model) -> Veto | None:
    """Look for NaN and infinity in the data, which come first since they spread, and in the parameters; None where there are none."""
    data, arrays = describe_not_finite(model.data), model.parameters | model.buffers
    parameters = describe_not_finite(arrays)
    if data:
        spread = () if not parameters else (f"the parameters are not finite either: {parameters[0]}",)
        return Veto("no-signal", data[0], float(len(data)), 0.0, DATA_ADVICE, spread)
    if not parameters:
        return None
    which = f"{len(parameters)} of {len(arrays)} arrays of parameters are not finite, in the network's order {parameters[0]}"
    return Veto("exploding", which, float(len(parameters)), 0.0, advice(model), since(model))


def since(model: Model) -> tuple[str, ...]:
    """Say by log and checkpoints since when, and from what height the training loss went."""
    said = [first_of_log(model), last_of_checkpoints(model)]
    return tuple(sentence for sentence in said if sentence)


def first_of_log(model: Model) -> str:
    """Say at which update the log has the first loss that is not finite, and the last one that is; empty without a log."""
    losses, steps = model.history.get("train_loss"), model.history.get("step")
    if losses is None or not len(losses):
        return ""
    bad = ~np.isfinite(np.asarray(losses, np.float64))
    if not bad.any():
        return f"the log is finite to its end: its last training loss is {float(losses[-1]):.4g}"
    place = int(np.argmax(bad))

    def at(index: int) -> str:
        return f"entry {index + 1}" if steps is None else f"update {int(steps[index]):,}"

    before = (
        ""
        if place == 0
        else f", after {float(losses[place - 1]):.4g} at {at(place - 1)} and {float(losses[0]):.4g} at {at(0)}"
    )
    return f"the log's training loss is {float(losses[place])} from {at(place)} on{before}"


def last_of_checkpoints(model: Model) -> str:
    """Say which checkpoint is the last finite one; empty without checkpoints."""
    place = last_finite(model)
    if model.checkpoints is None:
        return ""
    if place is None:
        return f"none of {len(model.checkpoints)} checkpoints is finite"
    largest = float(np.abs(model.checkpoints[place]).max(initial=0.0))
    return (
        f"the last finite checkpoint is {named(model, place)}, where the largest parameter is {largest:.3g}"
    )


def last_finite(model: Model) -> int | None:
    """Find the last checkpoint without NaN or infinity."""
    if model.checkpoints is None:
        return None
    good = [place for place, row in enumerate(model.checkpoints) if np.isfinite(row).all()]
    return good[-1] if good else None


def named(model: Model, place: int) -> str:
    """Name a checkpoint by its update where that is known."""
    steps = model.checkpoint_steps
    return f"number {place + 1}" if steps is None else f"that of update {int(steps[place]):,}"


def advice(model: Model) -> str:
    """Say what to try after a training that left the numbers' range."""
    rate = model.training.get("learning_rate")
    tenth = "a tenth of the learning rate" + (
        f" ({0.1 * rate:g})" if isinstance(rate, float) and math.isfinite(rate) and rate > 0 else ""
    )
    place = last_finite(model)
    start = (
        "from a new start"
        if not place
        else f"from the checkpoint {named(model, place).removeprefix('that ')}"
    )
    return f"train again {start} with {tenth}, or with the gradient's norm bounded (--clip 1); standardize inputs and targets that are far from 1"
