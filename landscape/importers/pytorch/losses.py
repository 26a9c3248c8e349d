"""PyTorch's losses in the format's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.errors import InputError
from landscape.files import shown
from landscape.importers.finish import Loss
from landscape.importers.nearest import EXIT
from landscape.model.losses import IGNORED, LOSSES

# Class and function → the format's name, and what the network itself must end with.
MODULES = {
    "CrossEntropyLoss": ("cross_entropy", None),
    "NLLLoss": ("cross_entropy", "log_softmax"),
    "BCEWithLogitsLoss": ("binary_cross_entropy", None),
    "BCELoss": ("binary_cross_entropy", "sigmoid"),
    "MSELoss": ("mse", None),
    "L1Loss": ("mae", None),
    "HuberLoss": ("huber", None),
    "SmoothL1Loss": ("huber", None),
}
FUNCTIONS = {
    "cross_entropy": MODULES["CrossEntropyLoss"],
    "nll_loss": MODULES["NLLLoss"],
    "binary_cross_entropy_with_logits": MODULES["BCEWithLogitsLoss"],
    "binary_cross_entropy": MODULES["BCELoss"],
    "mse_loss": MODULES["MSELoss"],
    "l1_loss": MODULES["L1Loss"],
    "huber_loss": MODULES["HuberLoss"],
    "smooth_l1_loss": MODULES["SmoothL1Loss"],
}
# What each attribute must be, for the format's loss to be the same.
PLAIN = {
    "reduction": "mean",
    "label_smoothing": 0.0,
    "weight": None,
    "pos_weight": None,
    "ignore_index": IGNORED,
}


@dataclass(frozen=True)
class TorchLoss:
    """A loss, and the op that must end the network and is then a part of the loss."""

    name: str
    tail: str | None
    scale: float = 1.0
    delta: float = 1.0

    def with_decay(self, weight_decay: float) -> Loss:
        """Give the loss as a model has it."""
        return Loss(self.name, self.scale, self.delta, weight_decay)


def read_loss(torch: Any, loss: Any) -> TorchLoss:
    """Understand a name of the format, a loss module or a function.

    Raises
    ------
    InputError
        Another loss, or one with weights, smoothing or a sum in place of the mean.
    """
    if isinstance(loss, str) and loss in LOSSES:
        return TorchLoss(loss, None)
    if isinstance(loss, torch.nn.Module) and type(loss).__name__ in MODULES:
        return _module(loss)
    known = getattr(loss, "__name__", "")
    if known in FUNCTIONS and getattr(torch.nn.functional, known) is loss:
        return TorchLoss(*FUNCTIONS[known])
    name = loss if isinstance(loss, str) else known or type(loss).__name__
    raise InputError(
        f"loss: expected one of {', '.join(LOSSES)}, or one of torch.nn: {', '.join(MODULES)}; found {shown(name)}"
    )


def _module(loss: Any) -> TorchLoss:
    kind = type(loss).__name__
    name, tail = MODULES[kind]
    for key, plain in PLAIN.items():
        if hasattr(loss, key) and getattr(loss, key) != plain:
            raise InputError(f"loss: {kind} with {key}={plain!r} expected{_instead(key, getattr(loss, key))}")
    delta = float(getattr(loss, "delta", getattr(loss, "beta", 1.0)))
    if kind == "SmoothL1Loss" and delta == 0:
        return TorchLoss("mae", None)
    return TorchLoss(name, tail, 1.0 / delta if kind == "SmoothL1Loss" else 1.0, delta)


def criterion(torch: Any, loss: Any, wanted: TorchLoss) -> Callable[[Any, np.ndarray], Any]:
    """Make the user's loss a function of the module's outputs and a model's targets, or that of the format's name."""
    functional = torch.nn.functional
    named = {
        "cross_entropy": functional.cross_entropy,
        "binary_cross_entropy": functional.binary_cross_entropy_with_logits,
        "mse": functional.mse_loss,
        "mae": functional.l1_loss,
        "huber": functional.huber_loss,
    }
    function = named[loss] if isinstance(loss, str) else loss

    def value(outputs: Any, targets: np.ndarray) -> Any:
        if wanted.name == "cross_entropy":
            classes = torch.from_numpy(np.asarray(targets, np.int64)).reshape(-1)
            return function(outputs.reshape(len(classes), -1), classes)
        numbers = torch.from_numpy(np.asarray(targets, np.float64)).to(outputs.dtype)
        return function(outputs, numbers.reshape(outputs.shape))

    return value


def _instead(key: str, found: Any) -> str:
    """Say what to do in the place of a setting that the format does not have."""
    if key == "reduction" and found == "sum":
        return ", found 'sum': over a batch of B examples that is B times the mean, so a rate B times as large does the same with the mean"
    return f"; the format has no other: {EXIT}"
