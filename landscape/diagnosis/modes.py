"""The loss in training mode beside the loss in evaluation mode, and which of the two a log shows."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from landscape.diagnosis.outcomes import plain
from landscape.errors import InputError
from landscape.model import Model
from landscape.objective.training_mode import differs_in_training, losses_in_training

# Epochs in training mode, each with masks and an order of its own; differences count from so many standard errors on.
EPOCHS, ERRORS = 8, 3.0
# A log's last value is as good as a loss within this part of the loss and the constant's; of batches' losses the last tenth is averaged.
NEAR, TAIL = 0.01, 10
PYTORCH = "net.train() before each epoch of training, net.eval() before anything is evaluated, saved for use, or compared"


@dataclass(frozen=True)
class Modes:
    """The training loss in both modes: evaluated, and the mean over epochs in training mode with its standard error."""

    evaluation: float
    training: float
    error: float
    epochs: int
    dropout: bool
    statistics: bool

    @property
    def words(self) -> str:
        """What training mode does otherwise."""
        parts = {"dropout on": self.dropout, "statistics of batches": self.statistics}
        return " and ".join(part for part, there in parts.items() if there)

    @property
    def one(self) -> float:
        """The standard error of a single epoch in training mode."""
        return self.error * math.sqrt(self.epochs)

    def told(self) -> dict[str, Any]:
        """Return it as JSON, null for what is not finite."""
        return {name: plain(value) for name, value in asdict(self).items()}

    def line(self) -> str:
        """Say both losses.

        >>> Modes(0.02, 0.31, 0.004, 8, dropout=True, statistics=False).line()
        'training loss in training mode, with dropout on: 0.31 ± 0.004 (mean of 8 epochs and its standard error); in evaluation mode: 0.02'
        """
        return (
            f"training loss in training mode, with {self.words}: {self.training:.4g} ± {self.error:.1g} (mean of {self.epochs} epochs and its "
            f"standard error); in evaluation mode: {self.evaluation:.4g}"
        )


def modes_of(
    model: Model, evaluation: float, batch_size: int, seed: int, threads: int | None = None
) -> Modes | None:
    """Return the training loss in both modes; None if they are one, or where training mode has no finite loss."""
    if not differs_in_training(model):
        return None
    seeds = [seed + place for place in range(EPOCHS)]
    try:
        found = losses_in_training(model, min(batch_size, model.examples("train")), seeds, threads=threads)
    except InputError:
        return None
    if not np.isfinite(found).all():
        return None
    return Modes(
        evaluation,
        float(found.mean()),
        float(found.std(ddof=1) / math.sqrt(EPOCHS)),
        EPOCHS,
        dropout=any(node.traits.drops and node.attributes["p"] > 0 for node in model.nodes),
        statistics=any(node.traits.batch_statistics for node in model.nodes),
    )


def logged(model: Model) -> tuple[float, float]:
    """Return what the log's training loss ends with, and its standard error where it is of batches; NaN without a log."""
    series = model.history.get("train_loss")
    if series is None or not len(series):
        return math.nan, 0.0
    values = np.asarray(series, np.float64)
    if model.training.get("history_loss", "full") == "full":
        return float(values[-1]), 0.0
    tail = values[-max(1, len(values) // TAIL) :]
    return float(tail.mean()), float(tail.std(ddof=1) / math.sqrt(len(tail))) if len(tail) > 1 else 0.0


def log_in_training(model: Model, modes: Modes | None, constant: float) -> str:
    """Say that the log shows losses in training mode, where it ends with this one and not with that of evaluation; else nothing."""
    last, error = logged(model)
    if modes is None or not math.isfinite(last):
        return ""
    allowed = NEAR * (constant + abs(modes.training)) + ERRORS * math.hypot(modes.one, error)
    if abs(last - modes.training) > allowed or abs(last - modes.evaluation) <= allowed:
        return ""
    return (
        f"the log shows losses with {modes.words}: it ends with {last:.4g}, in training mode the loss is {modes.training:.4g} ± {modes.error:.1g}, in "
        f"evaluation mode {modes.evaluation:.4g}, which is the one that is judged; in PyTorch: {PYTORCH}"
    )


def wrong_mode(modes: Modes | None, constant: float, large: float, least: float) -> list[str]:
    """Warn where evaluation mode has a large loss that training mode lacks a part `least` of, in parts of the constant's.

    Examples
    --------
    >>> wrong_mode(Modes(0.9, 0.1, 0.01, 8, dropout=True, statistics=False), 1.0, 0.1, 0.1)[0].partition(": ")[0]
    'the training loss in evaluation mode, 0.9, is much worse than in training mode, 0.1 ± 0.01, with dropout on'
    >>> wrong_mode(Modes(0.1, 0.9, 0.01, 8, dropout=True, statistics=False), 1.0, 0.1, 0.1)
    []
    """
    if modes is None or not constant > 0:
        return []
    lower = min(modes.evaluation, max(constant, modes.training)) - modes.training
    if modes.evaluation <= large * constant or lower <= max(least * constant, ERRORS * modes.error):
        return []
    remedy = (
        "take the running statistics anew (torch.optim.swa_utils.update_bn(train_loader, net)), and shuffle the batches"
        if modes.statistics
        else "check that the same dropout is in the model that is evaluated, and that it scales what it keeps by 1/(1 − p)"
    )
    return [
        f"the training loss in evaluation mode, {modes.evaluation:.4g}, is much worse than in training mode, {modes.training:.4g} ± {modes.error:.1g}, "
        f"with {modes.words}: {remedy}; in PyTorch: {PYTORCH}"
    ]
