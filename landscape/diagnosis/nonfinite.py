"""NaN and infinity in a model: which array holds them first, since when, and what to try."""

from __future__ import annotations

import numpy as np

from landscape.diagnosis.architectures import start_of
from landscape.diagnosis.citing import Cited, Reason
from landscape.diagnosis.curvature import largest_curvature
from landscape.diagnosis.recipe import Training
from landscape.diagnosis.state import LARGEST, PLAIN, stability
from landscape.diagnosis.thresholds import Thresholds
from landscape.diagnosis.vetoes import Veto
from landscape.model import Model
from landscape.model.finite import describe_not_finite
from landscape.objective import NetworkObjective
from landscape.training import initialize
from landscape.training.start import fresh_statistics

DATA_ADVICE = "remove these examples or fill their gaps in, then train from a new start: one NaN in a batch makes every parameter NaN"


def not_finite(model: Model, training: Training, limits: Thresholds, threads: int | None) -> Veto | None:
    """Look for NaN and infinity in the data, which come first since they spread, and in the parameters; None if there are none."""
    data, arrays = describe_not_finite(model.data), model.parameters | model.buffers
    parameters = describe_not_finite(arrays)
    if data:
        spread = () if not parameters else (f"the parameters are not finite either: {parameters[0]}",)
        return Veto("no-signal", data[0], float(len(data)), 0.0, DATA_ADVICE, spread)
    if not parameters:
        return None
    count = "all" if len(parameters) == len(arrays) else f"{len(parameters)} of"
    which = f"{count} {len(arrays)} arrays of parameters are not finite, first in the network {parameters[0]}"
    steep = steepness(model, training, limits, threads)
    details: tuple[Reason, ...] = since(model) if steep is None else (*since(model), steep)
    return Veto("exploding", which, float(len(parameters)), 0.0, advice(model, training, steep), details)


def steepness(model: Model, training: Training, limits: Thresholds, threads: int | None) -> Cited | None:
    """Cite the largest curvature at the first checkpoint, or at a fresh start, against what the rate allows; None if it allows it, or is not known."""
    if not training.known or training.recipe.optimizer not in PLAIN or model.size > LARGEST:
        return None
    first = None if model.checkpoints is None else np.asarray(model.checkpoints[0], np.float64)
    at_start = first is not None and bool(np.isfinite(first).all())
    start = fresh_statistics(model)
    theta = (
        first if at_start and first is not None else initialize(start, start_of(model), training.recipe.seed)
    )
    try:
        largest = largest_curvature(
            NetworkObjective(start.with_theta(theta), "train", threads=threads), theta
        )
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return None
    found = Cited(
        sentence=f"at {'its' if at_start else 'a fresh'} start the largest curvature is {{value}} times what the rate, "
        f"{training.recipe.learning_rate:g}, allows",
        claim="bouncing", value=stability(training.recipe, largest), side="from", threshold=limits.edge,
    )  # fmt: skip
    return found if found.supports else None


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


def advice(model: Model, training: Training, steep: Cited | None) -> str:
    """Say what to try after a training that left the numbers' range."""
    rate = training.recipe.learning_rate
    part = 0.1 if steep is None else min(0.1, 0.5 / steep.value)
    known = "learning_rate" not in training.missing
    slower = f"a learning rate of at most {part * rate:.1g}" if known else "a tenth of the learning rate"
    place = last_finite(model)
    start = (
        "from a new start"
        if not place
        else f"from the checkpoint {named(model, place).removeprefix('that ')}"
    )
    return f"train again {start} with {slower}, or with the gradient's norm bounded (--clip 1); standardize inputs and targets that are far from 1"
